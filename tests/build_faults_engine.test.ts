/**
 * What `build.ts` does when things go wrong, on a real engine: one clear message,
 * nothing left behind, the old outputs untouched.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  assertFailure,
  type CallOptions,
  envDockerfile,
  eventually,
  type Family,
  Laboratory,
  must,
  run,
} from "./engine_fixture.ts";
import { SecondEngine } from "./second_engine.ts";

const ENV = "krunner-env.demo1.0.dockerfile";
const MANIFEST = `krunner-env.demo1.0.${Deno.build.arch}.json`;
const IS_ROOT = Deno.uid() === 0;

/** Root without its right to pass by modes and owners. */
const UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];

let laboratory: Laboratory;
Deno.test.beforeAll(async () => {
  laboratory = await Laboratory.open();
});
Deno.test.afterAll(async () => {
  await laboratory[Symbol.asyncDispose]();
});

/** A family that was built once, and then changed so that it must be again. */
async function changedFamily(steps = ""): Promise<Family> {
  const family = await laboratory.family();
  await family.built();
  await family.write({ [ENV]: envDockerfile(steps, 8) });
  return family;
}

/** Runs a build that must fail, and checks what must hold after each failure. */
async function fails(
  family: Family,
  code: number,
  args?: string[],
  options?: CallOptions,
): Promise<string> {
  const before = await family.outputs();
  const message = assertFailure(await family.build(args, options), code);
  await assertUntouched(family, before);
  return message;
}

async function assertUntouched(
  family: Family,
  before: Record<string, string>,
): Promise<void> {
  assertEquals(await family.outputs(), before);
  await eventually(
    "no container is left",
    async () => (await laboratory.containers()).length === 0,
  );
}

Deno.test("build.ts finds wrong usage and broken families before it builds anything", async (t) => {
  const good = await laboratory.family({
    "krunner-env.demo2.0.dockerfile": envDockerfile(""),
  });
  const images = (await laboratory.images()).sort();
  const OTHER = "krunner-env.demo2.0.dockerfile";
  const label = "ai.backend.krunner.version";
  const cases: [
    name: string,
    args: string[],
    files: Record<string, string>,
    code: number,
    message: RegExp,
  ][] = [
    [
      "unknown distro version",
      ["demo1.9"],
      {},
      2,
      /Unknown distro version "demo1\.9".*demo1\.0.*demo1\.0, demo2\.0/,
    ],
    ["no distro version", [], {}, 2, /demo1\.0, demo2\.0/],
    [
      "no dockerfile for a stage",
      ["--all"],
      { "krunner-python.demo.dockerfile": "" },
      1,
      /stage "python", which has no dockerfile/,
    ],
    [
      "no label",
      ["--all"],
      { [OTHER]: "FROM scratch\n" },
      1,
      /has no label/,
    ],
    [
      "misspelt label",
      ["--all"],
      { [OTHER]: "FROM scratch\nLABEL ai.backend.krunner.vesrion=1\n" },
      1,
      /line 2: .* misspelt/,
    ],
    [
      "label that is no positive integer",
      ["--all"],
      { [OTHER]: `FROM scratch\nLABEL ${label}=0\n` },
      1,
      /is "0"; it must be a positive integer/,
    ],
    [
      "two labels",
      ["--all"],
      { [OTHER]: `FROM scratch\nLABEL ${label}=1\nLABEL ${label}=2\n` },
      1,
      /is 1 in line 2 and 2 in line 3/,
    ],
    [
      "COPY of a missing file",
      ["--all"],
      { [OTHER]: envDockerfile("COPY missing /") },
      1,
      /line 4: there is no "missing"/,
    ],
    [
      "a build argument of nobody",
      [
        "demo1.0",
        "--build-arg=X=1",
      ],
      {},
      2,
      /no dockerfile of "demo1\.0" declares it/,
    ],
  ];
  for (const [name, args, files, code, expected] of cases) {
    await t.step(name, async () => {
      const family = await good.copy();
      await family.write(files);
      assertMatch(await fails(family, code, args), expected);
      assertEquals((await laboratory.images()).sort(), images);
    });
  }
});

