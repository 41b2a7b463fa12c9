/**
 * `wheel.ts` as a program.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { UsageError } from "../lib/errors.ts";
import { parseWheelArgs } from "../wheel.ts";
import {
  assertFailure,
  cacheEnvironment,
  eventually,
  type Outcome,
  run,
  RunningBuild,
} from "./engine_fixture.ts";
import { writeFiles } from "./package_fixture.ts";
import {
  filesOf,
  type WheelFixture,
  wheelFixture,
  writeBuilt,
} from "./wheel_fixture.ts";

const ROOT = new URL("../", import.meta.url).pathname;

const DEFAULTS = {
  families: [],
  all: false,
  dir: undefined,
  arches: [],
  out: "dist",
  maxSize: 100_000_000,
  dryRun: false,
  json: false,
  quiet: false,
};

Deno.test("parseWheelArgs() reads a command line", async (t) => {
  const cases: [string[], Record<string, unknown>][] = [
    [[], {}],
    [["debian", "static-gnu"], { families: ["debian", "static-gnu"] }],
    [["--all", "-n", "-q"], { all: true, dryRun: true, quiet: true }],
    [["--arch", "x86_64", "--arch=aarch64"], { arches: ["x86_64", "aarch64"] }],
    [["--out", "a/b//", "--dir", "x"], { out: "a/b", dir: "x" }],
    [["--out", "/"], { out: "/" }],
    [["--max-size", "1.5GB", "--json"], { maxSize: 1.5e9, json: true }],
  ];
  for (const [args, expected] of cases) {
    await t.step(args.join(" "), async () => {
      assertEquals(await parseWheelArgs(args), { ...DEFAULTS, ...expected });
    });
  }
  assertEquals(await parseWheelArgs(["--help"]), "help");
  assertEquals(await parseWheelArgs(["--version"]), "version");
});

Deno.test("parseWheelArgs() refuses what makes no sense", async (t) => {
  const cases: [string[], string][] = [
    [["--arch", "arm64"], 'Cannot use "--arch=arm64": give one of x86_64, aar'],
    [["--max-size", "big"], 'Cannot use "--max-size=big": give a size'],
    [["--all", "debian"], 'Cannot combine "--all" with "debian"'],
    [["--outt", "x"], 'Unknown option "--outt"; did you mean "--out"?'],
  ];
  for (const [args, message] of cases) {
    await t.step(args.join(" "), async () => {
      await assertRejects(() => parseWheelArgs(args), UsageError, message);
    });
  }
});

/** The command line of a run with the permissions of the task. */
function argv(fixture: WheelFixture, args: readonly string[]): string[] {
  return [
    ...[Deno.execPath(), "run", "-q", "-P=wheel", "--no-prompt"],
    ...[`${ROOT}wheel.ts`, "--dir", fixture.dir, "--out", fixture.out],
    ...args,
  ];
}

async function call(
  fixture: WheelFixture,
  ...args: string[]
): Promise<Outcome> {
  return await run(argv(fixture, args), {
    cwd: fixture.path,
    env: environment(fixture),
  });
}

function environment({ path }: WheelFixture): Record<string, string> {
  return { ...cacheEnvironment(path), SOURCE_DATE_EPOCH: "" };
}

Deno.test("wheel.ts prints files, JSON or nothing", async () => {
  using fixture = await wheelFixture({ LICENSE: "MIT\n" }, "a b/debian");
  const planned = await call(fixture, "--dry-run");
  assertEquals(planned.code, 0, planned.stderr);
  assertMatch(
    planned.stdout,
    /\.whl would be written \(19 files, \d\.\d kB\):/,
  );
  assertMatch(planned.stdout, /\.tar\.gz would be written \(13 files\):/);
  assertEquals(await filesOf(fixture.out), []);
  const { stdout } = await call(fixture, "--json");
  const documents = stdout.trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  assertEquals(
    documents.map(({ kind, arch, dryRun }) => [kind, arch, dryRun]),
    [["wheel", "x86_64", false], ["sdist", null, false]],
  );
  for (const { path, size } of documents) {
    assertEquals((await Deno.stat(path)).size, size);
  }
  assertEquals(await call(fixture, "--quiet"), {
    code: 0,
    stdout: "",
    stderr: "",
  });
  const shown = await call(fixture, "debian");
  assertEquals(
    shown.stdout.trimEnd().split("\n").map((line) => line.split("  ")[0]),
    documents.map(({ path }) => path),
  );
});

Deno.test("wheel.ts says what is wrong in one message", async (t) => {
  using fixture = await wheelFixture();
  const cases: [args: string[], code: number, message: string][] = [
    [["ubuntu"], 2, 'Unknown family "ubuntu"; known are debian'],
    [["--arch", "aarch64"], 1, "for aarch64: versions.txt promises debian12"],
    [["--max-size", "1kB"], 1, "and the limit is 1.0 kB"],
    [["--dir", "/no/such"], 1, 'directory "/no/such": it does not exist'],
    [["--out", `${fixture.dir}/plugin.py`], 1, "Cannot write "],
  ];
  for (const [args, code, message] of cases) {
    await t.step(args.join(" "), async () => {
      const outcome = await call(fixture, "--quiet", ...args);
      assertStringIncludes(assertFailure(outcome, code), message);
    });
  }
});

/** A run that takes a while, stopped as soon as it writes. */
async function stopped(
  fixture: WheelFixture,
  signal: Deno.Signal,
): Promise<Outcome> {
  const [program = "", ...args] = argv(fixture, ["--max-size=1GB"]);
  const running = new RunningBuild(
    new Deno.Command(program, {
      args,
      env: environment(fixture),
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
  await eventually(
    "it writes",
    async () =>
      (await filesOf(fixture.out)).some((name) => name.endsWith(".part")),
  );
  running.child.kill(signal);
  return await running.outcome;
}

Deno.test("wheel.ts leaves the old files when it is stopped", async () => {
  using fixture = await wheelFixture();
  await writeBuilt(
    fixture.dir,
    "debian13",
    "x86_64",
    new Uint8Array(300_000_000),
  );
  writeFiles(fixture.path, { "dist/old": "old" });
  const ended = await stopped(fixture, "SIGTERM");
  assertEquals(ended.code, 143, ended.stderr);
  assertEquals(await filesOf(fixture.out), ["old"]);
  await stopped(fixture, "SIGKILL");
  const left = await filesOf(fixture.out);
  assertEquals(left.length, 2);
  assert(left.every((name) => name.startsWith(".") || name === "old"));
  await writeBuilt(fixture.dir, "debian13", "x86_64", new Uint8Array(4));
  assertEquals((await call(fixture)).code, 0);
  assertEquals((await filesOf(fixture.out)).length, 3);
});
