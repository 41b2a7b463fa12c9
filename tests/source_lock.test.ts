import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import {
  findRow,
  parseSourceLock,
  readSourceLock,
} from "../lib/source_lock.ts";
import { SOURCES } from "../lib/sources.ts";
import { tempDir } from "./package_fixture.ts";

const ROW = {
  name: "ttyd",
  version: "1.7.7+mine",
  file: "ttyd-mine.tar.gz",
  sha256: "0".repeat(64),
  size: 7,
  licence: "MIT",
  origins: [
    { url: "https://example.org/ttyd.tar.gz" },
    { debianSource: "ttyd", file: "ttyd_1.7.7.orig.tar.xz", suite: "forky" },
  ],
};

Deno.test("parseSourceLock() reads rows", () => {
  assertEquals(parseSourceLock(JSON.stringify([ROW]), "f"), [ROW]);
  const { size: _, ...unsized } = { ...ROW, origins: [] };
  assertEquals(parseSourceLock(JSON.stringify([unsized]), "f"), [unsized]);
});

Deno.test("parseSourceLock() takes the project's own rows", () => {
  assertEquals(parseSourceLock(JSON.stringify(SOURCES), "f"), [...SOURCES]);
});

const BROKEN: Record<string, [json: unknown, message: string]> = {
  "no list": [{}, 'Cannot use lock file "f": it is no list'],
  "no row": [["x"], 'Cannot use row 1 of "f": it is "x", not an object'],
  "an unknown key": [
    [{ ...ROW, hash: "" }],
    'Cannot use row 1 of "f": it has an unknown key "hash"; known are name,',
  ],
  "no version": [
    [{ ...ROW, version: undefined }],
    'Cannot use row 1 of "f", "version": it is missing',
  ],
  "a file in another folder": [
    [ROW, { ...ROW, version: "2", file: "../x" }],
    'Cannot use row 2 of "f", "file": it is "../x", not a text that matches',
  ],
  "half a digest": [
    [{ ...ROW, sha256: "abc" }],
    'Cannot use row 1 of "f", "sha256": it is "abc"',
  ],
  "a size in words": [
    [{ ...ROW, size: "7" }],
    'Cannot use row 1 of "f", "size": it is "7", not a number of bytes',
  ],
  "no origins": [
    [{ ...ROW, origins: undefined }],
    'Cannot use row 1 of "f", "origins": it is missing, not a list',
  ],
  "an origin that is no URL": [
    [{ ...ROW, origins: [{ url: "/tmp/x" }] }],
    'Cannot use row 1 of "f", origin 1, "url": it is "/tmp/x"',
  ],
  "an empty origin": [
    [{ ...ROW, origins: [{}] }],
    'Cannot use row 1 of "f", origin 1, "url" or "debianSource": it is missing',
  ],
  "two rows for one version": [
    [ROW, ROW],
    'Cannot use lock file "f": it has two rows for ttyd 1.7.7+mine; remove one',
  ],
};

Deno.test("parseSourceLock() says what is wrong, and where", async (t) => {
  for (const [name, [json, message]] of Object.entries(BROKEN)) {
    await t.step(name, () => {
      assertThrows(
        () => parseSourceLock(JSON.stringify(json), "f"),
        KrunnerError,
        message,
      );
    });
  }
  await t.step("no JSON", () => {
    assertThrows(
      () => parseSourceLock("[", "f"),
      KrunnerError,
      'Cannot read lock file "f": it is not JSON (',
    );
  });
});

Deno.test("readSourceLock() reads a file, and says which one is not there", async () => {
  using dir = tempDir({ "lock.json": JSON.stringify([ROW]) });
  assertEquals(await readSourceLock(`${dir.path}/lock.json`), [ROW]);
  await assertRejects(
    () => readSourceLock(`${dir.path}/none.json`),
    KrunnerError,
    `Cannot read "${dir.path}/none.json"`,
  );
});

Deno.test("findRow() takes the first row of a name and version", () => {
  const other = { ...ROW, file: "other" };
  assertEquals(findRow([ROW, other], "ttyd", "1.7.7+mine"), ROW);
  assertEquals(findRow([ROW], "ttyd", "1.7.7"), undefined);
});
