import { assertEquals, assertThrows } from "@std/assert";
import {
  type Instruction,
  parseArg,
  parseCopy,
  parseDockerfile,
  parseFlags,
  parseFrom,
  substitute,
  textOffset,
  withoutSyntax,
} from "../lib/dockerfile.ts";
import { expandWord, splitWords } from "../lib/dockerfile_words.ts";
import { KrunnerError } from "../lib/errors.ts";

/** Keyword, arguments and line of each instruction. */
function outline(text: string): [string, string, number][] {
  return parseDockerfile(text).instructions.map((it) => [
    it.onbuild ? `ONBUILD ${it.keyword}` : it.keyword,
    it.args,
    it.line,
  ]);
}

function only(text: string): Instruction {
  const [instruction, ...others] = parseDockerfile(text).instructions;
  assertEquals(others, []);
  if (instruction === undefined) throw new Error("no instruction");
  return instruction;
}

const OUTLINES: [string, string, [string, string, number][]][] = [
  ["nothing", "", []],
  ["blank lines and comments only", "\n# FROM a\n  \n\t# b\n", []],
  ["no line break at the end", "FROM a", [["FROM", "a", 1]]],
  ["lower case", "from a\nrUn b", [["FROM", "a", 1], ["RUN", "b", 2]]],
  ["no arguments", "FROM a\nRUN\n", [["FROM", "a", 1], ["RUN", "", 2]]],
  ["indentation and tabs", "  FROM\ta \n", [["FROM", "a", 1]]],
  ["CRLF", "FROM a\r\nRUN b \\\r\n c\r\n", [
    ["FROM", "a", 1],
    ["RUN", "b  c", 2],
  ]],
  ["a byte order mark", "\uFEFFFROM a\n", [["FROM", "a", 1]]],
  ["continued lines", "RUN a \\\n  b \\\nc\nRUN d", [
    ["RUN", "a   b c", 1],
    ["RUN", "d", 4],
  ]],
  ["blanks behind the continuation", "RUN a \\ \t\n  b", [["RUN", "a   b", 1]]],
  ["comments between continued lines", "RUN a \\\n # x \\\n#y\n b", [
    ["RUN", "a  b", 1],
  ]],
  ["blank lines between continued lines", "RUN a \\\n\n  \n b\nRUN c", [
    ["RUN", "a  b", 1],
    ["RUN", "c", 5],
  ]],
  ["a continuation at the end of the file", "RUN a \\", [["RUN", "a", 1]]],
  ["a continuation alone on a line", "RUN a\\\n\\\nb", [["RUN", "ab", 1]]],
  ["two escapes do not continue", "RUN a\\\\\nRUN b", [
    ["RUN", "a\\\\", 1],
    ["RUN", "b", 2],
  ]],
  ["a keyword that is continued", "RU\\\nN\\\n a", [["RUN", "a", 1]]],
  ["a comment only at the line's start", "RUN a # b", [["RUN", "a # b", 1]]],
  ["ONBUILD", "ONBUILD run a \\\n b", [["ONBUILD RUN", "a  b", 1]]],
  ["another escape", "# escape=`\nRUN a `\n b\\\nRUN c", [
    ["RUN", "a  b\\", 2],
    ["RUN", "c", 4],
  ]],
  [
    "an escape behind another directive",
    "# syntax=docker/dockerfile:1\n#ESCAPE = `\nRUN a `\n b",
    [["RUN", "a  b", 3]],
  ],
  [
    "an escape behind a comment is a comment",
    "# c\n# escape=`\nRUN a `\nRUN b",
    [
      ["RUN", "a `", 3],
      ["RUN", "b", 4],
    ],
  ],
  ["an escape behind a blank line is a comment", "\n# escape=`\nRUN a\\\n b", [
    ["RUN", "a b", 3],
  ]],
  ["unknown instructions", "FORM a", [["FORM", "a", 1]]],
];

Deno.test("parseDockerfile() finds the instructions", async (t) => {
  for (const [name, text, expected] of OUTLINES) {
    await t.step(name, () => assertEquals(outline(text), expected));
  }
});

