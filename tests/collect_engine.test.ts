/**
 * What `sources.ts` collects, on a real engine, and what `build.ts` makes of it on
 * a second one that has no image and no network.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { findBuilder } from "../lib/builder.ts";
import { collectOne } from "../lib/collect/collect_one.ts";
import { readFolder } from "../lib/collect/folder.ts";
import { Engine } from "../lib/engine.ts";
import { KrunnerError } from "../lib/errors.ts";
import { sha256 } from "../lib/inputs.ts";
import { openPackageDir } from "../lib/package_dir.ts";
import { makePlan } from "../lib/plan.ts";
import type { SourceRow } from "../lib/sources.ts";
import { ROW } from "./built_fixture.ts";
import {
  ARCHIVE,
  collect,
  collected,
  contents,
  ENV,
  FILES,
  temporaryNames,
  WHEEL,
} from "./collect_fixture.ts";
import {
  assertFailure,
  envDockerfile,
  type Family,
  Laboratory,
  must,
  run,
} from "./engine_fixture.ts";
import { SecondEngine } from "./second_engine.ts";

const ARCH = Deno.build.arch;
const IS_ROOT = Deno.uid() === 0;

let laboratory: Laboratory;
Deno.test.beforeAll(async () => {
  laboratory = await Laboratory.open();
});
Deno.test.afterAll(async () => {
  await laboratory[Symbol.asyncDispose]();
});

async function manifestOf(family: Family) {
  return JSON.parse(await family.read(`krunner-env.demo1.0.${ARCH}.json`));
}

Deno.test("sources.ts collects images, wheels and checksums", async (t) => {
  const family = await laboratory.family(FILES);
  const to = await collected(laboratory, family);
  const before = await contents(to);

  await t.step("the files", async () => {
    assertEquals(
      Object.keys(before).sort(),
      ["SHA256SUMS", "collected.json", ARCHIVE, WHEEL],
    );
    const checked = await must(
      ["sha256sum", "--check", "--strict", "SHA256SUMS"],
      { cwd: to },
    );
    assertEquals(
      checked.split("\n"),
      ["collected.json", ARCHIVE, WHEEL].map((file) => `${file}: OK`),
    );
    const busybox = await Deno.readFile("/bin/busybox");
    assertEquals(
      await Deno.readFile(`${to}/${WHEEL}`),
      busybox.slice(0, 300_000),
    );
  });

  await t.step("no name stays in the engine", async () => {
    assertEquals(await temporaryNames(laboratory), "");
    assertEquals(await laboratory.containers(), []);
  });

  await t.step("nothing to do the second time, without an engine", async () => {
    const { code, stdout } = await family.build(
      ["demo1.0", `--to=${to}`, "--json"],
      {
        script: "sources.ts",
        env: { DOCKER_HOST: "unix:///nonexistent/docker.sock" },
      },
    );
    assertEquals(code, 0);
    const { status, files } = JSON.parse(stdout);
    assertEquals(status, "up-to-date");
    assertEquals(files.map(({ file }: { file: string }) => file), [
      ARCHIVE,
      WHEEL,
    ]);
    assertEquals(await contents(to), before);
  });

  await t.step("what was damaged is mended", async () => {
    await Deno.writeTextFile(`${to}/${WHEEL}`, "x");
    const { code, stderr } = await collect(family, to);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, `for ${WHEEL} is missing or was changed`);
    assertEquals(await contents(to), before);
  });

  await t.step("what is no longer needed goes, and nothing else", async () => {
    await Deno.writeTextFile(`${to}/notes.txt`, "mine");
    await Deno.writeTextFile(
      `${to}/wheelhouse/demo1.0.${ARCH}/mine.whl`,
      "mine",
    );
    const other = await laboratory.family({
      ...FILES,
      "krunner-env.demo2.0.dockerfile":
        `${ENV}LABEL ai.backend.krunner.version=1\n`,
    });
    const { code, stderr } = await other.build(
      ["--all", `--to=${to}`, "--build-arg=WHEEL=six-2"],
      { script: "sources.ts" },
    );
    assertEquals(code, 0, stderr);
    const now = await contents(to);
    assertEquals(Object.keys(now).sort(), [
      "SHA256SUMS",
      "collected.json",
      ARCHIVE,
      `images/demo2.0.${ARCH}.tar.xz`,
      "notes.txt",
      `wheelhouse/demo1.0.${ARCH}/mine.whl`,
      `wheelhouse/demo1.0.${ARCH}/six-2-py3-none-any.whl`,
      `wheelhouse/demo2.0.${ARCH}/six-2-py3-none-any.whl`,
    ]);
    assertEquals(now[ARCHIVE], before[ARCHIVE]);
    await must(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: to });
  });
});

Deno.test("build.ts --sources says where a collected folder does not fit", async (t) => {
  const family = await laboratory.family(FILES);
  const whole = await collected(laboratory, family);
  const cases: [
    string,
    (family: Family, dir: string) => Promise<void>,
    RegExp,
  ][] = [
    [
      "another dockerfile",
      (family) =>
        family.replace(
          "krunner-toolchain.demo.dockerfile",
          "compiler",
          "linker",
        ),
      /^Cannot build "demo1.0" from ".*": it was collected before a change of krunner-toolchain\.demo\.dockerfile; collect it again/,
    ],
    [
      "a new image",
      (family) =>
        family.replace(
          "krunner-env.demo1.0.dockerfile",
          "ARG DISTRO_VERSION",
          `ARG DISTRO_VERSION\nFROM ${laboratory.base}-new AS x`,
        ),
      /change of image krunner-test-base:\w+-new \(new\);/,
    ],
    [
      "a changed wheel",
      (_, dir) => flipByte(`${dir}/${WHEEL}`),
      /^Wrong content of ".*six-1-py3-none-any\.whl": its SHA-256 is [\da-f]{64}, not [\da-f]{64} as SHA256SUMS says; copy/,
    ],
    [
      "a missing wheel",
      (_, dir) => Deno.remove(`${dir}/${WHEEL}`),
      /^Cannot find ".*six-1-py3-none-any\.whl": SHA256SUMS lists it/,
    ],
    [
      "a changed archive",
      async (_, dir) => {
        await must(["docker", "rmi", `${laboratory.prefix}-toolchain:demo1.0`]);
        await flipByte(`${dir}/${ARCHIVE}`);
      },
      /^Wrong content of ".*demo1\.0\.\w+\.tar\.xz": its SHA-256 is [\da-f]{64}, not [\da-f]{64} as SHA256SUMS says; copy/,
    ],
    [
      "a changed index",
      (_, dir) => flipByte(`${dir}/collected.json`),
      /^(Cannot read|Wrong content of) ".*collected\.json": /,
    ],
    [
      "no checksums",
      (_, dir) => Deno.remove(`${dir}/SHA256SUMS`),
      /^Cannot use ".*": its SHA256SUMS does not list "collected\.json"; copy/,
    ],
  ];
  for (const [name, change, message] of cases) {
    await t.step(name, async () => {
      const changed = await family.copy();
      const dir = await Deno.makeTempDir({ dir: laboratory.root });
      await must(["cp", "-a", `${whole}/.`, dir]);
      await change(changed, dir);
      const outcome = await changed.build(["demo1.0", `--sources=${dir}`]);
      const text = assertFailure(outcome, 1);
      assert(message.test(text), text);
    });
  }
});

/** Changes one byte in the middle of a file. */
async function flipByte(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[bytes.length >> 1]! ^= 1;
  await Deno.writeFile(path, bytes);
}