Deno.test("build.ts says what is wrong with the engine", async (t) => {
  const family = await changedFamily();
  const dir = await Deno.makeTempDir({ dir: laboratory.root });
  const socket = `${dir}/sock`;
  const env = { DOCKER_HOST: `unix://${socket}` };

  await t.step("no client", async () => {
    const message = await fails(family, 1, ["demo1.0"], {
      env: { PATH: "/nonexistent" },
    });
    assertStringIncludes(message, 'Cannot run "docker": it is not installed');
  });
  await t.step("no socket", async () => {
    const message = await fails(family, 1, ["demo1.0"], { env });
    assertStringIncludes(message, "Cannot reach the docker engine");
  });

  {
    using _listener = Deno.listen({ transport: "unix", path: socket });
    await t.step({
      name: "no permission",
      ignore: !IS_ROOT,
      fn: async () => {
        await Deno.chown(socket, 1, 1);
        await Deno.chmod(socket, 0o600);
        const message = await fails(family, 1, ["demo1.0"], {
          env,
          wrapper: UNPRIVILEGED,
        });
        assertStringIncludes(message, "no permission on its socket");
      },
    });
  }
  await t.step("a socket that nobody listens at", async () => {
    const message = await fails(family, 1, ["demo1.0"], { env });
    assertStringIncludes(message, "Cannot reach the docker engine");
  });
  await t.step("no registry", async () => {
    const message = await fails(family, 1, [
      "demo1.0",
      "--base-image=127.0.0.1:1/none:1",
    ]);
    assertStringIncludes(
      message,
      'Cannot get the base image "127.0.0.1:1/none:1"',
    );
  });
});

Deno.test("build.ts takes sources from --sources, else from KRUNNER_SOURCES", async (t) => {
  const family = await laboratory.family({
    "krunner-python.demo.dockerfile":
      "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY sources/Python-3.11.2.tgz /\n",
  });
  const there = await Deno.makeTempDir({ dir: laboratory.root });
  for (const name of ["option", "variable"]) {
    await Deno.mkdir(`${there}/${name}`);
  }
  const option = [`--sources=${there}/option`];
  const variable = { KRUNNER_SOURCES: `${there}/variable` };
  const cases: [string, string[], Record<string, string>, string][] = [
    ["the option", option, {}, "option"],
    ["the variable", [], variable, "variable"],
    ["both", option, variable, "option"],
  ];
  for (const [name, args, env, folder] of cases) {
    await t.step(name, async () => {
      const message = await fails(family, 1, ["demo1.0", ...args], {
        env,
        flags: ["-P=build", "--no-prompt"],
      });
      assertStringIncludes(
        message,
        `Cannot find source "Python-3.11.2.tgz" in "${there}/${folder}"`,
      );
    });
  }
});

Deno.test({
  name: "build.ts survives an engine that dies while it builds",
  ignore: !IS_ROOT,
  fn: async () => {
    await using engine = await SecondEngine.start();
    await laboratory.importBase(engine.env);
    const family = await changedFamily("RUN echo begin; sleep 5");
    const before = await family.outputs();
    const build = family.start(["demo1.0", "--verbose"], { env: engine.env });
    await build.saw(/begin$/m);
    await engine.kill();
    const message = assertFailure(await build.outcome, 1);
    assertStringIncludes(message, "Cannot reach the docker engine");
    assertEquals(await family.outputs(), before);
  },
});

/** A step that puts another script in Python's place. */
function pythonThat(script: string): string {
  return `RUN printf '#!/bin/sh\\n${script}\\n' >/opt/backend.ai/bin/python`;
}

