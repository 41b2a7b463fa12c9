import { assertEquals, assertThrows } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import {
  decodeHeader,
  encodeHeader,
  type NewTarHeader,
  paddingOf,
} from "../lib/tar_header.ts";
import { patchHeader } from "./tar_builder.ts";

const MTIME = 1_700_000_000;
const encoder = new TextEncoder();

const FILE: NewTarHeader = {
  name: "./bin/python3",
  type: "file",
  mode: 0o755,
  size: 5,
  mtime: MTIME,
  linkName: "",
};

/** The header that GNU tar writes for an entry that really exists. */
async function gnuHeader(
  header: NewTarHeader,
  format: string,
): Promise<Uint8Array> {
  const root = await Deno.makeTempDir({ prefix: "krunner-test-" });
  try {
    const path = `${root}/${header.name}`;
    const parent = path.replace(/\/$/, "").replace(/\/[^/]*$/, "");
    await Deno.mkdir(parent, { recursive: true });
    if (header.type === "directory") {
      await Deno.mkdir(path, { recursive: true });
    }
    if (header.type === "symbolic link") {
      await Deno.symlink(header.linkName, path);
    }
    if (header.type === "file") {
      await Deno.writeFile(path, new Uint8Array(header.size));
    }
    const { code, stdout, stderr } = await new Deno.Command("tar", {
      args: [
        ...["-c", "-f", "-", "-C", root, "--no-recursion", "--numeric-owner"],
        ...["--owner=0", "--group=0", `--mtime=@${header.mtime}`],
        ...[`--format=${format}`, `--mode=${header.mode.toString(8)}`],
        ...["--", header.name],
      ],
    }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    return stdout;
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** `./`, then directories of one letter, up to a length; no `/` at its end. */
function path(directory: number, name: number): string {
  const parts = [".", "d".repeat(80), "e".repeat(directory - 83)];
  return `${parts.join("/")}/${"n".repeat(name)}`;
}

Deno.test("encodeHeader() writes the bytes that GNU tar writes", async (t) => {
  const flat = (length: number) => `./${"n".repeat(length - 2)}`;
  const cases: [string, "ustar" | "gnu", Partial<NewTarHeader>][] = [
    ["a file", "ustar", {}],
    ["an empty file", "ustar", { size: 0 }],
    ["the root", "ustar", { name: "./", type: "directory", size: 0 }],
    ["99 bytes", "ustar", { name: flat(99) }],
    ["100 bytes", "ustar", { name: flat(100) }],
    ["101 bytes, divided behind the dot", "ustar", { name: flat(101) }],
    ["102 bytes, divided behind the dot", "ustar", { name: flat(102) }],
    ["103 bytes, no place to divide", "gnu", { name: flat(103) }],
    ["a prefix of 154 bytes", "ustar", { name: path(154, 100) }],
    ["a prefix of 155 bytes", "ustar", { name: path(155, 100) }],
    ["a prefix of 156 bytes", "gnu", { name: path(156, 100) }],
    ["156 bytes, divided one / before", "ustar", { name: path(156, 1) }],
    ["255 bytes in all", "ustar", { name: path(155, 99) }],
    ["256 bytes in all", "ustar", { name: path(155, 100) }],
    ["257 bytes in all", "gnu", { name: path(155, 101) }],
    ["a name of 255 bytes behind a prefix", "gnu", { name: path(90, 255) }],
    ["a directory of 100 bytes", "ustar", {
      name: `${flat(99)}/`,
      type: "directory",
      size: 0,
    }],
    ["a directory of 101 bytes", "ustar", {
      name: `${flat(100)}/`,
      type: "directory",
      size: 0,
    }],
    ["a directory of 103 bytes", "gnu", {
      name: `${flat(102)}/`,
      type: "directory",
      size: 0,
    }],
    ["100 bytes of 50 characters", "ustar", { name: `./${"é".repeat(49)}` }],
    ["a character across the 100th byte", "gnu", {
      name: `./n${"é".repeat(60)}`,
    }],
    ["blanks and a newline", "ustar", { name: "./a b\nc" }],
    ["a link of 100 bytes", "ustar", {
      type: "symbolic link",
      mode: 0o777,
      size: 0,
      linkName: "l".repeat(100),
    }],
    ["a link of 101 bytes", "gnu", {
      type: "symbolic link",
      mode: 0o777,
      size: 0,
      linkName: "l".repeat(101),
    }],
    ["a long link of a long name", "gnu", {
      name: path(156, 101),
      type: "symbolic link",
      mode: 0o777,
      size: 0,
      linkName: "l".repeat(300),
    }],
    ["a long link of a name for the prefix", "gnu", {
      name: path(90, 20),
      type: "symbolic link",
      mode: 0o777,
      size: 0,
      linkName: "l".repeat(101),
    }],
  ];
  for (const [title, format, changes] of cases) {
    await t.step(title, async () => {
      const header = { ...FILE, ...changes };
      const bytes = encodeHeader(header);
      const expected = await gnuHeader(header, format);
      assertEquals(bytes, expected.slice(0, bytes.length));
      assertEquals(bytes.length === 512, format === "ustar");
    });
  }
});

Deno.test("encodeHeader() lays out the fields of POSIX", () => {
  const block = encodeHeader(FILE);
  const text = new TextDecoder().decode(block);
  assertEquals(text.slice(0, 14), "./bin/python3\0");
  assertEquals(text.slice(100, 108), "0000755\0");
  assertEquals(text.slice(108, 124), "0000000\x000000000\0");
  assertEquals(text.slice(124, 136), "00000000005\0");
  assertEquals(text.slice(136, 148), "14524770400\0");
  assertEquals(text.slice(154, 157), "\0 0");
  assertEquals(text.slice(257, 265), "ustar\x0000");
  assertEquals(text.slice(265, 329), "\0".repeat(64));
  assertEquals(text.slice(329, 345), "0000000\x000000000\0");
  assertEquals(text.slice(345), "\0".repeat(167));
});

Deno.test("encodeHeader() writes sizes from 8 GiB in base 256", () => {
  const size = (value: number) =>
    encodeHeader({ ...FILE, size: value }).subarray(124, 136);
  assertEquals(size(2 ** 33 - 1), encoder.encode("77777777777\0"));
  assertEquals(
    size(2 ** 33),
    new Uint8Array([0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]),
  );
  for (const value of [2 ** 33 - 1, 2 ** 33, 2 ** 40 + 12345, 2 ** 53 - 1]) {
    const block = encodeHeader({ ...FILE, size: value });
    assertEquals(decodeHeader(block).size, value);
  }
});

Deno.test("decodeHeader() reads what encodeHeader() writes", () => {
  const header = decodeHeader(encodeHeader({ ...FILE, name: path(155, 100) }));
  assertEquals(header, {
    ...FILE,
    name: path(155, 100),
    flag: "0",
    uid: 0,
    gid: 0,
    userName: "",
    groupName: "",
    pax: new Map(),
  });
});

Deno.test("decodeHeader() reads other writers' fields", async (t) => {
  const block = encodeHeader(FILE);
  const patched = (offset: number, text: string) =>
    decodeHeader(patchHeader(block, offset, encoder.encode(text)));
  const bytes = (offset: number, ...values: number[]) =>
    decodeHeader(patchHeader(block, offset, new Uint8Array(values)));
  await t.step("octal with blanks", () => {
    assertEquals(patched(100, "   644 \0").mode, 0o644);
    assertEquals(patched(124, "         12 ").size, 10);
    assertEquals(patched(108, "\0\0\0\0\0\0\0\0").uid, 0);
  });
  await t.step("a negative time in base 256", () => {
    assertEquals(bytes(136, ...Array(11).fill(0xff), 0xfe).mtime, -2);
  });
  await t.step("no prefix without POSIX's magic", () => {
    const gnu = patchHeader(block, 257, encoder.encode("ustar  \0"));
    const times = patchHeader(gnu, 345, encoder.encode("14524770400\0"));
    assertEquals(decodeHeader(times).name, FILE.name);
    const posix = patchHeader(block, 345, encoder.encode("a/b"));
    assertEquals(decodeHeader(posix).name, `a/b/${FILE.name}`);
  });
  await t.step("types", () => {
    const types = ["\0", "0", "1", "2", "3", "4", "5", "6", "7", "S", "V"];
    assertEquals(types.map((flag) => patched(156, flag).type), [
      "file",
      "file",
      "hard link",
      "symbolic link",
      "character device",
      "block device",
      "directory",
      "fifo",
      "file",
      "unknown",
      "unknown",
    ]);
    assertEquals(patched(156, "S").flag, "S");
  });
  await t.step("a directory of before ustar", () => {
    const named = encodeHeader({ ...FILE, name: "d/" });
    const old = patchHeader(named, 156, new Uint8Array(1));
    assertEquals(decodeHeader(old).type, "directory");
  });
  await t.step("no content where there can be none", () => {
    assertEquals(patched(156, "5").size, 0);
    assertEquals(patched(156, "1").size, 0);
  });
});

Deno.test("decodeHeader() refuses what is no header", async (t) => {
  const block = encodeHeader(FILE);
  const damaged = block.slice();
  damaged[3] = 0x78;
  const negative = new Uint8Array(12).fill(0xff);
  const cases: [string, Uint8Array, string][] = [
    [
      "a wrong checksum",
      damaged,
      "Cannot read a tar header: its checksum is wrong; the data is damaged or not a tar archive",
    ],
    [
      "a size that is no number",
      patchHeader(block, 124, encoder.encode("12x")),
      'Cannot read the tar entry "./bin/python3": its size is not a number; the data is damaged',
    ],
    [
      "a negative size",
      patchHeader(block, 124, negative),
      'Cannot read the tar entry "./bin/python3": its size is not a number; the data is damaged',
    ],
    [
      "a name that is not UTF-8",
      patchHeader(block, 2, new Uint8Array([0xe9])),
      'Cannot read the tar entry "./\uFFFDin/python3": its name is not UTF-8; rename it',
    ],
  ];
  for (const [title, bytes, message] of cases) {
    await t.step(title, () => {
      const error = assertThrows(() => decodeHeader(bytes), KrunnerError);
      assertEquals(error.message, message);
    });
  }
});

Deno.test("paddingOf() fills up to the next block", () => {
  assertEquals([0, 1, 511, 512, 513].map(paddingOf), [0, 511, 1, 0, 511]);
});