const HEREDOCS: [string, string, string[]][] = [
  ["plain", "RUN <<EOF\nRUN b\nEOF\n", ["EOF"]],
  ["quoted", "RUN <<'EOF' cat\n# b\\\nEOF\n", ["EOF"]],
  ["in double quotes with a blank", 'RUN <<"E F"\n\nE F\n', ["E F"]],
  ["partly quoted", "RUN <<eo'f'\nb\neof\n", ["eof"]],
  ["with a dash", "RUN <<-EOF\n\t\tb\n\t\tEOF\n", ["EOF"]],
  ["with blanks before the word", "RUN cat << EOF\nb\nEOF\n", ["EOF"]],
  ["of a descriptor", "RUN 3<<EOF\nb\nEOF\n", ["EOF"]],
  ["a variable in the word stays", "RUN <<$EOF\nb\n$EOF\n", ["$EOF"]],
  ["two", "COPY <<X <<Y /dst/\nY\nX\nX\nY\n", ["X", "Y"]],
  ["behind a continued line", "RUN a && \\\n <<EOF\nb\nEOF\n", ["EOF"]],
  ["of ADD", "ADD <<EOF /x\nb\nEOF\n", ["EOF"]],
  ["behind ONBUILD", "ONBUILD RUN <<EOF\nb\nEOF\n", ["EOF"]],
  ["CRLF", "RUN <<EOF\r\nb\r\nEOF\r\n", ["EOF"]],
  ["none in the JSON form", 'RUN ["<<EOF"]\n', []],
  ["none in quotes", 'RUN echo "<<EOF"\n', []],
  ["none when shifting bits", "RUN echo $(( 1 << 2 ))\n", []],
  ["none from a here-string", "RUN cat <<<EOF\n", []],
  ["none in other instructions", "ENV a=<<EOF\n", []],
];

Deno.test("parseDockerfile() skips the bodies of here-documents", async (t) => {
  for (const [name, text, expected] of HEREDOCS) {
    await t.step(name, () => {
      const [first, last, ...others] =
        parseDockerfile(`${text}LABEL last=1`).instructions;
      assertEquals(first?.heredocs, expected);
      assertEquals(last?.args, "last=1");
      assertEquals(others, []);
      assertEquals(
        text.slice(first?.start, first?.end),
        text.replace(/\r?\n$/, ""),
      );
    });
  }
});

Deno.test("parseDockerfile() tells where each instruction stands", () => {
  const text =
    "\uFEFF# c\r\n  FROM a \\\r\n # c\r\n\r\n  as b\r\n\r\nonbuild label x=1\\\r\n2";
  const { instructions } = parseDockerfile(text);
  assertEquals(instructions.map(({ start, end }) => text.slice(start, end)), [
    "FROM a \\\r\n # c\r\n\r\n  as b",
    "onbuild label x=1\\\r\n2",
  ]);
});

Deno.test("textOffset() leads back to the file", async (t) => {
  for (const [name, text] of [...OUTLINES, ...HEREDOCS]) {
    await t.step(name, () => {
      for (const instruction of parseDockerfile(text).instructions) {
        const { args } = instruction;
        const found = Array.from(
          args,
          (_, index) => text.charAt(textOffset(instruction, index)),
        );
        assertEquals(found.join(""), args);
      }
    });
  }
  assertThrows(() => textOffset(only("RUN"), 0), RangeError);
});

Deno.test("parseDockerfile() throws", async (t) => {
  await t.step("on a bad escape", () => {
    assertThrows(
      () => parseDockerfile("# syntax=x\n# escape=x\nFROM a", "f"),
      KrunnerError,
      'Cannot read "f", line 2: "x" is no escape character; use "\\" or "`"',
    );
  });
  await t.step("on a here-document without an end", () => {
    assertThrows(
      () => parseDockerfile("FROM a\nRUN <<EOF\nEOF \n EOF", "f"),
      KrunnerError,
      'Cannot read "f", line 2: the here-document "EOF" has no end; add a line "EOF"',
    );
  });
});

