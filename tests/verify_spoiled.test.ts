/**
 * Archives that are spoiled in one way each are refused for that reason, and
 * for no other.
 */

import { assertEquals } from "@std/assert";
import type { Check } from "../lib/verify/finding.ts";
import { readSurroundings } from "../lib/verify/surroundings.ts";
import { findingsOf, verifyVolume } from "../lib/verify/verify_volume.ts";
import { elfOf } from "./elf_builder.ts";
import { concat } from "./tar_builder.ts";
import {
  addEntry,
  ARCHIVE,
  type Draft,
  entryOf,
  goodVolume,
  MANIFEST,
  pack,
  removeEntries,
  writeVolume,
} from "./volume_fixture.ts";

/** A way to spoil a volume, and all that is then to be said: what and where. */
interface Case {
  spoil: (draft: Draft) => void;
  finds: [what: string, where: string][];
}

async function judge(spoil: (draft: Draft) => void) {
  const draft = goodVolume();
  spoil(draft);
  using volume = await writeVolume(draft);
  const { archive } = volume;
  const surroundings = await readSurroundings(archive, true);
  const verdict = await verifyVolume({ archive, surroundings });
  return findingsOf(verdict).map(({ check, what, where }) => [
    check,
    // Temporary folders and digests are of no matter.
    what.replaceAll(/[0-9a-f]{64}/g, "DIGEST"),
    where.replace(archive, ARCHIVE),
  ]);
}

function checkAll(check: Check, cases: Record<string, Case>): void {
  Deno.test(`verifyVolume() refuses what breaks the ${check}`, async (t) => {
    for (const [name, { spoil, finds }] of Object.entries(cases)) {
      await t.step(name, async () => {
        assertEquals(
          await judge(spoil),
          finds.map((finding) => [check, ...finding]),
        );
      });
    }
  });
}

/** An archive with one more entry. */
function adding(
  entry: Parameters<typeof addEntry>[1],
): (draft: Draft) => void {
  return (draft) => addEntry(draft, entry);
}

/** An archive in which an entry is another. */
function changing(
  name: string,
  change: Partial<Parameters<typeof addEntry>[1]>,
): (draft: Draft) => void {
  return (draft) => Object.assign(entryOf(draft, name), change);
}

const link = (name: string, linkName: string) => ({
  name,
  linkName,
  type: "symbolic link" as const,
});

Deno.test("verifyVolume() finds nothing wrong with a good volume", async () => {
  assertEquals(await judge(() => {}), []);
});

Deno.test("verifyVolume() takes what is unusual and right", async (t) => {
  const cases: Record<string, (draft: Draft) => void> = {
    "zeros behind the end, as GNU tar writes them": (draft) => {
      draft.changeTar = (tar) => concat([tar, new Uint8Array(8192)]);
    },
    "a long name in a GNU header": adding({
      name: `./licenses/${"x".repeat(200)}`,
      content: "licence",
    }),
    "a long link in a GNU header": (draft) => {
      const name = "x".repeat(200);
      addEntry(draft, { name: `./licenses/${name}`, content: "licence" });
      addEntry(draft, link("./licenses/link", name));
    },
    "links that stay inside": (draft) => {
      addEntry(draft, link("./lib/here", "."));
      addEntry(draft, link("./lib/up", "../bin"));
      addEntry(draft, link("./lib/via", "up/../licenses/CPython"));
    },
    "a hard link to an earlier file": adding({
      name: "./bin/python3.11-again",
      type: "hard link",
      linkName: "./bin/python3.11",
      mode: 0o755,
    }),
    "the version as Python's int() takes it": (draft) => {
      draft.beside["krunner-version.debian12.txt"] = " +0_3 \n";
    },
    "absolute links below the mount point": (draft) => {
      addEntry(draft, link("./bin/python4", "/opt/backend.ai/bin/python3"));
      addEntry(draft, link("./lib/here", "/opt//backend.ai/./"));
      addEntry(draft, link("./lib/via", "here/bin/python3"));
    },
    "no manifest, as other tools leave none": (draft) => {
      draft.changeManifest = () => undefined;
    },
    "no terminal": (draft) => removeEntries(draft, "./bin/ttyd"),
    "braces around ORIGIN": changing("./lib/python3.11/lib-dynload/zlib.so", {
      content: elfOf({
        needed: ["libz.so.1"],
        runpath: "${ORIGIN}/../../krunner",
      }),
    }),
  };
  for (const [name, change] of Object.entries(cases)) {
    await t.step(name, async () => assertEquals(await judge(change), []));
  }
});

