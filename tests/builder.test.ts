import { assertEquals, assertRejects } from "@std/assert";
import {
  buildArgv,
  type Builder,
  buildImage,
  findBuilder,
  type ImageBuild,
  parseStep,
  pourInto,
  type Step,
} from "../lib/builder.ts";
import { Engine } from "../lib/engine.ts";
import { CancelledError, KrunnerError, StageError } from "../lib/errors.ts";
import { tempDir } from "./package_fixture.ts";
import { ScriptedEngine } from "./scripted_engine.ts";

const CLASSIC: Builder = {
  kind: "classic",
  args: ["build", "--force-rm"],
  env: { DOCKER_BUILDKIT: "0" },
};

Deno.test("buildArgv() makes the builder's command line", async (t) => {
  const build = {
    dockerfile: "krunner-env.debian12.dockerfile",
    image: "me/krunner-env:debian12",
    buildArgs: {},
    noCache: false,
  };
  const start = [
    "build",
    "--force-rm",
    "--file",
    "krunner-env.debian12.dockerfile",
    "--tag",
    "me/krunner-env:debian12",
  ];
  const cases: [string, Parameters<typeof buildArgv>[1], string[]][] = [
    ["nothing else", build, [...start, "-"]],
    ["build arguments, as they are", {
      ...build,
      buildArgs: { A: "1", B: "$(x) 'y'\n", EMPTY: "" },
    }, [
      ...start,
      "--build-arg",
      "A=1",
      "--build-arg",
      "B=$(x) 'y'\n",
      "--build-arg",
      "EMPTY=",
      "-",
    ]],
    [
      "all",
      {
        ...build,
        platform: "linux/arm64",
        network: "none",
        noCache: true,
      },
      [
        ...start,
        "--platform",
        "linux/arm64",
        "--network",
        "none",
        "--no-cache",
        "-",
      ],
    ],
  ];
  for (const [name, options, expected] of cases) {
    await t.step(name, () => {
      assertEquals(buildArgv(CLASSIC, options), expected);
    });
  }
});

Deno.test("parseStep() finds the step that begins", async (t) => {
  const cases: [string, Step | undefined][] = [
    ["Step 3/12 : RUN make", { step: 3, total: 12 }],
    ["#5 [2/3] COPY a /x", { step: 2, total: 3 }],
    ["#12 [volume 3/7] RUN x", { step: 3, total: 7 }],
    ["#12 [volume  3/17] RUN x", { step: 3, total: 17 }],
    ["#12 [linux/amd64 volume 3/7] RUN x", { step: 3, total: 7 }],
    ["#12 [linux/amd64->arm64 volume 3/7] RUN x", { step: 3, total: 7 }],
    ["#7 [stage-1 2/2] RUN x", { step: 2, total: 2 }],
    ["STEP 4/9: RUN x", { step: 4, total: 9 }],
    ["#1 [internal] load build definition from Dockerfile", undefined],
    ["#5 0.123 Step 3/12 : RUN make", undefined],
    ["#5 0.123 [2/3] x", undefined],
    ["#5 CACHED", undefined],
    [" ---> Running in 123456789012", undefined],
    ["[2/3] Compiling x", undefined],
    ["", undefined],
  ];
  for (const [line, expected] of cases) {
    await t.step(line, () => assertEquals(parseStep(line), expected));
  }
});

/** Builds with a script in the client's place; returns its log. */
async function build(
  script: string,
  { engine = new ScriptedEngine(script), ...changes }:
    & Partial<ImageBuild>
    & { engine?: Engine } = {},
): Promise<{ log: string; error: unknown }> {
  using dir = tempDir();
  const log = `${dir.path}/env.log`;
  const error = await buildImage(engine, CLASSIC, {
    what: '"debian12", stage "env"',
    dockerfile: "Dockerfile",
    image: "x",
    buildArgs: {},
    noCache: false,
    context: () =>
      Promise.resolve(ReadableStream.from([new TextEncoder().encode("tar")])),
    log,
    ...changes,
  }).catch((error) => error);
  return { log: await Deno.readTextFile(log).catch(() => ""), error };
}

