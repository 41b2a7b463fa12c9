/**
 * What `build.ts` promises, on a real engine and a family of a few kilobytes.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  assertFailure,
  digest,
  envDockerfile,
  type Family,
  Laboratory,
  must,
  run,
} from "./engine_fixture.ts";

const ARCH = Deno.build.arch;
const ARCHIVE = `krunner-env.demo1.0.${ARCH}.tar.xz`;
const MANIFEST = `krunner-env.demo1.0.${ARCH}.json`;
const SPDX = MANIFEST.replace(/json$/, "spdx.json");
const NO_ENGINE = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };

let laboratory: Laboratory;
Deno.test.beforeAll(async () => {
  laboratory = await Laboratory.open();
});
Deno.test.afterAll(async () => {
  await laboratory[Symbol.asyncDispose]();
});

/** A header of a tar archive, as it is written. */
interface RawHeader {
  name: string;
  owner: string;
  mtime: number;
  type: string;
}

/** Reads headers without understanding any extension. */
async function rawHeaders(archive: string): Promise<RawHeader[]> {
  const { stdout } = await new Deno.Command("busybox", {
    args: ["xz", "-dc", archive],
  }).output();
  const headers: RawHeader[] = [];
  const text = (offset: number, length: number) =>
    new TextDecoder().decode(stdout.subarray(offset, offset + length))
      .replace(/\0.*$/s, "").trim();
  const octal = (offset: number, length: number) =>
    parseInt(text(offset, length) || "0", 8);
  for (let at = 0; stdout[at] !== 0;) {
    const [prefix, name] = [text(at + 345, 155), text(at, 100)];
    const [user, group] = [text(at + 265, 32), text(at + 297, 32)];
    headers.push({
      name: prefix === "" ? name : `${prefix}/${name}`,
      owner: `${octal(at + 108, 8)}${user}:${octal(at + 116, 8)}${group}`,
      mtime: octal(at + 136, 12),
      type: text(at + 156, 1),
    });
    at += 512 + Math.ceil(octal(at + 124, 12) / 512) * 512;
  }
  return headers;
}

/** Type, mode and content of everything below a folder, by path. */
async function readTree(
  dir: string,
  prefix = ".",
): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for await (const { name } of Deno.readDir(`${dir}/${prefix}`)) {
    const path = `${prefix}/${name}`;
    const info = await Deno.lstat(`${dir}/${path}`);
    const mode = (info.mode! & 0o7777).toString(8);
    if (info.isSymlink) tree[path] = await Deno.readLink(`${dir}/${path}`);
    else if (info.isFile) {
      tree[path] = `${mode} ${await digest(`${dir}/${path}`)}`;
    } else Object.assign(tree, { [path]: mode }, await readTree(dir, path));
  }
  return tree;
}

/** Unpacks an archive as the agent's extractor does. */
async function unpack(archive: string): Promise<string> {
  const dir = await Deno.makeTempDir({ dir: laboratory.root });
  await must(["busybox", "tar", "xJf", archive, "-C", dir]);
  return dir;
}

/** The volume of an image, as the engine itself gives it. */
async function copyFromImage(image: string): Promise<string> {
  const dir = await Deno.makeTempDir({ dir: laboratory.root });
  const container = await must(["docker", "create", image, "x"]);
  await must(["docker", "cp", `${container}:/opt/backend.ai/.`, dir]);
  await must(["docker", "rm", "-v", container]);
  return dir;
}

/** Why a build happened, as stderr says. */
function reasonOf({ stderr }: { stderr: string }): string | undefined {
  return /^demo1\.0: building, for (.*)$/m.exec(stderr)?.[1];
}

const LONG = "d".repeat(90);
const LONG_NAMES = [`${"n".repeat(150)}`, `${LONG}/${LONG}/${LONG}/file`];

const RICH = envDockerfile(
  `RUN cd /opt/backend.ai && mkdir -p empty share ${LONG}/${LONG}/${LONG} \\
 && echo a >share/file && echo b >share/private && chmod 600 share/private \\
 && echo c >"share/a space" && echo d >share/ü && chmod 555 share/ü \\
 && ln share/file share/hard && ln -s file share/relative \\
 && ln -s /opt/backend.ai/bin/python share/absolute \\
 && ln -s ${LONG}/${LONG}/${LONG}/file long-link \\
 && ${LONG_NAMES.map((name) => `echo ${name} >${name}`).join(" && ")}`,
  12,
);

