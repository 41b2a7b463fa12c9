/**
 * A minimal good volume in its package directory, and ways to spoil it.
 *
 * @module
 */

import { assert } from "@std/assert";
import { formatManifest, type Manifest } from "../lib/manifest.ts";
import { readVolume } from "../lib/verify/read.ts";
import { comparePaths } from "../lib/verify/tree_compare.ts";
import { pathOf } from "../lib/verify/tree.ts";
import { elfOf } from "./elf_builder.ts";
import { tempDir, writeFiles } from "./package_fixture.ts";
import {
  concat,
  entryBytes,
  patchHeader,
  type TestEntry,
} from "./tar_builder.ts";

/** An entry, and bytes of its header block to replace. */
export interface VolumeEntry extends TestEntry {
  /** Texts by the offset in the header that they are put at. */
  patches?: Record<number, string>;
}

/** What a volume is made of. A test changes what it likes before it is written. */
export interface Draft {
  /** The entries, in the archive's order. */
  entries: VolumeEntry[];
  /** Changes the finished tar archive. */
  changeTar: (tar: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
  /** Changes the packed archive. */
  changePacked: (xz: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
  /** Changes the manifest, which else tells the truth. */
  changeManifest: (manifest: Manifest) => unknown;
  /** The other files beside the archive, by name. */
  beside: Record<string, string>;
}

/** A volume on disk. */
export interface WrittenVolume extends Disposable {
  /** The package directory. */
  dir: string;
  /** The archive's path. */
  archive: string;
}

/** The name of the archive. */
export const ARCHIVE = "krunner-env.debian12.x86_64.tar.xz";
/** The name of the manifest. */
export const MANIFEST = "krunner-env.debian12.x86_64.json";

const SITE = "./lib/python3.11/site-packages";

/** A volume that nothing is wrong with. */
export function goodVolume(): Draft {
  const glibc = { "libc.so.6": ["GLIBC_2.2.5", "GLIBC_2.36"] };
  const program = elfOf({
    interpreter: "/lib64/ld-linux-x86-64.so.2",
    needed: ["libm.so.6", "libc.so.6"],
    versions: glibc,
    x86Level: 2,
  });
  const library = elfOf({ needed: ["libc.so.6"], soname: "libz.so.1" });
  const extension = elfOf({
    needed: ["libz.so.1", "libc.so.6"],
    rpath: "$ORIGIN/../../krunner",
    versions: glibc,
  });
  return {
    entries: [
      { name: "./" },
      { name: "./bin/" },
      { name: "./bin/python", type: "symbolic link", linkName: "python3" },
      { name: "./bin/python3", type: "symbolic link", linkName: "python3.11" },
      { name: "./bin/python3.11", mode: 0o755, content: program },
      {
        name: "./bin/ttyd",
        mode: 0o755,
        content: elfOf({ isStatic: true, type: 2 }),
      },
      { name: "./lib/" },
      { name: "./lib/krunner/" },
      { name: "./lib/krunner/libz.so.1", content: library },
      { name: "./lib/python3.11/" },
      {
        name: "./lib/python3.11/_sysconfigdata__linux_x86_64-linux-gnu.py",
        content: "build_time_vars = {'CFLAGS': '-O3 -march=x86-64-v2'}\n",
      },
      { name: "./lib/python3.11/lib-dynload/" },
      { name: "./lib/python3.11/lib-dynload/zlib.so", content: extension },
      { name: `${SITE}/` },
      { name: `${SITE}/ai/` },
      { name: `${SITE}/ai/backend/` },
      { name: `${SITE}/ai/backend/helpers/` },
      { name: `${SITE}/ai/backend/kernel/` },
      { name: `${SITE}/six-1.16.0.dist-info/` },
      {
        name: `${SITE}/six-1.16.0.dist-info/METADATA`,
        content:
          "Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\nLicense: MIT\n",
      },
      { name: "./licenses/" },
      { name: "./licenses/CPython", content: "licence\n" },
    ],
    changeTar: (tar) => tar,
    changePacked: (xz) => xz,
    changeManifest: (manifest) => manifest,
    beside: {
      "krunner-env.debian12.dockerfile":
        "FROM scratch\nLABEL ai.backend.krunner.version=3\n",
      "krunner-python.debian12.txt": "3.11\n",
      "krunner-version.debian12.txt": "3\n",
      "versions.txt": "debian11\ndebian12\n",
    },
  };
}

/** Puts an entry where it belongs. */
export function addEntry(draft: Draft, entry: VolumeEntry): void {
  draft.entries.push(entry);
  draft.entries.sort((a, b) => comparePaths(pathOf(a.name), pathOf(b.name)));
}

/** The entry of a name. */
export function entryOf(draft: Draft, name: string): VolumeEntry {
  const entry = draft.entries.find((entry) => entry.name === name);
  assert(entry !== undefined, name);
  return entry;
}

/** Takes entries away by their names. */
export function removeEntries(draft: Draft, ...names: string[]): void {
  for (const name of names) entryOf(draft, name);
  draft.entries = draft.entries.filter(({ name }) => !names.includes(name));
}

function bytesOf({ patches, ...entry }: VolumeEntry): Uint8Array<ArrayBuffer> {
  const bytes = entryBytes(entry);
  for (const [offset, text] of Object.entries(patches ?? {})) {
    const block = bytes.slice(0, 512);
    const patch = new TextEncoder().encode(text);
    bytes.set(patchHeader(block, Number(offset), patch));
  }
  return bytes;
}

/** Packs bytes with xz. */
export async function pack(
  bytes: Uint8Array<ArrayBuffer>,
  ...options: string[]
): Promise<Uint8Array<ArrayBuffer>> {
  const child = new Deno.Command("xz", {
    args: ["--stdout", "--check=crc32", ...options],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const [{ success, stdout }] = await Promise.all([
    child.output(),
    writer.write(bytes).then(() => writer.close()),
  ]);
  assert(success);
  return stdout;
}

async function manifestOf(
  archive: string,
  entries: readonly VolumeEntry[],
): Promise<Manifest> {
  const tree = await readVolume(archive);
  const inputs = { files: {}, sources: {}, args: {} };
  return {
    schema: 1,
    distroVersion: "debian12",
    family: "debian",
    arch: "x86_64",
    volumeVersion: 3,
    python: "3.11",
    archive: {
      file: ARCHIVE,
      ...tree.packed,
      entries: entries.length,
      unpackedSize: entries.reduce(
        (sum, { content = "" }) => sum + content.length,
        0,
      ),
      treeSha256: tree.treeSha256,
      mtime: entries[0]?.mtime ?? 1,
    },
    packages: [],
    image: { reference: "env", id: "sha256:0" },
    inputs,
    firstInputs: inputs,
  };
}

/** Writes a volume with its manifest and the files beside it. */
export async function writeVolume(draft: Draft): Promise<WrittenVolume> {
  const root = tempDir();
  const dir = `${root.path}/debian`;
  const archive = `${dir}/${ARCHIVE}`;
  Deno.mkdirSync(dir);
  const tar = concat([
    ...draft.entries.map(bytesOf),
    new Uint8Array(1024),
  ]);
  const packed = await pack(draft.changeTar(tar));
  await Deno.writeFile(archive, draft.changePacked(packed));
  const manifest = await manifestOf(archive, draft.entries);
  const changed = draft.changeManifest(manifest);
  writeFiles(dir, {
    ...draft.beside,
    ...changed === undefined ? {} : {
      [MANIFEST]: typeof changed === "string"
        ? changed
        : formatManifest(changed as Manifest),
    },
  });
  return { dir, archive, [Symbol.dispose]: () => root[Symbol.dispose]() };
}
