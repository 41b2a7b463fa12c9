/**
 * The stand-ins of std/ do what the real packages do, as far as this project
 * leans on it. The same file must pass with the "links" of deno.json removed.
 *
 * @module
 */

import {
  assertArrayIncludes,
  assertEquals,
  AssertionError,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { format as formatBytes } from "@std/fmt/bytes";
import { stripAnsiCode } from "@std/fmt/colors";
import { format, increment, parse, tryParse } from "@std/semver";
import { TarStream, type TarStreamInput } from "@std/tar/tar-stream";
import { UntarStream } from "@std/tar/untar-stream";
import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { parse as parseToml } from "@std/toml/parse";

Deno.test("assert functions throw AssertionError", () => {
  assertThrows(() => assertEquals(1, 2), AssertionError, "not equal");
  assertThrows(
    () => assertArrayIncludes([{ a: 1 }], [{ a: 2 }]),
    AssertionError,
    "missing",
  );
});

Deno.test("parseArgs() types flags, keeps words strings and reports the rest", () => {
  const unknown: string[] = [];
  const args = parseArgs(
    ["--force", "-q", "--arg=K=V", "--arg", "L=", "--dir=", "7.0", "--nope"],
    {
      alias: { quiet: "q" },
      boolean: ["force", "help", "quiet"],
      string: ["_", "arg", "dir", "jobs", "prefix"],
      collect: ["arg"],
      default: { jobs: "2" },
      unknown: (arg) => {
        unknown.push(arg);
        return !arg.startsWith("-");
      },
    },
  );
  // Each constant's type is part of the test.
  const force: boolean = args.force;
  const quiet: boolean = args.quiet;
  const help: boolean = args.help;
  const arg: string[] = args.arg;
  const dir: string | undefined = args.dir;
  const jobs: string = args.jobs;
  const prefix: string | undefined = args.prefix;
  assertEquals(
    { force, quiet, help, arg, dir, jobs, prefix, rest: args._ },
    {
      force: true,
      quiet: true,
      help: false,
      arg: ["K=V", "L="],
      dir: "",
      jobs: "2",
      prefix: undefined,
      rest: ["7.0"],
    },
  );
  assertEquals(unknown, ["7.0", "--nope"]);
});

Deno.test("parseArgs() negates what may be negated, and stops early", () => {
  const args = parseArgs(["--no-cache", "build", "--no-cache"], {
    boolean: ["cache"],
    negatable: ["cache"],
    default: { cache: true },
    stopEarly: true,
  });
  assertEquals(args.cache, false);
  assertEquals(args._, ["build", "--no-cache"]);
});

Deno.test("closestString() and levenshteinDistance() find the nearest word", () => {
  assertEquals(
    closestString("debian2", ["ubuntu18.04", "debian12"]),
    "debian12",
  );
  assertEquals(levenshteinDistance("debian2", "debian12"), 1);
  assertThrows(() => closestString("a", []), TypeError);
});

Deno.test("format() of bytes rounds to three digits", () => {
  assertEquals(formatBytes(1337), "1.34 kB");
  assertEquals(formatBytes(10_485_760, { binary: true }), "10 MiB");
});

Deno.test("stripAnsiCode() leaves the text", () => {
  assertEquals(stripAnsiCode("\x1b[31mred\x1b[39m"), "red");
});

Deno.test("increment() follows semver", () => {
  const cases = [
    ["3.5.0", "major", "4.0.0"],
    ["3.5.0", "minor", "3.6.0"],
    ["3.5.0", "patch", "3.5.1"],
    ["3.5.1-rc.1", "patch", "3.5.1"],
    ["3.5.1-rc.1", "prerelease", "3.5.1-rc.2"],
  ] as const;
  for (const [from, release, to] of cases) {
    assertEquals(format(increment(parse(from), release)), to);
  }
  assertEquals(tryParse("3.5"), undefined);
});

/** The archive of the given entries. */
function pack(...entries: TarStreamInput[]): Promise<Uint8Array> {
  return new Response(
    ReadableStream.from(entries).pipeThrough(new TarStream()),
  ).bytes();
}

/** A file entry, modified at time 0. */
function file(path: string, content: string, size?: number): TarStreamInput {
  const bytes = new TextEncoder().encode(content);
  return {
    type: "file",
    path,
    size: size ?? bytes.length,
    readable: ReadableStream.from([bytes]),
    options: { mtime: 0 },
  };
}

Deno.test("TarStream writes plain ustar", async () => {
  const archive = await pack(
    { type: "directory", path: "a/", options: { mtime: 1, mode: 0o700 } },
    file("a/b", "text"),
  );
  assertEquals(archive.length, 512 * 5);
  const text = (from: number, to: number) =>
    new TextDecoder().decode(archive.subarray(from, to)).replace(/[ \0]+$/, "");
  assertEquals(text(0, 100), "a/");
  assertEquals(Number.parseInt(text(100, 108), 8), 0o700);
  assertEquals(Number.parseInt(text(136, 148), 8), 1);
  assertEquals(text(156, 157), "5");
  assertEquals(text(257, 263), "ustar");
  assertEquals(text(512, 612), "a/b");
  assertEquals(Number.parseInt(text(612, 620), 8), 0o644);
  assertEquals(text(512 + 156, 512 + 157), "0");
  assertEquals(text(1024, 1536), "text");
});

Deno.test("TarStream refuses what does not fit or match", async (t) => {
  const cases: [name: string, entry: TarStreamInput][] = [
    ["a name of 101 bytes", file("n".repeat(101), "")],
    ["a last part of 100 bytes", file(`a/${"n".repeat(100)}`, "")],
    ["a path of 257 bytes", file(`${"a/".repeat(128)}n`, "")],
    ["contents that are too short", file("a", "text", 5)],
    ["contents that are too long", file("a", "text", 3)],
  ];
  for (const [name, entry] of cases) {
    await t.step(name, async () => {
      await assertRejects(() => pack(entry), Error);
    });
  }
});

Deno.test("UntarStream reads what TarStream wrote", async () => {
  const long = `${"p".repeat(120)}/${"n".repeat(99)}`;
  const archive = await pack(
    { type: "directory", path: "a/", options: { mtime: 1 } },
    file("a/b", "text"),
    file("a/empty", ""),
    file(long, "long"),
  );
  const entries = [];
  const source = ReadableStream.from([archive]).pipeThrough(new UntarStream());
  for await (const { path, header, readable } of source) {
    const content = readable && await new Response(readable).text();
    entries.push([path, header.typeflag, header.mtime, header.size, content]);
  }
  assertEquals(entries, [
    ["a/", "5", 1, 0, undefined],
    ["a/b", "0", 0, 4, "text"],
    ["a/empty", "0", 0, 0, ""],
    [long, "0", 0, 4, "long"],
  ]);
});

Deno.test("parse() of TOML gives tables, lists and texts, and refuses the rest", () => {
  assertEquals(
    parseToml(
      'a.b = "x" # y\n[[c]]\nd = [1, {e = true}]\n[f]\ng = """\nh\n"""\n',
    ),
    { a: { b: "x" }, c: [{ d: [1, { e: true }] }], f: { g: "h\n" } },
  );
  for (const text of ["a", "a = ", "[a", 'a = "x']) {
    assertThrows(() => parseToml(text), SyntaxError);
  }
});