Deno.test("build.ts says what is wrong with a stage or its volume", async (t) => {
  const cases: [name: string, steps: string, message: RegExp][] = [
    [
      "a step that fails",
      "RUN echo 'Cannot connect to the Docker daemon, EOF'; exit 3",
      /stage "env": .* exit code [13]$/,
    ],
    [
      "no Python",
      "RUN rm /opt/backend.ai/bin/python",
      /"\/opt\/backend\.ai\/bin\/python".*no such file/,
    ],
    [
      "Python that fails",
      pythonThat("echo no libssl >&2; exit 3"),
      /Cannot run .*: no libssl$/,
    ],
    [
      "Python that fails in silence",
      pythonThat("exit 3"),
      /Cannot run .*exit code 3/,
    ],
    [
      "Python that says something else",
      pythonThat("echo snake"),
      /gives its version as "snake"/,
    ],
    [
      "no folder to mount on",
      "RUN rm -r /opt/backend.ai/lib/python3.11/site-packages/ai/backend/helpers",
      /no folder ".*ai\/backend\/helpers\/"/,
    ],
    [
      "a set-uid file",
      "RUN touch /opt/backend.ai/root && chmod 4755 /opt/backend.ai/root",
      /"\.\/root": it is set-uid/,
    ],
    ["a device", "RUN mknod /opt/backend.ai/null c 1 3", /"\.\/null"/],
    [
      "a link that leads out",
      "RUN ln -s /etc/passwd /opt/backend.ai/link",
      /"\.\/link": it links to "\/etc\/passwd"/,
    ],
  ];
  const family = await changedFamily();
  for (const [name, steps, expected] of cases) {
    await t.step(name, async () => {
      await family.write({ [ENV]: envDockerfile(steps) });
      assertMatch(await fails(family, 1), expected);
    });
  }
  await t.step("no volume at all", async () => {
    await family.write({
      [ENV]:
        `FROM ${laboratory.base}\nARG BASE_IMAGE\nLABEL ai.backend.krunner.version=1\n`,
    });
    assertMatch(await fails(family, 1), /\/opt\/backend\.ai.*no such file/);
  });
  await t.step("a label that a client adds", async () => {
    await family.write({ [ENV]: envDockerfile("") });
    const path = Deno.env.get("PATH") ?? "";
    const bin = await laboratory.program(
      "docker",
      `PATH='${path}'
[ "$1" != build ] || set -- "$@" --label ai.backend.krunner.version=9
exec docker "$@"`,
    );
    const message = await fails(family, 1, ["demo1.0"], {
      env: { PATH: `${bin}:${path}` },
    });
    assertMatch(message, /label ai\.backend\.krunner\.version is "9"/);
  });
  await t.step("no xz", async () => {
    const bin = await Deno.makeTempDir({ dir: laboratory.root });
    const docker = await must(["sh", "-c", "command -v docker"]);
    await Deno.symlink(docker, `${bin}/docker`);
    const message = await fails(family, 1, ["demo1.0"], { env: { PATH: bin } });
    assertStringIncludes(message, 'Cannot run "xz": it is not installed');
  });
});

/** A volume whose archive cannot be small; cached after its first build. */
const noise = (megabytes: number) =>
  `RUN dd if=/dev/urandom of=/opt/backend.ai/noise bs=1M count=${megabytes}`;