Deno.test("buildImage() logs all that the builder prints", async () => {
  const lines: string[] = [];
  const { log, error } = await build(
    String.raw`
      printf '%s\n' "$*" "$DOCKER_BUILDKIT" "$(cat)"
      printf '\033[91mred\033[0m\n 10%%\r 50%%\r100%%\r\nCRLF\r\n\n'
      printf 'DEPRECATED: The legacy builder is deprecated\nno line break'`,
    { onLine: (line) => lines.push(line) },
  );
  const expected = [
    "build --force-rm --file Dockerfile --tag x -",
    "0",
    "tar",
    "red",
    "100%",
    "CRLF",
    "",
    "DEPRECATED: The legacy builder is deprecated",
    "no line break",
  ];
  assertEquals([log, error], [`${expected.join("\n")}\n`, undefined]);
  assertEquals(lines, expected);
});

Deno.test("buildImage() keeps characters that arrive in parts", async () => {
  const { log } = await build(
    String.raw`printf '\303'; sleep 0.1; printf '\251\n'`,
  );
  assertEquals(log, "é\n");
});

Deno.test("buildImage() fails with the last lines that matter", async () => {
  const { log, error } = await build(`
    cat >/dev/null
    for i in $(seq 20); do echo "$i"; echo; done
    cat <<'EOF'
DEPRECATED: The legacy builder is deprecated and will be removed in a future release.
            Install the buildx component to build images with BuildKit:
            https://docs.docker.com/go/buildx/

            BuildKit is currently disabled; enable it by removing the DOCKER_BUILDKIT=0
            environment-variable.
EOF
    exit 3`);
  assertEquals(log.split("\n").length, 20 * 2 + 6 + 1);
  if (!(error instanceof StageError)) throw error;
  assertEquals(
    error.message,
    'Cannot build "debian12", stage "env": classic builder ended with exit code 3',
  );
  assertEquals(
    error.lastLines,
    Array.from({ length: 15 }, (_, i) => String(i + 6)),
  );
  assertEquals(error.log.endsWith("/env.log"), true);
});

Deno.test("buildImage() asks the engine whether it is to blame", async () => {
  const script = "cat >/dev/null; echo unexpected EOF >&2; exit 1";
  const cases: [KrunnerError | undefined, string][] = [
    // A program of the build may say so too.
    [undefined, "classic builder ended with exit code 1"],
    [
      new KrunnerError("Cannot reach the docker engine: it is not running"),
      "Cannot reach the docker engine: it is not running",
    ],
  ];
  for (const [fault, words] of cases) {
    const engine = new ScriptedEngine(script, undefined, fault);
    const { error } = await build(script, { engine });
    assertEquals(
      (error as Error).message,
      `Cannot build "debian12", stage "env": ${words}`,
    );
  }
});

Deno.test("buildImage() does not mind a builder that reads no context", async () => {
  const { error } = await build("exec <&-; exit 0", {
    context: () =>
      Promise.resolve(ReadableStream.from([new Uint8Array(10_000_000)])),
  });
  assertEquals(error, undefined);
});

Deno.test("buildImage() ends the builder when its context fails", async (t) => {
  const failure = new KrunnerError("Cannot read the file");
  const cases: [string, ImageBuild["context"]][] = [
    ["at once", () => Promise.reject(failure)],
    ["on its way", () =>
      Promise.resolve(
        ReadableStream.from((async function* () {
          yield new Uint8Array(1);
          await Promise.resolve();
          throw failure;
        })()),
      )],
  ];
  for (const [name, context] of cases) {
    await t.step(name, async () => {
      const { error } = await build("exec sleep 60", {
        context,
      });
      assertEquals(error, failure);
    });
  }
});

