import { assertEquals, assertNotEquals } from "@std/assert";
import { treeRecord } from "../lib/archive.ts";
import { pathOf, type TreeEntry } from "../lib/verify/tree.ts";
import {
  comparePaths,
  compareTrees,
  digestTree,
} from "../lib/verify/tree_compare.ts";

function entry(name: string, more: Partial<TreeEntry> = {}): TreeEntry {
  const type = name.endsWith("/") ? "directory" : "file";
  return {
    name,
    path: pathOf(name),
    type,
    mode: type === "file" ? 0o644 : 0o755,
    uid: 0,
    gid: 0,
    userName: "",
    groupName: "",
    size: 0,
    mtime: 0,
    link: "",
    sha256: type === "file" ? "e3b0" : "",
    ...more,
  };
}

Deno.test("comparePaths() orders as an archive does", () => {
  const paths = ["", "a", "a/b", "a/b/c", "a-b", "a.b", "é"];
  assertEquals([...paths].reverse().sort(comparePaths), paths);
});

Deno.test("compareTrees() names what is different, and nothing else", async (t) => {
  const file = entry("./a/b", { size: 3, sha256: "1" });
  const link = entry("./l", { type: "symbolic link", link: "a/b", mode: 0 });
  const tree = [entry("./"), entry("./a/"), file, link];
  const cases: Record<string, [TreeEntry[], [string, string][]]> = {
    "the same": [tree, []],
    "another order, and a link's mode": [
      [{ ...link, mode: 0o777 }, file, ...tree.slice(0, 2)],
      [],
    ],
    "missing": [tree.slice(0, 3), [["l", "it is missing"]]],
    "one more": [
      [...tree, entry("./x")],
      [["x", "the archive has no such entry"]],
    ],
    "size": [
      [...tree.slice(0, 2), { ...file, size: 4 }, link],
      [["a/b", "it has 4 bytes, not 3"]],
    ],
    "content": [
      [...tree.slice(0, 2), { ...file, sha256: "2" }, link],
      [["a/b", "its content is another"]],
    ],
    "mode": [
      [...tree.slice(0, 2), { ...file, mode: 0o4755 }, link],
      [["a/b", "its mode is 4755, not 0644"]],
    ],
    "owner": [
      [...tree.slice(0, 2), { ...file, gid: 7 }, link],
      [["a/b", "its owner is 0:7, not 0:0"]],
    ],
    "type": [
      [...tree.slice(0, 3), entry("./l/")],
      [["l", "it is a directory, not a symbolic link"]],
    ],
    "link": [
      [...tree.slice(0, 3), { ...link, link: "a" }],
      [["l", 'it links to "a", not to "a/b"']],
    ],
  };
  for (const [name, [actual, expected]] of Object.entries(cases)) {
    await t.step(name, () => {
      assertEquals(
        compareTrees(tree, actual).map(({ path, what }) => [path, what]),
        expected,
      );
    });
  }
});

Deno.test("compareTrees() knows a name that was cut, and folders that are implied", () => {
  const long = `./${"x".repeat(120)}`;
  assertEquals(
    compareTrees([entry(long)], [entry("./"), entry(long.slice(0, 102))]),
    [{
      path: long.slice(2),
      what: `it comes out as ${JSON.stringify(long.slice(2, 102))}`,
    }],
  );
  assertEquals(
    compareTrees([entry("./a/b/c")], [
      entry("./"),
      entry("./a/"),
      entry("./a/b/"),
      entry("./a/b/c"),
    ]),
    [],
  );
});

Deno.test("compareTrees() takes names of one file for the same in any order", () => {
  const hard = (name: string, link: string) =>
    entry(name, { type: "hard link", link, sha256: "" });
  const a = entry("./a", { size: 1, sha256: "1" });
  const c = { ...a, name: "./c", path: "c" };
  const one = [a, hard("./b", "./a"), hard("./c", "./b")];
  const other = [c, hard("./a", "./c"), hard("./b", "./c")];
  assertEquals(compareTrees(one, other), []);
  assertEquals(digestTree(one), digestTree(other));
  const apart = [a, hard("./b", "./a"), c];
  assertEquals(compareTrees(one, apart), [{
    path: "c",
    what: "it is not a name of the same file as before",
  }]);
  assertNotEquals(digestTree(one), digestTree(apart));
  // A circle leads nowhere, and must not be followed for ever.
  const circle = [hard("./a", "./b"), hard("./b", "./a")];
  assertEquals(compareTrees(circle, circle), []);
});

Deno.test("digestTree() is the digest of the archive's manifest", async () => {
  const tree: TreeEntry[] = [
    entry("./"),
    entry("./a/"),
    entry("./a/x", { size: 3, sha256: "1" }),
    entry("./a-b", { type: "hard link", link: "./a/x", sha256: "" }),
    entry("./l", { type: "symbolic link", mode: 0o777, link: "a", sha256: "" }),
  ];
  const records = tree.map((it) =>
    treeRecord({ ...it, type: it.type as "file" }, it.sha256)
  );
  const bytes = new TextEncoder().encode(records.join(""));
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  assertEquals(digestTree([...tree].reverse()), new Uint8Array(digest).toHex());
});