checkAll("safety", {
  "an absolute name": {
    spoil: adding({ name: "/etc/passwd", content: "x" }),
    finds: [["its name is absolute", "/etc/passwd"]],
  },
  "a climbing name": {
    spoil: adding({ name: "./../passwd", content: "x" }),
    finds: [["its name climbs", "./../passwd"]],
  },
  "an absolute link": {
    spoil: adding(link("./lib/x", "/usr/bin")),
    finds: [['it links to "/usr/bin", which is outside the volume', "./lib/x"]],
  },
  "an absolute link beside the mount point": {
    spoil: adding(link("./lib/x", "/opt/backend.ai2/bin")),
    finds: [[
      'it links to "/opt/backend.ai2/bin", which is outside the volume',
      "./lib/x",
    ]],
  },
  "an absolute link that climbs out of the mount point": {
    spoil: adding(link("./lib/x", "/opt/backend.ai/../x")),
    finds: [[
      'it links to "/opt/backend.ai/../x", which is outside the volume',
      "./lib/x",
    ]],
  },
  "a climbing link": {
    spoil: adding(link("./lib/x", "../../etc")),
    finds: [[
      'it links to "../../etc", which is outside the volume',
      "./lib/x",
    ]],
  },
  "a link that climbs through another": {
    spoil: (draft) => {
      addEntry(draft, link("./lib/up", ".."));
      addEntry(draft, link("./lib/x", "up/../etc"));
    },
    finds: [[
      'it links to "up/../etc", which is outside the volume',
      "./lib/x",
    ]],
  },
  "a hard link to the host": {
    spoil: adding({
      name: "./lib/x",
      type: "hard link",
      linkName: "/etc/passwd",
    }),
    finds: [[
      'it is a hard link to "/etc/passwd", which is no file that came before',
      "./lib/x",
    ]],
  },
  "a hard link to a later file": {
    spoil: adding({
      name: "./lib/x",
      type: "hard link",
      linkName: "./licenses/CPython",
    }),
    finds: [[
      'it is a hard link to "./licenses/CPython", which is no file that came before',
      "./lib/x",
    ]],
  },
  "a file below a link": {
    spoil: (draft) => {
      addEntry(draft, link("./lib64", "lib"));
      addEntry(draft, { name: "./lib64/x", content: "x" });
    },
    finds: [['it is below "./lib64", which is a symbolic link', "./lib64/x"]],
  },
  "a character device": {
    spoil: adding({ name: "./lib/null", type: "character device" }),
    finds: [["it is a character device", "./lib/null"]],
  },
  "a block device": {
    spoil: adding({ name: "./lib/sda", type: "block device" }),
    finds: [["it is a block device", "./lib/sda"]],
  },
  "a fifo": {
    spoil: adding({ name: "./lib/pipe", type: "fifo" }),
    finds: [["it is a fifo", "./lib/pipe"]],
  },
  "an unknown type": {
    spoil: adding({ name: "./lib/x", flag: "Z" }),
    finds: [["its type is unknown", "./lib/x"]],
  },
  "a set-uid file": {
    spoil: changing("./bin/python3.11", { mode: 0o4755 }),
    finds: [["it is set-uid", "./bin/python3.11"]],
  },
  "a set-gid folder": {
    spoil: changing("./lib/", { mode: 0o2755 }),
    finds: [["it is set-gid", "./lib/"]],
  },
  "a sticky folder": {
    spoil: changing("./lib/", { mode: 0o1755 }),
    finds: [["it is sticky", "./lib/"]],
  },
  "a file that everyone may write to": {
    spoil: changing("./licenses/CPython", { mode: 0o666 }),
    finds: [["everyone may write to it", "./licenses/CPython"]],
  },
  "a foreign owner": {
    spoil: changing("./licenses/CPython", { patches: { 108: "0001750" } }),
    finds: [["its owner is 1000:0, not 0:0", "./licenses/CPython"]],
  },
  "a foreign owner by name": {
    spoil: changing("./licenses/CPython", { patches: { 265: "builder" } }),
    finds: [[
      'its owner is "builder:" by name, which extractors look up before they take 0:0',
      "./licenses/CPython",
    ]],
  },
  "a PAX header": {
    spoil: changing("./licenses/CPython", { pax: { comment: "x" } }),
    finds: [["it has a PAX header", "./licenses/CPython"]],
  },
  "a name in a PAX header only": {
    spoil: changing("./licenses/CPython", {
      name: "./licenses/C",
      pax: { path: "./licenses/CPython" },
    }),
    finds: [[
      'BusyBox\'s tar extracts it as "./licenses/C"',
      "./licenses/CPython",
    ]],
  },
  "a link name in a PAX header only": {
    spoil: changing("./bin/python", {
      linkName: "pyth",
      pax: { linkpath: "python3" },
    }),
    finds: [['BusyBox\'s tar links it to "pyth"', "./bin/python"]],
  },
  "a prefix that only BusyBox reads": {
    spoil: changing("./licenses/CPython", {
      patches: { 257: "ustar  \0", 345: "15010203040" },
    }),
    finds: [[
      'BusyBox\'s tar extracts it as "15010203040/./licenses/CPython"',
      "./licenses/CPython",
    ]],
  },
  "an entry that comes twice": {
    spoil: adding({ name: "./licenses/CPython", content: "other\n" }),
    finds: [["it comes twice", "./licenses/CPython"]],
  },
  "data behind the end of tar": {
    spoil: (draft) => {
      draft.changeTar = (tar) => concat([tar, new Uint8Array([1])]);
    },
    finds: [["data follows the end of the tar archive", ARCHIVE]],
  },
  "no end": {
    spoil: (draft) => {
      draft.changeTar = (tar) => tar.slice(0, -1024);
    },
    finds: [['it ended early, after "./licenses/CPython"', ARCHIVE]],
  },
  "half an end": {
    spoil: (draft) => {
      draft.changeTar = (tar) => tar.slice(0, -512);
    },
    finds: [['it ended early, after "./licenses/CPython"', ARCHIVE]],
  },
  "an end within a file": {
    spoil: (draft) => {
      draft.changeTar = (tar) => tar.slice(0, -1024 - 510);
    },
    finds: [['it ended early, in "./licenses/CPython"', ARCHIVE]],
  },
  "a damaged header": {
    spoil: (draft) => {
      draft.changeTar = (tar) => {
        tar[tar.length - 1024 - 1000] = 0x7a;
        return tar;
      };
    },
    finds: [["its checksum is wrong", ARCHIVE]],
  },
  "nothing in it": {
    spoil: (draft) => {
      draft.changeTar = () => new Uint8Array();
    },
    finds: [["it ended early, before its first entry", ARCHIVE]],
  },
  "an xz that breaks off": {
    spoil: (draft) => {
      draft.changePacked = (xz) => xz.slice(0, xz.length - 30);
    },
    finds: [["xz fails at the end: unexpected end of input", ARCHIVE]],
  },
  "half an xz": {
    spoil: (draft) => {
      draft.changePacked = (xz) => xz.slice(0, xz.length / 2);
    },
    finds: [["xz cannot unpack it: unexpected end of input", ARCHIVE]],
  },
  "a wrong byte in xz": {
    spoil: (draft) => {
      draft.changePacked = (xz) => {
        const at = Math.floor(xz.length / 2);
        xz[at] = (xz[at] ?? 0) ^ 0xff;
        return xz;
      };
    },
    finds: [["xz cannot unpack it: compressed data is corrupt", ARCHIVE]],
  },
  "data behind xz": {
    spoil: (draft) => {
      draft.changePacked = (xz) => concat([xz, new Uint8Array(100).fill(120)]);
    },
    finds: [["xz fails at the end: compressed data is corrupt", ARCHIVE]],
  },
  "another format": {
    spoil: (draft) => {
      draft.changePacked = () => new TextEncoder().encode("<html>404</html>\n");
    },
    finds: [["xz cannot unpack it: file format not recognized", ARCHIVE]],
  },
});