Deno.test({
  name: "build.ts builds from a collected folder without images or network",
  ignore: !IS_ROOT,
  fn: async (t) => {
    const family = await laboratory.family(FILES);
    const to = await collected(laboratory, family);
    const networked = await family.copy();
    const own = await family.copy();
    await networked.built(["demo1.0"]);
    await own.built(["demo1.0", `--sources=${to}`]);
    const { archive, inputs } = await manifestOf(networked);

    await t.step("in the engine that it was collected with", async () => {
      const manifest = await manifestOf(own);
      assertEquals(manifest.inputs, inputs);
      assertEquals(manifest.archive.sha256, archive.sha256);
      // With neither folder nor wheelhouse, too, it is what was built.
      const { stdout } = await own.built(["demo1.0"]);
      assertStringIncludes(stdout, "up-to-date");
    });

    await using engine = await SecondEngine.start();
    const offline = ["demo1.0", `--sources=${to}`, "--network=none"];

    await t.step("the plan", async () => {
      const { stdout } = await family.built([...offline, "--dry-run"]);
      for (
        const line of [
          `base image: ${laboratory.base} from ${to}/${ARCHIVE}`,
          `stage toolchain: ${laboratory.prefix}-toolchain:demo1.0`,
          `from ${to}/${ARCHIVE}`,
          `dockerfile: ${to}/wheelhouse/demo1.0.${ARCH}`,
        ]
      ) assertStringIncludes(stdout, line);
    });

    await t.step("in another one, with every builder", async (t) => {
      assertEquals(await must(["docker", "images", "-qa"], engine), "");
      for (const [client, PATH] of Object.entries(await laboratory.clients())) {
        await t.step(client, async () => {
          const there = await family.copy();
          const env = { ...engine.env, PATH };
          await there.built([...offline, "--no-cache"], { env });
          const log = await there.read("logs/demo1.0.python.log");
          assert(/it reaches lo$/m.test(log), log);
          const manifest = await manifestOf(there);
          assertEquals(manifest.inputs, inputs);
          assertEquals(manifest.archive.sha256, archive.sha256);
          assertEquals(manifest.base.reference, "krunner-base:demo1.0");
        });
      }
      assertEquals(await temporaryNames(laboratory, engine.env), "");
    });

    await t.step("a loaded image is not loaded again", async () => {
      const there = await family.copy();
      const { stderr } = await there.built(offline, { env: engine.env });
      assert(!stderr.includes("Loading images"), stderr);
    });

    await t.step("under another prefix", async () => {
      const there = await family.copy();
      await there.built([...offline, "--image-prefix=other/k"], {
        env: engine.env,
      });
    });

    await t.step("a distro version that was not collected", async () => {
      const there = await family.copy();
      await there.write({
        "krunner-env.demo2.0.dockerfile": envDockerfile(""),
      });
      const outcome = await there.build(
        ["demo2.0", ...offline.slice(1), "--base=registry"],
        { env: engine.env },
      );
      assertFailure(outcome, 1);
      assertStringIncludes(outcome.stderr, 'holds only sources for "demo2.0"');
    });
  },
});

