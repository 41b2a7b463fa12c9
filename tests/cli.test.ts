import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  answerCommon,
  COMMON_OPTIONS,
  type CommonRequest,
  krunnerVersion,
  type OptionSpecs,
  parseOptions,
  renderHelp,
  suggestion,
} from "../lib/cli.ts";
import { UsageError } from "../lib/errors.ts";
import { renderTable } from "../lib/table.ts";

const OPTIONS = {
  dir: { type: "string", alias: "d", value: "DIR", help: "A folder" },
  "dry-run": { type: "boolean", alias: "n", help: "Change\nnothing" },
  arg: { type: "collect", value: "K=V", help: "Any number" },
  tag: { type: "string", help: "A tag" },
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

const NONE = {
  dir: undefined,
  "dry-run": false,
  arg: [],
  tag: undefined,
  help: false,
  version: false,
};

Deno.test("parseOptions() reads options and operands", async (t) => {
  const cases: [string[], Record<string, unknown>, string[]][] = [
    [[], {}, []],
    [["a", "7.0", "-"], {}, ["a", "7.0", "-"]],
    [["--dir", "x", "a"], { dir: "x" }, ["a"]],
    [["--dir=x=y"], { dir: "x=y" }, []],
    [["-d", "x"], { dir: "x" }, []],
    [["--dir", "7.0"], { dir: "7.0" }, []],
    [["--dir", "x", "--dir", "y"], { dir: "y" }, []],
    [["a", "--dry-run", "b"], { "dry-run": true }, ["a", "b"]],
    [["-nh"], { "dry-run": true, help: true }, []],
    [["--arg", "A=1", "--arg=B=2"], { arg: ["A=1", "B=2"] }, []],
    [["--dir=--dry-run=x"], { dir: "--dry-run=x" }, []],
    [["--", "--dir", "--nope", "--dry-run=x"], {}, [
      "--dir",
      "--nope",
      "--dry-run=x",
    ]],
  ];
  for (const [args, expected, operands] of cases) {
    await t.step(JSON.stringify(args), async () => {
      const parsed = await parseOptions(args, OPTIONS);
      assertEquals(parsed.options, { ...NONE, ...expected });
      assertEquals(parsed.operands, operands);
    });
  }
});

Deno.test("parseOptions() tells what is to be shown instead", async (t) => {
  const cases: [string[], CommonRequest | undefined][] = [
    [["a"], undefined],
    [["a", "--help"], "help"],
    [["-nh", "--version"], "help"],
    [["--version"], "version"],
    [["--", "--help"], undefined],
  ];
  for (const [args, asked] of cases) {
    await t.step(args.join(" "), async () => {
      assertEquals((await parseOptions(args, OPTIONS)).asked, asked);
    });
  }
  await t.step("not for an option of that name with values", async () => {
    const specs = { version: { type: "collect", help: "" } } as const;
    const { asked, options } = await parseOptions(["--version=a=1"], specs);
    assertEquals([asked, options.version], [undefined, ["a=1"]]);
  });
});

Deno.test("parseOptions() rejects what it does not know", async (t) => {
  const cases: [string[], string][] = [
    [["--dri-run"], 'Unknown option "--dri-run"; did you mean "--dry-run"?'],
    [["--nonsense=1"], 'Unknown option "--nonsense"; see --help'],
    [["-x"], 'Unknown option "-x"; see --help'],
    [["-nx"], 'Unknown option "-x"; see --help'],
    [
      ["--no-dry-run"],
      'Unknown option "--no-dry-run"; did you mean "--dry-run"?',
    ],
    [["--dir"], 'Cannot read "--dir": it needs a value; write "--dir=DIR"'],
    [["--dir="], 'Cannot read "--dir": it needs a value; write "--dir=DIR"'],
    [
      ["--dir", "--help"],
      'Cannot read "--dir": it needs a value; write "--dir=DIR"',
    ],
    [["--tag"], 'Cannot read "--tag": it needs a value; write "--tag=VALUE"'],
    [
      ["--arg", "A=1", "--arg"],
      'Cannot read "--arg": it needs a value; write "--arg=K=V"',
    ],
    [["--dry-run=false"], 'Cannot read "--dry-run": it takes no value'],
    [["--dry-run="], 'Cannot read "--dry-run": it takes no value'],
    [["--dry-run", "false"], 'Cannot read "--dry-run": it takes no value'],
    [["-n=1"], 'Cannot read "-n": it takes no value'],
  ];
  for (const [args, message] of cases) {
    await t.step(JSON.stringify(args), async () => {
      const error = await assertRejects(
        () => parseOptions(args, OPTIONS),
        UsageError,
      );
      assertEquals(error.message, message);
    });
  }
});

Deno.test("suggestion() names the nearest word, if any is near", async (t) => {
  const cases: [string, string[], string][] = [
    ["debain12", ["debian12", "debian13"], '; did you mean "debian12"?'],
    ["ubuntu", ["debian", "alpine"], ""],
    ["x", [], ""],
  ];
  for (const [word, known, expected] of cases) {
    await t.step(word, async () => {
      assertEquals(await suggestion(word, known), expected);
    });
  }
});

Deno.test("answerCommon() shows the help or the version", async () => {
  const help = {
    summary: "Does it.",
    usage: ["it.ts"],
    options: COMMON_OPTIONS,
    examples: {},
    exitCodes: { "0": "done" },
  };
  const lines: string[] = [];
  const answer = (asked: CommonRequest) =>
    answerCommon(asked, help, "it.ts", (text) => lines.push(text));
  assertEquals([await answer("help"), await answer("version")], [0, 0]);
  assertEquals(lines, [renderHelp(help), `it.ts ${await krunnerVersion()}`]);
});

Deno.test("renderHelp() aligns all parts", () => {
  assertEquals(
    renderHelp({
      summary: "Does it.",
      usage: ["it.ts <name>", "it.ts --all"],
      commands: { a: "First", long: "Second" },
      options: OPTIONS,
      examples: { "it.ts x": "One", "it.ts y": "Two" },
      exitCodes: { "0": "done" },
    }),
    `Does it.

Usage:
  it.ts <name>
  it.ts --all

Commands:
  a     First
  long  Second

Options:
  -d, --dir DIR    A folder
  -n, --dry-run    Change
                   nothing
      --arg K=V    Any number
      --tag VALUE  A tag
  -h, --help       Show this help
      --version    Show krunner's version

Examples:
  # One
  it.ts x
  # Two
  it.ts y

Exit codes:
  0  done`,
  );
});

Deno.test("krunnerVersion() is the version of deno.json", async () => {
  assertMatch(await krunnerVersion(), /^\d+\.\d+\.\d+/);
});

Deno.test("renderTable() aligns columns", () => {
  assertEquals(
    renderTable([["A", "LONG", "C"], ["aaa", "", "c"], ["", "b", ""]]),
    "A    LONG  C\naaa        c\n     b",
  );
});