Deno.test({
  name: "build.ts leaves all as it was where it cannot write",
  ignore: !IS_ROOT,
  fn: async (t) => {
    const original = await laboratory.family();
    const dir = `${laboratory.root}/disk/demo`;
    await Deno.mkdir(dir, { recursive: true });
    await must(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", dir]);
    try {
      await must(["cp", "-a", `${original.dir}/.`, dir]);
      const family = laboratory.openFamily(dir);
      await family.built();
      await family.write({ [ENV]: envDockerfile(noise(8)) });

      await t.step("the archive fills the disk", async () => {
        assertMatch(
          await fails(family, 1),
          /Cannot write ".*\.tar\.xz.*": no space is left on the device; free/,
        );
      });
      await t.step("the disk is full already", async () => {
        await run(["dd", "if=/dev/zero", `of=${dir}/filler`, "bs=64k"]);
        assertMatch(await fails(family, 1), /no space is left on the device/);
        await family.write({ filler: "" });
      });
      await t.step("the file system is read-only", async () => {
        await must(["mount", "-o", "remount,ro", dir]);
        assertMatch(
          await fails(family, 1),
          /Cannot write ".*": [Rr]ead-only file system/,
        );
        await must(["mount", "-o", "remount,rw", dir]);
      });
      await t.step("the folder is another user's", async () => {
        await Deno.chown(dir, 1, 1);
        await Deno.chmod(dir, 0o755);
        const message = await fails(family, 1, ["demo1.0"], {
          wrapper: UNPRIVILEGED,
        });
        assertMatch(message, /Cannot write ".*": [Pp]ermission denied/);
      });
      await t.step("and then it works again", async () => {
        await family.write({ [ENV]: envDockerfile("") });
        await family.built();
      });
    } finally {
      await must(["umount", "--lazy", dir]);
    }
  },
});

Deno.test("build.ts ends in order at SIGINT and SIGTERM", async (t) => {
  const signals = { SIGINT: 130, SIGTERM: 143 } as const;
  /**
   * Stops a build when it printed `moment`, `delay` milliseconds later: SIGINT
   * goes to the processes of its group, as a terminal sends it, SIGTERM to it
   * alone.
   */
  const stop = async (
    family: Family,
    signal: keyof typeof signals,
    moment: RegExp,
    delay: number,
    args: string[] = [],
    env: Record<string, string> = {},
  ) => {
    const before = await family.outputs();
    const build = family.start(
      ["demo1.0", "--force", "--verbose", ...args],
      { env, wrapper: ["setsid"] },
    );
    await build.saw(moment);
    await new Promise((resolve) => setTimeout(resolve, delay));
    const start = performance.now();
    const { pid } = build.child;
    Deno.kill(signal === "SIGINT" ? -pid : pid, signal);
    const { code, stderr } = await build.outcome;
    const elapsed = performance.now() - start;
    assertEquals(code, signals[signal], stderr);
    assert(elapsed < 8000, `it took ${elapsed} ms: ${stderr}`);
    assert(!/This is a bug|^ +at /m.test(stderr), stderr);
    await assertUntouched(family, before);
    assertEquals(
      (await family.list()).filter((name) => name.startsWith(".")),
      [],
    );
  };
  const family = await changedFamily("RUN echo begin; sleep 30");

  await t.step("while a base image is pulled", async () => {
    using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const { port } = listener.addr as Deno.NetAddr;
    const image = `--base-image=127.0.0.1:${port}/slow:1`;
    await stop(family, "SIGINT", /Pulling/, 300, [image]);
  });
  await t.step("while a step runs", async () => {
    for (const PATH of Object.values(await laboratory.clients())) {
      await stop(family, "SIGINT", /begin$/m, 0, [], { PATH });
      await stop(family, "SIGTERM", /begin$/m, 100, [], { PATH });
    }
  });
  await t.step("while Python runs", async () => {
    await family.write({
      [ENV]: envDockerfile(pythonThat("sleep 30")),
    });
    await stop(family, "SIGINT", /: archive$/m, 1000);
    await stop(family, "SIGTERM", /: archive$/m, 0);
  });
  await t.step("while the volume is packed", async () => {
    await family.write({ [ENV]: envDockerfile(noise(48)) });
    for (const delay of [0, 200, 500, 1000]) {
      const signal = delay % 500 === 0 ? "SIGINT" : "SIGTERM";
      await stop(family, signal, /: archive$/m, delay);
    }
  });
  await t.step("at any moment", async () => {
    await family.write({ [ENV]: envDockerfile("RUN sleep 2") });
    for (let delay = 0; delay < 1500; delay += 173) {
      const signal = delay % 2 === 0 ? "SIGINT" : "SIGTERM";
      await stop(family, signal, /^/, delay, ["--no-cache"]);
    }
  });
  await t.step("and the next build works", async () => {
    await family.built();
  });
});

Deno.test("build.ts clears away what a killed build left", async () => {
  const family = await changedFamily(noise(48));
  const build = family.start();
  await build.saw(/: archive$/m);
  await eventually(
    "a part of the archive is written",
    async () => (await family.list()).some((name) => name.endsWith(".tmp")),
  );
  build.child.kill("SIGKILL");
  await build.outcome;
  assertEquals((await laboratory.containers()).length, 1);
  await family.write({ [ENV]: envDockerfile("") });
  const { stderr } = await family.built();
  assertStringIncludes(stderr, "Removed 1 container(s)");
  assertEquals(await laboratory.containers(), []);
  assertEquals(
    (await family.list()).filter((name) => name.startsWith(".")),
    [],
  );
});

Deno.test("build.ts builds a distro version once at a time", async (t) => {
  const family = await changedFamily("RUN sleep 2");
  const copy = await family.copy();
  for (
    const [name, other] of Object.entries({
      "in one folder": family,
      "in two folders, for one image": copy,
    })
  ) {
    await t.step(name, async () => {
      const args = ["demo1.0", "--force", "--no-cache"];
      const builds = [family.start(args), other.start(args)];
      const outcomes = await Promise.all(builds.map(({ outcome }) => outcome));
      const [winner, loser] = outcomes.sort((a, b) => a.code - b.code);
      assertEquals(winner?.code, 0, winner?.stderr);
      assertMatch(
        assertFailure(loser!, 1),
        /another build of it is running \(process \d+\); wait/,
      );
      assertEquals(await laboratory.containers(), []);
    });
  }
  const manifest = JSON.parse(await family.read(MANIFEST));
  assertEquals(manifest.volumeVersion, 8);
});