const ORDER = (draft: Draft) => {
  const [last] = draft.entries.splice(-1);
  if (last !== undefined) draft.entries.splice(-1, 0, last);
};

const TWO_TIMES = 'its time is 2, and that of "./" is 1';
const KERNEL = "./lib/python3.11/site-packages/ai/backend/kernel/";

checkAll("contract", {
  "a name without ./": {
    spoil: changing("./licenses/CPython", { name: "licenses/CPython" }),
    finds: [[
      'its name is not written "./licenses/CPython"',
      "licenses/CPython",
    ]],
  },
  "wrong order": {
    spoil: ORDER,
    finds: [[
      'it comes after "./licenses/CPython": entries are not sorted',
      "./licenses/",
    ]],
  },
  "two times": {
    spoil: changing("./licenses/CPython", { mtime: 2 }),
    finds: [[TWO_TIMES, "./licenses/CPython"]],
  },
  "no bin/python": {
    spoil: (draft) => removeEntries(draft, "./bin/python"),
    finds: [["it does not exist", "./bin/python"]],
  },
  "a link to nothing": {
    spoil: adding(link("./lib/x", "y")),
    finds: [['it links to "y", which does not exist', "./lib/x"]],
  },
  "links in a circle": {
    spoil: adding(link("./lib/x", "x")),
    finds: [['it links to "x", and so on in a circle', "./lib/x"]],
  },
  "an interpreter that only root may run": {
    spoil: changing("./bin/python3.11", { mode: 0o700 }),
    finds: [[
      "its mode is 700: not everyone may run it",
      "./bin/python3.11",
    ]],
  },
  "an interpreter that is a folder": {
    spoil: changing("./bin/python", { linkName: "../lib" }),
    finds: [[
      "it is a directory, and bin/python or bin/python3 leads to it",
      "./lib/",
    ]],
  },
  "a terminal that cannot be run": {
    spoil: changing("./bin/ttyd", { mode: 0o644 }),
    finds: [["its mode is 644, not 755", "./bin/ttyd"]],
  },
  "a terminal that is a link": {
    spoil: changing("./bin/ttyd", {
      type: "symbolic link",
      linkName: "python3",
      content: "",
    }),
    finds: [["it is a symbolic link, not a file", "./bin/ttyd"]],
  },
  "no folder to mount on": {
    spoil: (draft) => removeEntries(draft, KERNEL),
    finds: [["it does not exist", KERNEL]],
  },
  "a file in a folder that is mounted on": {
    spoil: adding({ name: `${KERNEL}__init__.py`, content: "x" }),
    finds: [[
      "it is in a folder that the agent mounts on",
      `${KERNEL}__init__.py`,
    ]],
  },
  "no licences": {
    spoil: (draft) => removeEntries(draft, "./licenses/CPython"),
    finds: [["there is no licence in it", "./licenses/"]],
  },
  "a program for another machine": {
    spoil: changing("./bin/ttyd", {
      content: elfOf({ isStatic: true, machine: 183 }),
    }),
    finds: [["it is for aarch64, not for x86_64", "./bin/ttyd"]],
  },
  "an absolute link to nothing": {
    spoil: adding(link("./lib/x", "/opt/backend.ai/y")),
    finds: [[
      'it links to "/opt/backend.ai/y", which does not exist',
      "./lib/x",
    ]],
  },
  "a manifest that is none": {
    spoil: (draft) => draft.changeManifest = () => "{}",
    finds: [[
      `Cannot read manifest "${MANIFEST}": it is not a manifest of schema 1; build again with "--force", or remove it`,
      MANIFEST,
    ]],
  },
  "a manifest of another archive": {
    spoil: (draft) => {
      draft.changeManifest = (manifest) => ({
        ...manifest,
        archive: { ...manifest.archive, sha256: "0".repeat(64), entries: 7 },
      });
    },
    finds: [[
      "it says: SHA-256 DIGEST, not DIGEST, entries 7, not 22",
      MANIFEST,
    ]],
  },
  "a manifest of another arch": {
    spoil: (draft) => {
      draft.changeManifest = (manifest) => ({ ...manifest, arch: "aarch64" });
    },
    finds: [["it says: arch aarch64, not x86_64", MANIFEST]],
  },
  "a manifest of another Python": {
    spoil: (draft) => {
      draft.changeManifest = (manifest) => ({ ...manifest, python: "3.12" });
    },
    finds: [[
      `the versions of Python differ: 3.11 in krunner-python.debian12.txt, 3.12 in ${MANIFEST}, 3.11 in the archive`,
      "krunner-python.debian12.txt",
    ]],
  },
  "a version file that is missing": {
    spoil: (draft) => {
      delete draft.beside["krunner-version.debian12.txt"];
    },
    finds: [["it does not exist", "krunner-version.debian12.txt"]],
  },
  "a version file of another build": {
    spoil: (draft) => {
      draft.beside["krunner-version.debian12.txt"] = "4\n";
    },
    finds: [[
      `the volume versions differ: 4 in krunner-version.debian12.txt, 3 in krunner-env.debian12.dockerfile, 3 in ${MANIFEST}`,
      "krunner-version.debian12.txt",
    ]],
  },
  "a version file that the agent cannot read": {
    spoil: (draft) => {
      draft.beside["krunner-version.debian12.txt"] = "v3\n";
    },
    finds: [[
      '"v3" is no positive integer',
      "krunner-version.debian12.txt",
    ]],
  },
  "a label that was raised since": {
    spoil: (draft) => {
      draft.beside["krunner-env.debian12.dockerfile"] =
        "FROM scratch\nLABEL ai.backend.krunner.version=4\n";
    },
    finds: [[
      `the volume versions differ: 3 in krunner-version.debian12.txt, 4 in krunner-env.debian12.dockerfile, 3 in ${MANIFEST}`,
      "krunner-version.debian12.txt",
    ]],
  },
  "a label that is misspelt": {
    spoil: (draft) => {
      draft.beside["krunner-env.debian12.dockerfile"] =
        "FROM scratch\nLABEL ai.backend.krunner.vesrion=3\n";
    },
    finds: [[
      'Cannot read the volume version in "krunner-env.debian12.dockerfile", line 2: label "ai.backend.krunner.vesrion" is misspelt; write "ai.backend.krunner.version"',
      "krunner-env.debian12.dockerfile",
    ]],
  },
  "a Python file of another Python": {
    spoil: (draft) => {
      draft.beside["krunner-python.debian12.txt"] = "3.1\n";
    },
    finds: [[
      `the versions of Python differ: 3.1 in krunner-python.debian12.txt, 3.11 in ${MANIFEST}, 3.11 in the archive`,
      "krunner-python.debian12.txt",
    ]],
  },
  "a Python file that says too much": {
    spoil: (draft) => {
      draft.beside["krunner-python.debian12.txt"] = "3.11.2\n";
    },
    finds: [[
      '"3.11.2" is no major.minor',
      "krunner-python.debian12.txt",
    ]],
  },
  "a distro version that is not listed": {
    spoil: (draft) => draft.beside["versions.txt"] = "debian1\ndebian12-x\n",
    finds: [["it does not list debian12", "versions.txt"]],
  },
});