Deno.test("parseFlags() separates flags", async (t) => {
  const cases: [string, [string, string][], string][] = [
    ["RUN a --b", [], "a --b"],
    ["RUN --network=none  a b", [["network", "none"]], "a b"],
    ["COPY --link --from=a b c", [["link", ""], ["from", "a"]], "b c"],
    [
      'RUN --mount=type=bind,source="a b",target=/c d',
      [["mount", "type=bind,source=a b,target=/c"]],
      "d",
    ],
    ["COPY --from=$A b c", [["from", "$A"]], "b c"],
    ["RUN --only=flags", [["only", "flags"]], ""],
  ];
  for (const [text, flags, rest] of cases) {
    await t.step(
      text,
      () => assertEquals(parseFlags(only(text)), { flags, rest }),
    );
  }
});

Deno.test("parseCopy() separates sources and destination", async (t) => {
  const cases: [string, Record<string, string>, string[], string][] = [
    ["COPY a /b", {}, ["a"], "/b"],
    ["COPY a b* \\\n  c/ /d/", {}, ["a", "b*", "c/"], "/d/"],
    ['COPY ["a b", "c"]', {}, ["a b"], "c"],
    ['COPY --from=x ["a", "b", "c"]', { from: "x" }, ["a", "b"], "c"],
    ["COPY [a] b", {}, ["[a]"], "b"],
    ['COPY ["a", 1]', {}, ['["a",'], "1]"],
    ["ADD --chown=0:0 ${A}.txt $B", { chown: "0:0" }, ["${A}.txt"], "$B"],
    ["COPY <<X a <<Y /d/\nX\nY", {}, ["a"], "/d/"],
    ["COPY a", {}, [], "a"],
    ["COPY", {}, [], ""],
  ];
  for (const [text, flags, sources, destination] of cases) {
    await t.step(text, () => {
      assertEquals(parseCopy(only(text)), { flags, sources, destination });
    });
  }
});

Deno.test("parseFrom() finds image, platform and alias", async (t) => {
  const cases: [string, ReturnType<typeof parseFrom>][] = [
    ["FROM a", { image: "a" }],
    ["FROM ${A:-b}", { image: "${A:-b}" }],
    ["FROM a AS Base", { image: "a", alias: "base" }],
    ["FROM a as \\\n b", { image: "a", alias: "b" }],
    ["FROM --platform=$P a AS b", { image: "a", platform: "$P", alias: "b" }],
    ["FROM a b", { image: "a" }],
    ["FROM", { image: "" }],
  ];
  for (const [text, expected] of cases) {
    await t.step(text, () => assertEquals(parseFrom(only(text)), expected));
  }
});

Deno.test("parseArg() finds names and defaults", async (t) => {
  const cases: [string, ReturnType<typeof parseArg>][] = [
    ["ARG A", [{ name: "A" }]],
    ["ARG A=1 B", [{ name: "A", default: "1" }, { name: "B" }]],
    ["ARG A=", [{ name: "A", default: "" }]],
    ["ARG A='x y' B=a=b", [
      { name: "A", default: "'x y'" },
      { name: "B", default: "a=b" },
    ]],
  ];
  for (const [text, expected] of cases) {
    await t.step(text, () => assertEquals(parseArg(only(text)), expected));
  }
});

Deno.test("substitute() replaces like the dockerfile frontend", async (t) => {
  const values = { A: "1", EMPTY: "", UNSET: undefined, "B_2": "x" };
  const cases: [string, string][] = [
    ["plain", "plain"],
    ["$A", "1"],
    ["${A}", "1"],
    ["a$A.b", "a1.b"],
    ["$AB", ""],
    ["${B_2}$B_2", "xx"],
    ["$NOPE|${NOPE}|$UNSET", "||"],
    ["$constructor", ""],
    ["${A:-d}|${EMPTY:-d}|${NOPE:-d}|${UNSET:-d}", "1|d|d|d"],
    ["${A-d}|${EMPTY-d}|${NOPE-d}", "1||d"],
    ["${A:+d}|${EMPTY:+d}|${NOPE:+d}", "d||"],
    ["${A+d}|${EMPTY+d}|${NOPE+d}", "d|d|"],
    ["${A:?e}|${EMPTY?e}", "1|"],
    ["${NOPE:-${A}b}", "1b"],
    ["${NOPE:-a\\}b}", "a}b"],
    ["${NOPE:-'a}b'}", "a}b"],
    ["\\$A", "$A"],
    ["\\${A}", "${A}"],
    ["'$A'", "$A"],
    ['"$A"', "1"],
    ['"\\$A \\" \\\\ \\x"', '$A " \\ \\x'],
    ["a\\ b", "a b"],
    ["a\\", "a"],
    ["a$", "a$"],
    ["$ a", "$ a"],
    ["$$", ""],
    ["$1a", "a"],
    ["''", ""],
  ];
  for (const [text, expected] of cases) {
    await t.step(text, () => assertEquals(substitute(text, values), expected));
  }
  await t.step("with another escape", () => {
    assertEquals(substitute("c:\\`$A\\$A", values, "`"), "c:\\$A\\1");
  });
});