Deno.test("build.ts leaves an archive, version files and a manifest", async (t) => {
  const family = await laboratory.family({
    "krunner-env.demo1.0.dockerfile": RICH,
  });
  const { stdout, stderr } = await family.built();
  assertEquals(reasonOf({ stderr }), "it was not built here yet");
  assertEquals(Object.keys(await family.outputs()), [
    MANIFEST,
    SPDX,
    ARCHIVE,
    "krunner-python.demo1.0.txt",
    "krunner-version.demo1.0.txt",
  ]);
  assertEquals(await family.read("krunner-python.demo1.0.txt"), "3.11\n");
  assertEquals(await family.read("krunner-version.demo1.0.txt"), "12\n");
  assertStringIncludes(stdout, "demo1.0  built  version 12  Python 3.11");
  assertEquals(await laboratory.containers(), []);

  const archive = family.path(ARCHIVE);
  const headers = await rawHeaders(archive);

  await t.step("the manifest tells what the archive is", async () => {
    const manifest = JSON.parse(await family.read(MANIFEST));
    const { size } = await Deno.stat(archive);
    assertEquals(manifest.archive.file, ARCHIVE);
    assertEquals(manifest.archive.size, size);
    assertEquals(manifest.archive.sha256, await digest(archive));
    assertEquals(manifest.archive.mtime, 0);
    assertEquals(
      manifest.archive.entries,
      headers.filter(({ type }) => !/[LK]/.test(type)).length,
    );
    assertEquals(manifest.volumeVersion, 12);
    assertEquals(manifest.python, "3.11");
    assertEquals(manifest.base.reference, laboratory.base);
    const image = `${laboratory.prefix}-env:demo1.0`;
    assertEquals(manifest.image, {
      reference: image,
      id: await must(["docker", "inspect", "-f", "{{.Id}}", image]),
    });
    assertEquals(Object.keys(manifest.inputs.files), [
      "krunner-env.demo1.0.dockerfile",
      "krunner-python.demo.dockerfile",
      "python",
    ]);
    assertEquals(manifest.firstInputs, manifest.inputs);
  });

  await t.step("BusyBox unpacks what the image holds", async () => {
    const expected = await readTree(
      await copyFromImage(`${laboratory.prefix}-env:demo1.0`),
    );
    assertEquals(expected["./share/absolute"], "/opt/backend.ai/bin/python");
    expected["./share/absolute"] = "../bin/python";
    const actual = await readTree(await unpack(archive));
    assertEquals(actual, expected);
    for (const name of LONG_NAMES) assert(actual[`./${name}`] !== undefined);
    assertEquals(actual["./share/private"]?.split(" ")[0], "600");
  });

  await t.step("the entries are sorted, of one owner and one time", () => {
    assertEquals(headers[0]?.name, "./");
    for (const { name, owner, mtime, type } of headers) {
      assert(name.startsWith("./") || /[LK]/.test(type), name);
      assertEquals(owner, "0:0", name);
      assertEquals(/[LK]/.test(type) ? 0 : mtime, 0, name);
      assert("0125LK".includes(type), `${name} has type ${type}`);
    }
    const top = headers.map(({ name }) => name)
      .filter((name) => /^\.\/[^/]+\/?$/.test(name));
    assertEquals(top, [...top].sort());
    assertEquals(headers.filter(({ type }) => type === "L").length, 3);
    assertEquals(headers.filter(({ type }) => type === "K").length, 1);
  });

  await t.step("the logs hold what the builder said", async () => {
    assertStringIncludes(
      await family.read("logs/demo1.0.env.log"),
      "ai.backend.krunner.version=12",
    );
  });
});

