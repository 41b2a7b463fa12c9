/**
 * What may go wrong while `sources.ts` collects: the folder stays as it was.
 *
 * @module
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  collect,
  collected,
  contents,
  FILES,
  SOURCES,
  temporaryNames,
} from "./collect_fixture.ts";
import {
  assertFailure,
  eventually,
  type Family,
  Laboratory,
  must,
} from "./engine_fixture.ts";
import { SecondEngine } from "./second_engine.ts";

const IS_ROOT = Deno.uid() === 0;

let laboratory: Laboratory;
Deno.test.beforeAll(async () => {
  laboratory = await Laboratory.open();
});
Deno.test.afterAll(async () => {
  await laboratory[Symbol.asyncDispose]();
});

/** A family whose toolchain has another step. */
async function familyWith(step: string): Promise<Family> {
  return await laboratory.family({
    ...FILES,
    "krunner-toolchain.demo.dockerfile":
      `ARG BASE_IMAGE\nFROM \${BASE_IMAGE}\n${step}\n`,
  });
}

Deno.test("sources.ts says what it cannot use", async (t) => {
  const family = await laboratory.family(FILES);
  const file = family.path("python");
  const cases: [string, string[], number, RegExp][] = [
    ["no folder", ["demo1.0"], 2, /^No folder given: say with "--to DIR"/],
    ["no name", ["--to=x"], 2, /^No distro version given: name one/],
    ["an unknown name", ["--to=x", "demo1"], 2, /did you mean "demo1\.0"\?/],
    ["a file", ["demo1.0", `--to=${file}`], 2, /it is not a folder; name a/],
    [
      "below a file",
      ["demo1.0", `--to=${file}/x`],
      1,
      /^Cannot write ".*\/python\/x": /,
    ],
    [
      "the package directory",
      ["demo1.0", `--to=${family.dir}`],
      2,
      /it is in the package directory ".*"; name a folder elsewhere$/,
    ],
    [
      "below the package directory",
      ["demo1.0", `--to=${family.dir}/a/../new/b/`],
      2,
      /it is in the package directory/,
    ],
  ];
  const before = await family.list();
  for (const [name, args, code, message] of cases) {
    await t.step(name, async () => {
      const outcome = await family.build(args, SOURCES);
      assertMatch(assertFailure(outcome, code), message);
      assertEquals(await family.list(), before);
    });
  }
});

Deno.test("sources.ts leaves a folder as it was where a stage fails", async () => {
  const to = await collected(laboratory, await laboratory.family(FILES));
  const before = await contents(to);
  const outcome = await collect(await familyWith("RUN echo why; exit 3"), to);
  const message = assertFailure(outcome, 1);
  assertStringIncludes(message, 'Cannot build "demo1.0", stage "toolchain"');
  assertStringIncludes(outcome.stderr, "  | why");
  assertEquals(await contents(to), before);
});

Deno.test("sources.ts goes on after it was killed", async () => {
  const to = await collected(laboratory, await laboratory.family(FILES));
  const before = await contents(to);
  const family = await familyWith("RUN echo begin; sleep 5");
  const build = family.start(["demo1.0", `--to=${to}`, "--verbose"], SOURCES);
  await build.saw(/begin$/m);
  // What the staging folder of a killed run may hold.
  await Deno.mkdir(`${to}/.collecting/images`, { recursive: true });
  await Deno.writeTextFile(`${to}/.collecting/images/half`, "");
  const second = await collect(family, to);
  assertMatch(assertFailure(second, 1), /^Cannot collect into .*: another/);
  build.child.kill("SIGKILL");
  await build.outcome;
  await Deno.remove(`${to}/.collecting`, { recursive: true });
  assertEquals(await contents(to), before);
  await Deno.mkdir(`${to}/.collecting/images`, { recursive: true });
  const { code, stderr } = await collect(family, to);
  assertEquals(code, 0, stderr);
  await must(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: to });
  assertEquals(
    Object.keys(await contents(to)).sort(),
    Object.keys(before).sort(),
  );
});

Deno.test("sources.ts ends in order at SIGTERM", async () => {
  const to = await collected(laboratory, await laboratory.family(FILES));
  const before = await contents(to);
  const family = await familyWith("RUN echo begin; sleep 6");
  const build = family.start(["demo1.0", `--to=${to}`, "--verbose"], SOURCES);
  await build.saw(/begin$/m);
  build.child.kill("SIGTERM");
  assertEquals((await build.outcome).code, 143);
  assertEquals(await contents(to), before);
  await eventually(
    "the engine removes the step's container",
    async () => (await laboratory.containers()).length === 0,
  );
});

Deno.test({
  name: "sources.ts tells of a full disk, and of one that is read-only",
  ignore: !IS_ROOT,
  fn: async () => {
    const family = await familyWith(
      "RUN dd if=/dev/urandom of=/noise bs=1M count=6",
    );
    const to = `${laboratory.root}/disk`;
    await Deno.mkdir(to);
    await must(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", to]);
    try {
      await Deno.writeTextFile(`${to}/mine`, "");
      const message = assertFailure(await collect(family, to), 1);
      assertMatch(
        message,
        /^Cannot write ".*\.tar\.xz": no space is left on the device; free/,
      );
      assertEquals(Object.keys(await contents(to)), ["mine"]);
      assertEquals(await temporaryNames(laboratory), "");
      await must(["mount", "-o", "remount,ro", to]);
      assertMatch(
        assertFailure(await collect(family, to), 1),
        /^Cannot write ".*": read-only file system; see that/,
      );
    } finally {
      await must(["umount", "--lazy", to]);
    }
  },
});

Deno.test({
  name: "sources.ts survives an engine that dies while it saves images",
  ignore: !IS_ROOT,
  fn: async () => {
    await using engine = await SecondEngine.start();
    await laboratory.importBase(engine.env);
    const family = await familyWith(
      "RUN dd if=/dev/urandom of=/noise bs=1M count=90",
    );
    const to = `${laboratory.root}/lost`;
    const running = family.start(["demo1.0", `--to=${to}`, "--network=none"], {
      ...SOURCES,
      env: engine.env,
    });
    await running.saw(/^demo1\.0: images$/m);
    await engine.kill();
    const message = assertFailure(await running.outcome, 1);
    assertStringIncludes(message, "Cannot reach the docker engine");
    assertEquals(await contents(to), {});
  },
});