const EXTENSION = "./lib/python3.11/lib-dynload/zlib.so";
const linking = (elf: Parameters<typeof elfOf>[0]) =>
  changing(EXTENSION, { content: elfOf(elf) });
const FOUND = "$ORIGIN/../../krunner";

checkAll("linkage", {
  "a library that is nowhere": {
    spoil: (draft) => removeEntries(draft, "./lib/krunner/libz.so.1"),
    finds: [[
      'it needs "libz.so.1" and does not find it in the volume',
      EXTENSION,
    ]],
  },
  "a library that is elsewhere": {
    spoil: linking({ needed: ["libz.so.1"] }),
    finds: [[
      'it needs "libz.so.1" and does not find it in the volume',
      EXTENSION,
    ]],
  },
  "an old run path that does not count": {
    spoil: linking({ needed: ["libz.so.1"], rpath: FOUND, runpath: "$ORIGIN" }),
    finds: [[
      'it needs "libz.so.1" and does not find it in the volume',
      EXTENSION,
    ]],
  },
  "a library that only the loading program finds": {
    spoil: (draft) => {
      addEntry(draft, {
        name: "./lib/krunner/sub/",
      });
      addEntry(draft, {
        name: "./lib/krunner/sub/liby.so.1",
        content: elfOf({ needed: ["libz.so.1"] }),
      });
      linking({
        needed: ["liby.so.1", "libz.so.1"],
        rpath: `${FOUND}:${FOUND}/sub`,
      })(draft);
    },
    finds: [[
      'it needs "libz.so.1" and does not find it in the volume',
      "./lib/krunner/sub/liby.so.1",
    ]],
  },
  "an absolute run path": {
    spoil: linking({
      needed: ["libz.so.1"],
      runpath: `${FOUND}:/opt/backend.ai/lib/krunner`,
    }),
    finds: [[
      'its run path has the absolute folder "/opt/backend.ai/lib/krunner"',
      EXTENSION,
    ]],
  },
  "a run path that leads outside": {
    spoil: linking({
      needed: ["libz.so.1"],
      runpath: `${FOUND}:$ORIGIN/../../../../lib`,
    }),
    finds: [[
      'its run path has "$ORIGIN/../../../../lib", which is outside the volume',
      EXTENSION,
    ]],
  },
  "a run path from the working folder": {
    spoil: linking({ needed: ["libz.so.1"], runpath: `${FOUND}:` }),
    finds: [[
      'its run path has "", which does not begin with $ORIGIN',
      EXTENSION,
    ]],
  },
  "a library in lib/": {
    spoil: adding({ name: "./lib/libz.so.1", content: elfOf() }),
    finds: [["it is a shared library directly in lib/", "./lib/libz.so.1"]],
  },
  "libpython in lib/, as a link": {
    spoil: adding(link("./lib/libpython3.11.so", "krunner/libz.so.1")),
    finds: [[
      "it is a shared library directly in lib/",
      "./lib/libpython3.11.so",
    ]],
  },
  "a glibc that is too new": {
    spoil: linking({
      needed: ["libc.so.6"],
      versions: { "libc.so.6": ["GLIBC_2.4", "GLIBC_2.38"] },
    }),
    finds: [[
      "it needs glibc 2.38, and the distro version has 2.36",
      EXTENSION,
    ]],
  },
  "symbols that are glibc's own": {
    spoil: linking({
      needed: ["libc.so.6"],
      versions: { "libc.so.6": ["GLIBC_PRIVATE"] },
    }),
    finds: [["it needs private symbols of glibc", EXTENSION]],
  },
  "the loader of musl": {
    spoil: changing("./bin/ttyd", {
      content: elfOf({ interpreter: "/lib/ld-musl-x86_64.so.1" }),
    }),
    finds: [[
      'its loader is "/lib/ld-musl-x86_64.so.1", which is not glibc\'s',
      "./bin/ttyd",
    ]],
  },
  "a processor that is too new": {
    spoil: linking({ needed: ["libc.so.6"], x86Level: 3 }),
    finds: [[
      "it needs a processor of level x86-64-v3, above v2",
      EXTENSION,
    ]],
  },
  "a Python that was compiled for one machine": {
    spoil: changing(
      "./lib/python3.11/_sysconfigdata__linux_x86_64-linux-gnu.py",
      { content: "{'CC': 'gcc -march=native', 'CFLAGS': '-march=native'}" },
    ),
    finds: [[
      'Python was compiled with "-march=native"',
      "./lib/python3.11/_sysconfigdata__linux_x86_64-linux-gnu.py",
    ]],
  },
  "a broken library": {
    spoil: adding({
      name: "./lib/krunner/liby.so.1",
      content: elfOf({ needed: ["libc.so.6"] }).slice(0, 200),
    }),
    finds: [[
      "it is a broken ELF file: it ends early, or points behind its end",
      "./lib/krunner/liby.so.1",
    ]],
  },
});

Deno.test("verifyVolume() takes two streams of xz for one", async () => {
  // BusyBox 1.35 does so too.
  const more = await pack(new Uint8Array(512));
  const spoil = (draft: Draft) => {
    draft.changePacked = (xz) => concat([xz, more]);
  };
  assertEquals(await judge(spoil), []);
});
