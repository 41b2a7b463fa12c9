import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import { parsePax, readTar } from "../lib/tar_reader.ts";
import {
  concat,
  entryBytes,
  metadata,
  paxRecord,
  streamOf,
  tarOf,
  type TestEntry,
} from "./tar_builder.ts";

const encoder = new TextEncoder();
const LONG = `d/${"é".repeat(120)}`;

/** Names, types, sizes, link names and contents of an archive. */
async function listing(
  bytes: Uint8Array<ArrayBuffer>,
  chunkSize?: number,
): Promise<[string, string, number, string, string][]> {
  const found: [string, string, number, string, string][] = [];
  for await (const { header, body } of readTar(streamOf(bytes, chunkSize))) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    const text = new TextDecoder().decode(concat(chunks));
    const { name, type, size, linkName } = header;
    found.push([name, type, size, linkName, text]);
  }
  return found;
}

const ENTRIES: TestEntry[] = [
  { name: "d/" },
  { name: "d/empty" },
  { name: "d/full", content: "x".repeat(1500) },
  { name: "d/hard", type: "hard link", linkName: "d/full" },
  { name: "d/soft", type: "symbolic link", linkName: LONG },
  { name: LONG, content: "long" },
];

const LISTING: [string, string, number, string, string][] = [
  ["d/", "directory", 0, "", ""],
  ["d/empty", "file", 0, "", ""],
  ["d/full", "file", 1500, "", "x".repeat(1500)],
  ["d/hard", "hard link", 0, "d/full", ""],
  ["d/soft", "symbolic link", 0, LONG, ""],
  [LONG, "file", 4, "", "long"],
];

Deno.test("readTar() gives entries and contents, however they are cut", async (t) => {
  const bytes = tarOf(ENTRIES);
  for (const chunkSize of [1, 7, 511, 512, 513, 4096, 1 << 20]) {
    await t.step(`chunks of ${chunkSize}`, async () => {
      assertEquals(await listing(bytes, chunkSize), LISTING);
    });
  }
});