Deno.test("substitute() throws", async (t) => {
  const cases: [string, string][] = [
    ["'a", "Cannot read the word 'a: a single quote is not closed"],
    ['"a', 'Cannot read the word "a: a double quote is not closed'],
    ["${A:-b", 'Cannot read the word ${A:-b: "}" is missing'],
    ["${A:?}", "Cannot read the word ${A:?}: A: it must be set"],
    ["${A?why}", "Cannot read the word ${A?why}: A: why"],
    ["${A%b}", "Cannot read the word ${A%b}: only"],
    ["${}", "Cannot read the word ${}: only"],
    ["${A", "Cannot read the word ${A: only"],
  ];
  for (const [text, message] of cases) {
    await t.step(text, () => {
      assertThrows(() => substitute(text, {}), KrunnerError, message);
    });
  }
});

Deno.test("splitWords() keeps quoted and escaped blanks", async (t) => {
  const cases: [string, string[]][] = [
    ["", []],
    ["  a \t b ", ["a", "b"]],
    ["a='b c' d", ["a='b c'", "d"]],
    ['a"b c"d e', ['a"b c"d', "e"]],
    ["a\\ b c", ["a\\ b", "c"]],
    ['"a\\" b" c', ['"a\\" b"', "c"]],
    ["'a\\' b", ["'a\\'", "b"]],
    ["\\'a b", ["\\'a", "b"]],
    ["'' b", ["''", "b"]],
    ["'a b", ["'a b"]],
    ["a\\", ["a\\"]],
  ];
  for (const [text, expected] of cases) {
    await t.step(text, () => {
      const words = splitWords(text, "\\");
      assertEquals(words.map(({ raw }) => raw), expected);
      for (const { raw, start } of words) {
        assertEquals(text.slice(start, start + raw.length), raw);
      }
    });
  }
});

Deno.test("expandWord() tells origins and variables", () => {
  assertEquals(expandWord("a'b'\\c$D${E:-f$G}h", "\\", { D: "12" }), {
    text: "abc12fh",
    origins: [0, 2, 5, -1, -1, -1, 17],
    variables: ["D", "E", "G"],
  });
});

Deno.test("parseDockerfile() reads the syntax directive", async (t) => {
  const cases: [string, string | undefined][] = [
    [
      "# syntax=docker/dockerfile-upstream:1-labs\nFROM a",
      "docker/dockerfile-upstream:1-labs",
    ],
    ["#SYNTAX = a/b:1 --option\r\nFROM a", "a/b:1"],
    ["# escape=`\n# syntax=a\nFROM a", "a"],
    ["FROM a\n# syntax=a", undefined],
    ["\n# syntax=a\nFROM a", undefined],
    ["# note\n# syntax=a\nFROM a", undefined],
  ];
  for (const [text, expected] of cases) {
    await t.step(JSON.stringify(text), () => {
      assertEquals(parseDockerfile(text).syntax, expected);
    });
  }
});

Deno.test("withoutSyntax() keeps other directives and the lines' numbers", async (t) => {
  const cases: [string, string][] = [
    ["# syntax=a\nFROM a\n", "\nFROM a\n"],
    ["# syntax=a\n# escape=`\nFROM a", "# escape=`\n\nFROM a"],
    [
      "# escape=`\n# syntax=a\n# check=x\nFROM a",
      "# escape=`\n# check=x\n\nFROM a",
    ],
    ["FROM a\n# syntax=a\n", "FROM a\n# syntax=a\n"],
  ];
  for (const [text, expected] of cases) {
    await t.step(JSON.stringify(text), () => {
      assertEquals(withoutSyntax(text), expected);
    });
  }
});