Deno.test({
  name: "build.ts builds families without a toolchain stage offline, too",
  ignore: !IS_ROOT,
  fn: async () => {
    const other = `${laboratory.prefix}-other:1`;
    await must(["docker", "tag", laboratory.base, other]);
    const family = await laboratory.family({
      "krunner-env.demo1.0.dockerfile": `ARG IMAGE_PREFIX
ARG DISTRO_VERSION
FROM \${IMAGE_PREFIX}-wheels:\${DISTRO_VERSION} AS wheels
FROM ${other}
ARG IMAGE_PREFIX
COPY --from=wheels /root/wheels /opt/wheels
COPY --from=${laboratory.prefix}-python:demo1.0 /opt /opt
LABEL ai.backend.krunner.version=1
`,
      "krunner-wheels.demo.dockerfile":
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN mkdir -p /root/wheels && touch /root/wheels/x.whl\n",
    });
    const to = await collected(laboratory, family);
    assertEquals(
      Object.keys(await contents(to)).sort(),
      ["SHA256SUMS", "collected.json", ARCHIVE],
    );
    await using engine = await SecondEngine.start();
    await family.built(["demo1.0", `--sources=${to}`, "--network=none"], {
      env: engine.env,
    });
    assertEquals(
      (await run(["docker", "image", "inspect", other], engine)).code,
      0,
    );
  },
});

Deno.test("collectOne() brings sources into the folder, and replaces only its own", async (t) => {
  const family = await laboratory.family({
    ...FILES,
    "krunner-python.demo.dockerfile": `${
      FILES["krunner-python.demo.dockerfile"]
    }COPY sources/x.tgz /\n`,
  });
  let served = 0;
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response(`text ${served++}`),
  );
  const row = async (text: string): Promise<SourceRow> => ({
    ...ROW,
    file: "x.tgz",
    sha256: await sha256(text),
    size: text.length,
    origins: [{ url: `http://127.0.0.1:${server.addr.port}/x.tgz` }],
  });
  const to = await Deno.makeTempDir({ dir: laboratory.root });
  const { signal } = new AbortController();
  const engine = new Engine("docker", signal);
  const collectText = async (text: string) => {
    const pkg = await openPackageDir(family.dir);
    const plan = await makePlan({ pkg, distroVersion: "demo1.0" }, {
      arch: ARCH,
      base: "auto",
      baseImage: laboratory.base,
      buildArgs: {},
      imagePrefix: laboratory.prefix,
      rows: [await row(text)],
    });
    return await collectOne(plan, await readFolder(to), {
      engine,
      builder: () => findBuilder(engine, laboratory.id),
      signal,
      noCache: false,
      verify: false,
      cache: `${laboratory.root}/source cache`,
      mtime: 0,
      threads: 2,
      pid: Deno.pid,
      onEvent: () => {},
    });
  };

  await t.step("a stranger stays", async () => {
    await Deno.writeTextFile(`${to}/x.tgz`, "mine");
    const error = await assertRejects(
      () => collectText("text 0"),
      KrunnerError,
    );
    assertStringIncludes(
      error.message,
      "a file that was not collected is there",
    );
    assertEquals(await contents(to), { "x.tgz": await sha256("mine") });
    await Deno.remove(`${to}/x.tgz`);
  });

  await t.step("what is missing is downloaded", async () => {
    const { sums } = await collectText("text 0");
    assertEquals(sums.get("x.tgz"), await sha256("text 0"));
    assertEquals(await Deno.readTextFile(`${to}/x.tgz`), "text 0");
    await must(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: to });
  });

  await t.step("what is right is kept, what is old replaced", async () => {
    await collectText("text 0");
    assertEquals(served, 1);
    await collectText("text 1");
    assertEquals(await Deno.readTextFile(`${to}/x.tgz`), "text 1");
    await must(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: to });
  });
});