Deno.test("build.ts takes the archive's time from SOURCE_DATE_EPOCH, else the commit, else 0", async () => {
  const family = await laboratory.family();
  const timeOfBuild = async (epoch: string) => {
    await family.built(["demo1.0", "--force"], {
      env: { SOURCE_DATE_EPOCH: epoch },
    });
    const times = (await rawHeaders(family.path(ARCHIVE)))
      .map(({ mtime }) => mtime);
    assertEquals(new Set(times).size, 1);
    return times[0];
  };
  const git = (...args: string[]) =>
    must(["git", "-c", "user.name=a", "-c", "user.email=a@b", ...args], {
      cwd: family.dir,
      env: { GIT_COMMITTER_DATE: "1234567890 +0100" },
    });
  assertEquals(await timeOfBuild(""), 0);
  await git("init", "-q");
  await git("add", "python");
  await git("commit", "-q", "-m", "first");
  assertEquals(await timeOfBuild(""), 1234567890);
  assertEquals(await timeOfBuild("1700000000"), 1700000000);
  const message = assertFailure(
    await family.build(["demo1.0", "--force"], {
      env: { SOURCE_DATE_EPOCH: "yesterday" },
    }),
    2,
  );
  assertStringIncludes(message, 'SOURCE_DATE_EPOCH "yesterday"');
});

Deno.test("build.ts does nothing where nothing changed, with no engine at all", async () => {
  const family = await laboratory.family();
  await family.built();
  const before = await family.outputs();
  await family.write({ "unrelated.txt": "no dockerfile copies this" });
  const { stdout, stderr } = await family.built(["demo1.0"], {
    env: NO_ENGINE,
  });
  assertStringIncludes(stderr, "demo1.0: up to date, no input changed");
  assertStringIncludes(stdout, "demo1.0  up-to-date  version 7");
  const { "unrelated.txt": _, ...after } = await family.outputs();
  assertEquals(after, before);
});

Deno.test("build.ts builds again for each change, and says which it was", async (t) => {
  const wheelhouse = `${laboratory.root}/wheelhouse`;
  const wheel = `${wheelhouse}/a-1-py3-none-any.whl`;
  await Deno.mkdir(wheelhouse);
  await Deno.writeTextFile(wheel, "a");
  const stages = {
    python: "krunner-python.demo.dockerfile",
    env: "krunner-env.demo1.0.dockerfile",
  };
  const family = await laboratory.family({
    [stages.env]: envDockerfile(
      `ARG FLAVOUR=plain
ARG TASTE
COPY --from=${laboratory.prefix}-wheels:demo1.0 /wheels /tmp/wheels
COPY data /opt/backend.ai/`,
    ),
    "data/one": "1",
    "data/two": "2",
  });
  const args = [
    "demo1.0",
    `--wheelhouse=${wheelhouse}`,
    "--build-arg=TASTE=sweet",
  ];
  await family.built(args);
  type Case = [
    reason: string,
    change: ((copy: Family) => Promise<void>) | undefined,
    args?: string[],
  ];
  const cases: Case[] = [
    ["data/one", (copy) => copy.write({ "data/one": "2" })],
    ["data/three (new)", (copy) => copy.write({ "data/three": "3" })],
    ["data/two (removed)", (copy) => copy.write({ "data/two": "" })],
    ["python", (copy) => copy.write({ "python": "#!/bin/sh\n" })],
    ...Object.values(stages).map((name): Case => [
      name,
      (copy) => copy.replace(name, "FROM", "# new\nFROM"),
    ]),
    [
      "volume version 1 → 2",
      (copy) => copy.replace(stages.env, "version=1", "version=2"),
    ],
    [
      "build argument FLAVOUR (new)",
      undefined,
      [...args, "--build-arg=FLAVOUR=rich"],
    ],
    ["build argument TASTE (removed)", undefined, args.slice(0, 2)],
    [
      "build argument TASTE",
      undefined,
      [...args.slice(0, 2), "--build-arg=TASTE=sour"],
    ],
    ["wheel a-1-py3-none-any.whl", () => Deno.writeTextFile(wheel, "b")],
    [
      `base image ${laboratory.base} → other`,
      () => Deno.writeTextFile(wheel, "a"),
      [...args, "--base-image=other"],
    ],
    [
      `${ARCHIVE} is missing or not its build's own`,
      (copy) => copy.write({ [ARCHIVE]: "" }),
    ],
    [
      `${SPDX} is missing or not its build's own`,
      (copy) => copy.write({ [SPDX]: "{}\n" }),
    ],
    [
      `krunner-version.demo1.0.txt is missing or not its build's own`,
      (copy) => copy.write({ "krunner-version.demo1.0.txt": "9\n" }),
    ],
    [
      "its manifest cannot be read",
      (copy) => copy.write({ [MANIFEST]: "not JSON" }),
    ],
    ["it was not built here yet", (copy) => copy.write({ [MANIFEST]: "" })],
    ["--force", undefined, [...args, "--force"]],
  ];
  for (const [reason, change, others] of cases) {
    await t.step(reason, async () => {
      const copy = await family.copy();
      await change?.(copy);
      const { stdout } = await copy.built([
        ...others ?? args,
        "--dry-run",
        "--json",
      ]);
      assertEquals(JSON.parse(stdout).reasons, [reason]);
    });
  }

  await t.step("and then it is up to date again", async () => {
    const before = await family.outputs();
    await family.write({ "data/one": "new" });
    await family.replace(stages.env, "version=1", "version=2");
    assertEquals(
      reasonOf(await family.built(args)),
      "volume version 1 → 2, data/one",
    );
    const { stdout } = await family.built(args, { env: NO_ENGINE });
    assertStringIncludes(stdout, "up-to-date");
    assertEquals(await family.read("krunner-version.demo1.0.txt"), "2\n");
    assert((await family.outputs())[ARCHIVE] !== before[ARCHIVE]);
  });
});

