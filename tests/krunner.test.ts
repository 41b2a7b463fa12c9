import { assert, assertEquals, assertMatch } from "@std/assert";
import { SCRIPTS } from "../krunner.ts";
import config from "../deno.json" with { type: "json" };
import { assertFailure, type Outcome, runScript } from "./engine_fixture.ts";

const ROOT = new URL("../", import.meta.url).pathname;

async function krunner(...args: string[]): Promise<Outcome> {
  return await runScript("krunner", ...args);
}

Deno.test("krunner knows every script beside it", async () => {
  const scripts: string[] = [];
  for await (const { name } of Deno.readDir(ROOT)) {
    const [, script] = /^([a-z]+)\.ts$/.exec(name) ?? [];
    if (script !== undefined && script !== "krunner") scripts.push(script);
  }
  assertEquals(Object.keys(SCRIPTS).sort(), scripts.sort());
  for (const name of scripts) {
    assert(Object.hasOwn(config.exports, `./${name}`), name);
    assert(Object.hasOwn(config.tasks, name), name);
  }
});

Deno.test("krunner may do what any script may, and no less", () => {
  const { krunner: all, ...sets } = config.permissions;
  for (const [name, set] of Object.entries(sets)) {
    for (const [kind, allowed] of Object.entries(set)) {
      const own = (all as Record<string, unknown>)[kind];
      const lacks = Array.isArray(allowed) && Array.isArray(own)
        ? allowed.filter((it) => !own.includes(it))
        : own === true || own === allowed
        ? []
        : [kind];
      assertEquals(lacks, [], `"krunner" lacks what "${name}" has`);
    }
  }
});

Deno.test("krunner without a command shows its help, as wrong usage", async () => {
  const { code, stdout, stderr } = await krunner();
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^ {2}build {7}Build volumes/m);
});

Deno.test("krunner help names all commands, and shows the help of one", async (t) => {
  for (const args of [["help"], ["--help"], ["-h"], ["help", "help"]]) {
    await t.step(args.join(" "), async () => {
      const { code, stdout } = await krunner(...args);
      assertEquals(code, 0);
      for (const name of Object.keys(SCRIPTS)) {
        assertMatch(stdout, new RegExp(`^ {2}${name} `, "m"));
      }
    });
  }
  for (const name of [...Object.keys(SCRIPTS), "setup", "completion"]) {
    await t.step(name, async () => {
      const { code, stdout } = await krunner("help", name);
      assertEquals(code, 0);
      assertMatch(stdout, new RegExp(`^ {2}krunner ${name}\\b`, "m"));
      assert(!/\b[a-z]+\.ts\b|deno run/.test(stdout), stdout);
      assertEquals((await krunner(name, "--help")).stdout, stdout);
      const version = await krunner(name, "--version");
      assertEquals(version.stdout, `krunner ${name} ${config.version}\n`);
    });
  }
});

Deno.test("krunner --version is that of the project", async () => {
  const { code, stdout } = await krunner("--version");
  assertEquals([code, stdout], [0, `krunner ${config.version}\n`]);
});

Deno.test("krunner says what is wrong with a command line", async (t) => {
  const cases: [string[], string][] = [
    [["biuld"], 'Unknown command "biuld"; did you mean "build"?'],
    [["debian12"], 'Unknown command "debian12"; see "krunner help"'],
    [["constructor"], 'Unknown command "constructor"; see "krunner help"'],
    [["help", "biuld"], 'Unknown command "biuld"; did you mean "build"?'],
    [["help", "build", "x"], 'Cannot use "x": "help" takes one command'],
    [["--dry-run", "build"], 'Unknown option "--dry-run"; see --help'],
    [
      ["--", "build"],
      'Cannot use "--": give a command first; see "krunner help"',
    ],
    [["build", "--al"], 'Unknown option "--al"; did you mean "--all"?'],
    [["setup", "x"], 'Cannot use "x": "setup" takes no names'],
    [["completion"], "No shell given: give one of bash, zsh, fish"],
    [
      ["completion", "zhs"],
      'Unknown shell "zhs"; did you mean "zsh"?; known are bash, zsh, fish',
    ],
    [
      ["completion", "bash", "zsh"],
      'Cannot use "zsh": "completion" takes one shell',
    ],
  ];
  for (const [args, message] of cases) {
    await t.step(args.join(" "), async () => {
      assertEquals(assertFailure(await krunner(...args), 2), message);
    });
  }
});

Deno.test("krunner's commands end as the scripts, and name each other as typed", async () => {
  const outcome = await krunner(
    "volume",
    "load",
    "debian12",
    "--dir=/nonexistent",
  );
  assertFailure(outcome, 1);
  const { stderr } = await krunner("volume", "remove");
  assertMatch(stderr, /see "krunner volume list"/);
});