Deno.test("buildImage() says when the log cannot be written", async (t) => {
  const script = "echo line; exec sleep 60";
  const cases: [string, string, string][] = [
    [
      "no folder",
      "/no/such/folder/x.log",
      "no such file or directory; see that its folder exists and that you may write there",
    ],
    [
      "no space",
      "/dev/full",
      "no space is left on the device; free some space there",
    ],
  ];
  for (const [name, log, words] of cases) {
    await t.step(name, async () => {
      const { error } = await build(script, { log });
      assertEquals((error as Error).message, `Cannot write "${log}": ${words}`);
    });
  }
});

Deno.test("buildImage() ends when it is cancelled", async () => {
  const controller = new AbortController();
  const { error } = await build("", {
    engine: new ScriptedEngine(
      "echo begun; exec sleep 60",
      controller.signal,
    ),
    onLine: () => controller.abort(),
  });
  assertEquals(error instanceof CancelledError, true, String(error));
});

Deno.test("pourInto() passes on what is not the child's own end", async () => {
  const stdin = () => new WritableStream<Uint8Array>();
  const broken = (error: Error) =>
    new WritableStream<Uint8Array>({
      write() {
        throw error;
      },
    });
  const input = () => ReadableStream.from([new Uint8Array(1)]);
  await pourInto(input(), stdin());
  await pourInto(input(), broken(new Deno.errors.BrokenPipe("closed")));
  await assertRejects(
    () => pourInto(input(), broken(new TypeError("bad"))),
    TypeError,
  );
});

/** A client that logs its calls to `$CALLS` and knows only some commands. */
function client(calls: string, ...working: string[]): string {
  const cases = ["import", ...working].map((word) => `*"${word}"*) exit 0 ;;`);
  return `
    words="$DOCKER_BUILDKIT $*"
    case "$*" in *image*rm*) ;; *) cat >/dev/null ;; esac
    echo "$words" >>'${calls}'
    case "$words" in ${cases.join(" ")} esac
    echo "Error response from daemon: no" >&2; exit 1`;
}

Deno.test("findBuilder() takes the best builder that works", async (t) => {
  const cases: [string, string[], Builder["kind"]][] = [
    ["buildx", ["buildx", "1 build"], "buildx"],
    ["buildkit", ["1 build --progress"], "buildkit"],
    ["classic", [], "classic"],
  ];
  for (const [name, working, kind] of cases) {
    await t.step(name, async () => {
      using dir = tempDir();
      const calls = `${dir.path}/calls`;
      const engine = new ScriptedEngine(client(calls, ...working));
      assertEquals((await findBuilder(engine, "key")).kind, kind);
      const made = (await Deno.readTextFile(calls)).trim().split("\n");
      assertEquals(made[0]?.trim(), "import - krunner-probe:key");
      // Whatever was found, nothing of the search stays behind.
      assertEquals(made.slice(-2).map((call) => call.trim()), [
        "image rm krunner-probe:key-built",
        "image rm krunner-probe:key",
      ]);
    });
  }
  await t.step("another engine's only one", async () => {
    const builder = await findBuilder(new Engine("podman"), "key");
    assertEquals(builder, { kind: "native", args: ["build"], env: {} });
  });
});

Deno.test("findBuilder() says when the engine takes no image", async () => {
  const engine = new ScriptedEngine(
    "echo 'Error response from daemon: read-only' >&2; exit 1",
  );
  const error = await assertRejects(
    () => findBuilder(engine, "key"),
    KrunnerError,
  );
  assertEquals(
    error.message,
    "Cannot import an image: docker says: read-only",
  );
});

Deno.test("findBuilder() removes its image though it was cancelled", async () => {
  using dir = tempDir();
  const calls = `${dir.path}/calls`;
  const controller = new AbortController();
  const engine = new ScriptedEngine(
    `echo "$*" >>'${calls}'; case "$1" in import) exec sleep 60 ;; esac`,
    controller.signal,
  );
  const found = findBuilder(engine, "key");
  while (await Deno.stat(calls).catch(() => undefined) === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  controller.abort();
  await assertRejects(() => found, CancelledError);
  assertEquals((await Deno.readTextFile(calls)).split("\n"), [
    "import - krunner-probe:key",
    "image rm krunner-probe:key-built",
    "image rm krunner-probe:key",
    "",
  ]);
});