Deno.test("build.ts finds stages by distro version, then family, and builds those that are wanted", async (t) => {
  const python = (text: string) =>
    `ARG BASE_IMAGE\nFROM \${BASE_IMAGE}\nARG FLAVOUR\nCOPY python ttyd_linux.*.bin /opt/backend.ai/bin/\nRUN cd /opt/backend.ai && mkdir -p lib/python3.11/site-packages/ai/backend/kernel lib/python3.11/site-packages/ai/backend/helpers && echo ${text} $FLAVOUR >note && cd bin && if [ -e ttyd_linux.${ARCH}.bin ]; then mv ttyd_linux.${ARCH}.bin ttyd && chmod 755 ttyd; fi\n`;
  const env = (steps: string) =>
    envDockerfile(`COPY python /tmp/python\n${steps}`);
  const wheels =
    `FROM ${laboratory.base}\nRUN mkdir wheels && echo x >wheels/x\n`;
  const copyWheels =
    `COPY --from=${laboratory.prefix}-wheels:demo2.0 /wheels /opt/backend.ai/wheels`;
  const family = await laboratory.family({
    "krunner-python.demo.dockerfile": python("family"),
    "krunner-python.demo1.0.dockerfile": python("own"),
    "krunner-wheels.demo.dockerfile": wheels,
    "krunner-env.demo1.0.dockerfile": env(""),
    "krunner-env.demo2.0.dockerfile": env(copyWheels),
  });
  const image = async (stage: string, name: string) =>
    (await run(["docker", "inspect", `${laboratory.prefix}-${stage}:${name}`]))
      .code === 0;

  await t.step("no wheels stage for a volume without wheels", async () => {
    await run(["docker", "rmi", `${laboratory.prefix}-wheels:demo1.0`]);
    const { stderr } = await family.built([
      "demo1.0",
      "--build-arg=FLAVOUR=sweet",
    ]);
    assertStringIncludes(stderr, "will have no bin/ttyd");
    assertEquals(await image("wheels", "demo1.0"), false);
    const dir = await unpack(family.path(ARCHIVE));
    assertEquals(await Deno.readTextFile(`${dir}/note`), "own sweet\n");
  });

  await t.step("the family's stages, and ttyd where it is there", async () => {
    await family.write({ [`ttyd_linux.${ARCH}.bin`]: "ttyd" });
    await Deno.chmod(family.path(`ttyd_linux.${ARCH}.bin`), 0o600);
    const { stderr } = await family.built(["demo2.0"]);
    assert(!stderr.includes("no bin/ttyd"), stderr);
    assertStringIncludes(stderr, "no licence text of Python, ttyd");
    assertEquals(await image("wheels", "demo2.0"), true);
    const dir = await unpack(
      family.path(ARCHIVE.replace("demo1.0", "demo2.0")),
    );
    const tree = await readTree(dir);
    assertEquals(await Deno.readTextFile(`${dir}/note`), "family\n");
    assertEquals(await Deno.readTextFile(`${dir}/wheels/x`), "x\n");
    assertEquals(tree["./bin/ttyd"]?.split(" ")[0], "755");
  });

  await t.step("the record of ttyd, if it is about this one", async () => {
    const binary = `ttyd_linux.${ARCH}.bin`;
    const sha256 = await digest(family.path(binary));
    const record = (digest: string) =>
      JSON.stringify({
        schema: 1,
        recipe: "modern",
        binary: { sha256: digest },
        packages: [{ name: "ttyd", version: "1.7.7", licence: "MIT" }],
      });
    const found = async () => {
      const { stderr } = await family.built(["demo2.0", "--force"]);
      const { ttyd, packages } = JSON.parse(
        await family.read(`krunner-env.demo2.0.${ARCH}.json`),
      );
      const { version } = packages.find(({ name }: { name: string }) =>
        name === "ttyd"
      );
      return { ttyd, version, isTold: stderr.includes("is not believed") };
    };
    await family.write({ [`ttyd_linux.${ARCH}.json`]: record(sha256) });
    assertEquals(await found(), {
      ttyd: { sha256, recipe: "modern" },
      version: "1.7.7",
      isTold: false,
    });
    await family.write({ [`ttyd_linux.${ARCH}.json`]: record("0") });
    assertEquals(await found(), {
      ttyd: { sha256 },
      version: undefined,
      isTold: true,
    });
  });

  await t.step("--wheelhouse in place of the wheels stage", async () => {
    const wheelhouse = `${laboratory.root}/other-wheelhouse`;
    await Deno.mkdir(wheelhouse);
    await Deno.writeTextFile(`${wheelhouse}/y.whl`, "y");
    await family.built(["demo2.0", `--wheelhouse=${wheelhouse}`]);
    const dir = await unpack(
      family.path(ARCHIVE.replace("demo1.0", "demo2.0")),
    );
    assertEquals(Object.keys(await readTree(`${dir}/wheels`)), ["./y.whl"]);
  });
});