Deno.test("readTar() reads what GNU tar writes", async (t) => {
  const root = await Deno.makeTempDir({ prefix: "krunner-test-" });
  try {
    await Deno.mkdir(`${root}/d`);
    await Deno.writeTextFile(`${root}/d/full`, "x".repeat(1500));
    await Deno.symlink(LONG, `${root}/d/soft`);
    await Deno.writeTextFile(`${root}/${LONG}`, "long");
    for (const format of ["gnu", "pax"]) {
      await t.step(format, async () => {
        const { stdout } = await new Deno.Command("tar", {
          args: [
            ...["-c", "-C", root, `--format=${format}`, "--sort=name"],
            ...["--mtime=@1.5", "--owner=krunner:5000000", "d"],
          ],
        }).output();
        const found = await listing(stdout);
        assertEquals(found, [LISTING[0], LISTING[2], LISTING[4], LISTING[5]]);
        for await (const { header } of readTar(streamOf(stdout))) {
          assertEquals(header.uid, 5_000_000);
          assertEquals(header.userName, "krunner");
          assertEquals(header.mtime, format === "pax" ? 1.5 : 1);
          assertEquals(header.pax.has("mtime"), format === "pax");
        }
      });
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("readTar() lets PAX records replace the header's fields", async () => {
  const bytes = concat([
    metadata("g", concat([paxRecord("uname", "all"), paxRecord("gid", "7")])),
    entryBytes({
      name: "short",
      size: 0,
      content: "four",
      pax: {
        path: "päth",
        size: "4",
        mtime: "3.25",
        "SCHILY.xattr.user.x": new Uint8Array([0, 255]),
      },
    }),
    entryBytes({
      name: "other",
      type: "symbolic link",
      pax: { linkpath: "a\nb", size: "9", uname: "", gid: "8" },
    }),
    new Uint8Array(1024),
  ]);
  const headers = [];
  for await (const { header } of readTar(streamOf(bytes))) headers.push(header);
  const [first, second] = headers;
  assertEquals(headers.length, 2);
  assertEquals(
    [first?.name, first?.size, first?.mtime, first?.userName, first?.gid],
    ["päth", 4, 3.25, "all", 7],
  );
  assertEquals(first?.pax.has("SCHILY.xattr.user.x"), true);
  assertEquals(
    [second?.linkName, second?.size, second?.userName, second?.gid],
    ["a\nb", 0, "", 8],
  );
});

Deno.test("readTar() skips what was not read of a content", async () => {
  const bytes = tarOf(ENTRIES);
  const names: string[] = [];
  for await (const { header, body } of readTar(streamOf(bytes, 100))) {
    names.push(header.name);
    for await (const chunk of body) {
      if (chunk.length > 0) break;
    }
  }
  assertEquals(names, LISTING.map(([name]) => name));
});

Deno.test("readTar() reads the stream to its end and ignores what is there", async () => {
  const bytes = concat([tarOf(ENTRIES), encoder.encode("padding")]);
  let ended = false;
  const tap = new TransformStream<Uint8Array<ArrayBuffer>>({
    flush() {
      ended = true;
    },
  });
  const names = await Array.fromAsync(
    readTar(streamOf(bytes, 100).pipeThrough(tap)),
    ({ header }) => header.name,
  );
  assertEquals(names, LISTING.map(([name]) => name));
  assertEquals(ended, true);
});

Deno.test("readTar() cancels the stream when the loop is left", async () => {
  let cancelled = false;
  const bytes = tarOf(ENTRIES);
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.enqueue(bytes.slice(0, 512)),
    cancel() {
      cancelled = true;
    },
  });
  for await (const { header } of readTar(endless)) {
    assertEquals(header.name, "d/");
    break;
  }
  assertEquals(cancelled, true);
});

Deno.test("readTar() tells of an early end, wherever it is", async (t) => {
  const bytes = tarOf(ENTRIES.slice(0, 3));
  // Headers of d/, d/empty and d/full, three blocks of content, two of zeros.
  const cases: [string, number[], string][] = [
    ["at the start", [0, 1, 511], "before its first entry"],
    ["behind an entry", [512, 513, 1023], 'after "d/"'],
    ["behind an empty file", [1024, 1535], 'after "d/empty"'],
    ["in a content", [1536, 1537, 2048, 3035, 3036, 3071], 'in "d/full"'],
    ["without zero blocks", [3072, 3073, 3583, 3584, 4095], 'after "d/full"'],
  ];
  assertEquals(bytes.length, 4096);
  for (const [title, offsets, where] of cases) {
    await t.step(title, async () => {
      for (const offset of offsets) {
        const error = await assertRejects(
          () => listing(bytes.slice(0, offset)),
          KrunnerError,
        );
        assertEquals(
          error.message,
          `Cannot read the tar archive: it ended early, ${where}; see why the program that writes it stopped`,
        );
      }
    });
  }
  await t.step("at each byte of a long name", async () => {
    const long = tarOf([{ name: LONG, pax: { mtime: "1.5" } }]);
    for (let offset = 0; offset < long.length; offset += 31) {
      await assertRejects(
        () => listing(long.slice(0, offset)),
        KrunnerError,
        "it ended early",
      );
    }
  });
});

Deno.test("readTar() refuses what is damaged", async (t) => {
  const advice =
    "; the data is damaged or written by a program that is not supported";
  const entry = entryBytes({ name: "a" });
  const zero = new Uint8Array(512);
  const cases: [string, Uint8Array<ArrayBuffer>, string][] = [
    [
      "a lone zero block",
      concat([entry, zero, entry]),
      `Cannot read the tar archive: a lone zero block is after "a"${advice}`,
    ],
    [
      "a header of 2 MiB",
      metadata("x", new Uint8Array(2 << 20)),
      `Cannot read the tar archive: a header takes 2097152 bytes${advice}`,
    ],
    [
      "a malformed PAX record",
      metadata("x", encoder.encode("12 path=x\n")),
      `Cannot read the tar archive: a PAX record is malformed${advice}`,
    ],
    [
      "a sparse file",
      tarOf([{ name: "s", pax: { "GNU.sparse.major": "1" } }]),
      `Cannot read the tar archive: "s" is stored as a sparse file${advice}`,
    ],
    [
      "a PAX size that is no number",
      tarOf([{ name: "s", pax: { size: "1e3" } }]),
      'Cannot read the tar entry "s": its size is not a number; the data is damaged',
    ],
    [
      "a PAX name that is not UTF-8",
      tarOf([{ name: "s", pax: { path: new Uint8Array([0x61, 0xff]) } }]),
      'Cannot read the tar entry "a\uFFFD": its name is not UTF-8; rename it',
    ],
    [
      "no tar at all",
      encoder.encode("x".repeat(600)),
      "Cannot read a tar header: its checksum is wrong; the data is damaged or not a tar archive",
    ],
  ];
  for (const [title, bytes, message] of cases) {
    await t.step(title, async () => {
      const error = await assertRejects(() => listing(bytes), KrunnerError);
      assertEquals(error.message, message);
    });
  }
});

Deno.test("readTar() passes on the stream's own error", async () => {
  const failing = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new KrunnerError("The engine died")),
  });
  await assertRejects(
    () => Array.fromAsync(readTar(failing)),
    KrunnerError,
    "The engine died",
  );
});

Deno.test("parsePax() reads records by their length", () => {
  const records = parsePax(concat([
    paxRecord("path", "a=b\nc"),
    paxRecord("x".repeat(90), "y"),
    paxRecord("empty", ""),
  ]));
  assertEquals([...records], [
    ["path", "a=b\nc"],
    ["x".repeat(90), "y"],
    ["empty", ""],
  ]);
  assertEquals(parsePax(new Uint8Array()).size, 0);
});

Deno.test("parsePax() refuses malformed records", () => {
  const cases = ["x", "0 a=b\n", "6 a=b\n7", "7 a=b\n", "6 a=b ", "6 abc\n"];
  for (const text of ["-6 a=b\n", "99999999 a=b\n", " a=b\n", ...cases]) {
    assertThrows(() => parsePax(encoder.encode(text)), KrunnerError);
  }
});
