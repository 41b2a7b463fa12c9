import { assertEquals, assertRejects } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import { diffVolumes } from "../lib/verify/diff.ts";
import { folderOf, renderDiff } from "../lib/verify/diff_report.ts";
import {
  addEntry,
  type Draft,
  entryOf,
  goodVolume,
  pack,
  removeEntries,
  writeVolume,
} from "./volume_fixture.ts";

/** Compares the good volume with a changed one. */
async function compare(
  change: (draft: Draft) => void | Promise<void>,
  files = false,
) {
  const draft = goodVolume();
  await change(draft);
  using before = await writeVolume(goodVolume());
  using after = await writeVolume(draft);
  const diff = await diffVolumes(before.archive, after.archive);
  const text = renderDiff(diff, { files })
    .replaceAll(before.archive, "OLD").replaceAll(after.archive, "NEW")
    // The packed size depends on the version of xz.
    .replaceAll(/ \d+ B {2}/g, " N B  ").replaceAll(/ +/g, " ");
  return { diff, text };
}

const SIDES = (version = 3, entries = 22, size = "2.3 kB") =>
  [
    " ARCHIVE VERSION PYTHON PACKED UNPACKED ENTRIES",
    `old OLD 3 3.11 N B 2.3 kB 22`,
    `new NEW ${version} 3.11 N B ${size} ${entries}`,
  ].join("\n");

Deno.test("diffVolumes() finds no difference between two reproducible builds", async () => {
  const { diff, text } = await compare(() => {});
  assertEquals(diff.entries, []);
  assertEquals(diff.packages, []);
  assertEquals(diff.packing, []);
  assertEquals(diff.old.sha256, diff.new.sha256);
  assertEquals(text, `${SIDES()}\n\nNo difference.`);
});

Deno.test("diffVolumes() tells where only the packing differs", async (t) => {
  const cases: Record<string, [(draft: Draft) => void, string[]]> = {
    "time stamps": [
      (draft) => draft.entries.forEach((entry) => entry.mtime = 9),
      ["time stamps: 1, then 9"],
    ],
    "owners": [
      (draft) =>
        entryOf(draft, "./bin/").patches = { 108: "0000007", 265: "x" },
      ["owners: 0:0, then 7:0 (x:)"],
    ],
    "order": [
      (draft) => draft.entries.reverse(),
      ["entries come in another order, or by other names"],
    ],
    "end of tar": [
      (draft) => {
        draft.changeTar = (tar) => {
          const longer = new Uint8Array(tar.length + 1024);
          longer.set(tar);
          return longer;
        };
      },
      ["compressed in another way: another xz, or other options"],
    ],
  };
  for (const [name, [change, packing]] of Object.entries(cases)) {
    await t.step(name, async () => {
      const { diff, text } = await compare(change);
      assertEquals(diff.entries, []);
      assertEquals(diff.packing, packing);
      assertEquals(
        text.split("\n\n").at(-1),
        `No difference in what is extracted. The archives' bytes differ:\n ${
          packing.join("\n ")
        }`,
      );
    });
  }
  await t.step("options of xz", async () => {
    const other = await pack(new Uint8Array(0));
    const { diff } = await compare((draft) => {
      draft.changePacked = (xz) => new Uint8Array([...xz, ...other]);
    });
    assertEquals(diff.packing, [
      "compressed in another way: another xz, or other options",
    ]);
  });
});

const METADATA = "./lib/python3.11/site-packages/six-1.16.0.dist-info/METADATA";

/** Changes of all kinds. */
function changeMuch(draft: Draft): void {
  entryOf(draft, METADATA).content =
    "Metadata-Version: 2.1\nName: six\nVersion: 1.17.0\nLicense: Apache-2.0\n";
  entryOf(draft, "./bin/ttyd").mode = 0o700;
  entryOf(draft, "./bin/python").linkName = "python3.11";
  entryOf(draft, "./licenses/CPython").content = "LICENCE\n";
  removeEntries(draft, "./lib/krunner/libz.so.1");
  addEntry(draft, {
    name: "./licenses/debian-packages.tsv",
    content: "zlib1g\t1\tzlib\t1\n",
  });
  addEntry(draft, { name: "./share/" });
}