Deno.test("build.ts --jobs=2 builds what it can and tells what failed, where", async (t) => {
  const family = await laboratory.family({
    "krunner-env.demo2.0.dockerfile": envDockerfile(
      "RUN echo the reason >&2; exit 3",
    ),
  });
  const forget = () => family.write({ [MANIFEST]: "" });

  await t.step("plain lines in a pipe", async () => {
    const outcome = await family.build(["--all", "--jobs=2"]);
    const message = assertFailure(outcome, 1);
    assertStringIncludes(message, 'Cannot build "demo2.0", stage "env"');
    const { stdout, stderr } = outcome;
    assertStringIncludes(stderr, `Log: ${family.path("logs/demo2.0.env.log")}`);
    assertStringIncludes(stderr, "the reason");
    assertStringIncludes(stdout, "demo1.0  built");
    assertStringIncludes(stdout, "demo2.0  failed");
    assert(!(stdout + stderr).includes("\x1b"), JSON.stringify(stderr));
    assertStringIncludes(
      await family.read("logs/demo2.0.env.log"),
      "the reason",
    );
    assertEquals(await laboratory.containers(), []);
  });

  await t.step("--json", async () => {
    await forget();
    const { code, stdout } = await family.build([
      "--all",
      "--jobs=2",
      "--json",
    ]);
    assertEquals(code, 1);
    const results = stdout.trimEnd().split("\n").map((line) =>
      JSON.parse(line)
    );
    const built = results.find(({ status }) => status === "built");
    const failed = results.find(({ status }) => status === "failed");
    assertEquals(results.length, 2);
    assertEquals(built.distroVersion, "demo1.0");
    assertEquals(built.archive.file, family.path(ARCHIVE));
    assertEquals(failed.distroVersion, "demo2.0");
    assertEquals(failed.log, family.path("logs/demo2.0.env.log"));
  });

  await t.step("--quiet", async () => {
    await forget();
    const { code, stdout, stderr } = await family.build(["--quiet", "demo1.0"]);
    assertEquals({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
    assertFailure(await family.build(["--quiet", "demo2.0"]), 1);
  });

  await t.step("--verbose", async () => {
    const { stderr } = await family.build(["--verbose", "demo2.0"]);
    assert(/^demo2\.0 env\| .*the reason/m.test(stderr), stderr);
    assert(!stderr.includes("\x1b"), JSON.stringify(stderr));
  });
});

Deno.test("build.ts --dry-run prints the plan and touches nothing", async () => {
  const family = await laboratory.family();
  const images = (await laboratory.images()).sort();
  const files = await family.list();
  for (const env of [{}, NO_ENGINE]) {
    const { stdout } = await family.built(["demo1.0", "--dry-run"], { env });
    assertStringIncludes(stdout, "build: it was not built here yet");
    assertStringIncludes(stdout, `base image: ${laboratory.base}`);
    assertStringIncludes(stdout, `stage env: ${laboratory.prefix}-env:demo1.0`);
    assertStringIncludes(stdout, ARCHIVE);
  }
  const { stdout } = await family.built(["demo1.0", "--dry-run", "--json"]);
  assertEquals(JSON.parse(stdout).status, "planned");
  assertEquals(await family.list(), files);
  assertEquals((await laboratory.images()).sort(), images);
});

Deno.test("build.ts makes the same archive with every builder, and twice", async () => {
  const family = await laboratory.family({
    "krunner-env.demo1.0.dockerfile": RICH,
  });
  const digests: Record<string, string> = {};
  const logs: string[] = [];
  for (
    const [client, PATH] of Object.entries(
      await laboratory.clients(),
    )
  ) {
    await family.built(["demo1.0", "--force", "--no-cache"], { env: { PATH } });
    digests[client] = await digest(family.path(ARCHIVE));
    logs.push(await family.read("logs/demo1.0.env.log"));
  }
  await family.built(["demo1.0", "--force", "--no-cache"]);
  digests["again"] = await digest(family.path(ARCHIVE));
  assertEquals(
    new Set(Object.values(digests)).size,
    1,
    JSON.stringify(digests),
  );
  assert(logs.some((log) => log.includes("Step 1/")), "no classic builder");
});

Deno.test("build.ts takes the volume out of images of any kind", async (t) => {
  const cases: Record<string, string> = {
    ENTRYPOINT: envDockerfile('ENTRYPOINT ["/bin/sh", "-c", "exit 9"]'),
    "VOLUME in it": envDockerfile("VOLUME /opt/backend.ai/data"),
    "VOLUME of it": envDockerfile("VOLUME /opt/backend.ai"),
    "USER and WORKDIR": envDockerfile("USER 65534:65534\nWORKDIR /tmp"),
    "no shell": `FROM ${laboratory.base} AS tree
COPY python /v/bin/python
RUN echo '#!/opt/backend.ai/bin/busybox sh' >/v/bin/python && echo 'echo 3.11.2' >>/v/bin/python && cat /bin/busybox >/v/bin/busybox && chmod 755 /v/bin/busybox && mkdir -p /v/lib/python3.11/site-packages/ai/backend/kernel /v/lib/python3.11/site-packages/ai/backend/helpers
FROM scratch
ARG BASE_IMAGE
LABEL ${laboratory.label}
COPY --from=tree /v /opt/backend.ai
LABEL ai.backend.krunner.version=1
`,
  };
  for (const [name, dockerfile] of Object.entries(cases)) {
    await t.step(name, async () => {
      const family: Family = await laboratory.family({
        "krunner-env.demo1.0.dockerfile": dockerfile,
      });
      await family.built();
      const tree = await readTree(await unpack(family.path(ARCHIVE)));
      assert(tree["./bin/python"] !== undefined);
      assertEquals(await laboratory.containers(), []);
    });
  }
});