Deno.test("diffVolumes() tells what a changelog needs", async () => {
  const { diff } = await compare(changeMuch);
  assertEquals(diff.packages, [
    {
      name: "zlib1g",
      purl: "pkg:deb/debian/zlib1g",
      new: { version: "1", licence: "NOASSERTION" },
    },
    {
      name: "six",
      purl: "pkg:pypi/six",
      old: { version: "1.16.0", licence: "MIT" },
      new: { version: "1.17.0", licence: "Apache-2.0" },
    },
  ]);
  assertEquals(
    diff.entries.map(({ path, old, new: fresh }) => [
      path,
      old?.mode,
      fresh?.mode,
    ]),
    [
      ["bin/python", 0o644, 0o644],
      ["bin/ttyd", 0o755, 0o700],
      ["lib/krunner/libz.so.1", 0o644, undefined],
      [METADATA.slice(2), 0o644, 0o644],
      ["licenses/CPython", 0o644, 0o644],
      ["licenses/debian-packages.tsv", undefined, 0o644],
      ["share", undefined, 0o755],
    ],
  );
  assertEquals(diff.packing, []);
});

Deno.test("renderDiff() shows packages first, then folders", async () => {
  const { text } = await compare(changeMuch);
  assertEquals(text.split("\n\n").slice(1), [
    [
      "Packages:",
      "+ zlib1g 1 NOASSERTION",
      "~ six 1.16.0 → 1.17.0 MIT → Apache-2.0",
    ].join("\n"),
    [
      "Files, folders and links:",
      "FOLDER ADDED REMOVED CHANGED SIZE",
      "./bin/ 0 0 2 0 B",
      "./lib/krunner/ 0 1 0 -478 B",
      "./lib/python3.11/site-packages/six-1.16.0.dist-info/ 0 0 1 +7 B",
      "./licenses/ 1 0 1 +16 B",
      "./ 1 0 0 0 B",
      "all 2 1 4 -455 B",
    ].join("\n"),
  ]);
});

Deno.test("renderDiff() lists every file if it is asked to", async () => {
  const { text } = await compare(changeMuch, true);
  assertEquals(text.split("\n\n").at(-1)?.split("\n"), [
    "Files, folders and links:",
    "~ ./bin/python symbolic link to python3 → symbolic link to python3.11",
    "~ ./bin/ttyd 755, 426 B → 700, 426 B",
    "- ./lib/krunner/libz.so.1 644, 478 B",
    `~ ${METADATA} 644, 61 B → 644, 68 B`,
    "~ ./licenses/CPython 644, 8 B, content",
    "+ ./licenses/debian-packages.tsv 644, 16 B",
    "+ ./share directory, 755",
  ]);
});

Deno.test("diffVolumes() refuses a broken archive", async () => {
  const draft = goodVolume();
  draft.changeTar = (tar) => tar.slice(0, 1024);
  using good = await writeVolume(goodVolume());
  using broken = await writeVolume(draft);
  await assertRejects(
    () => diffVolumes(good.archive, broken.archive),
    KrunnerError,
    `Cannot compare "${broken.archive}": it is broken (it ended early, after "./bin/"); see "verify.ts ${broken.archive}"`,
  );
});

Deno.test("folderOf() names a package, else two levels", () => {
  assertEquals(
    [
      "x",
      "bin/x",
      "lib/python3.11/json/__pycache__/x",
      "lib/python3.11/site-packages/x.py",
      "lib/python3.11/site-packages/zmq/backend/x",
    ].map(folderOf),
    [
      "./",
      "./bin/",
      "./lib/python3.11/",
      "./lib/python3.11/site-packages/",
      "./lib/python3.11/site-packages/zmq/",
    ],
  );
});
