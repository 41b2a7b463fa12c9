/**
 * How a volume's tree becomes an archive, against `tar cJf`, and how much
 * memory that takes. Alone, with the tree of a real volume:
 *
 *   deno run -A bench/extract.ts DIR
 *
 * @module
 */

import { writeArchive } from "../lib/archive.ts";
import { type Bar, bar, holds, run, withTempDir } from "./measure.ts";

const TREE_SIZE = 140e6;
const ROOT = "/opt/backend.ai";

/** Copies files below `from` while there is room; gives the room that is left. */
async function copyTree(
  from: string,
  to: string,
  room: number,
): Promise<number> {
  await Deno.mkdir(to, { recursive: true });
  const entries = await Array.fromAsync(Deno.readDir(from));
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isFile, isDirectory } of entries) {
    if (room <= 0) break;
    if (isDirectory) {
      room = await copyTree(`${from}/${name}`, `${to}/${name}`, room);
    } else if (isFile) {
      const { size, mode } = await Deno.stat(`${from}/${name}`);
      // A volume has no set-uid files.
      if (((mode ?? 0) & 0o6000) !== 0 || size > room) continue;
      await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
      room -= size;
    }
  }
  return room;
}

/** Python and its packages, then libraries: what a volume is made of. */
async function sampleTree(root: string): Promise<void> {
  const names = (await Array.fromAsync(Deno.readDir("/usr/lib")))
    .filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => name);
  const pythons = names.filter((name) => /^python3(\.\d+)?$/.test(name));
  const libraries = names.filter((name) => name.endsWith("-linux-gnu"));
  let room = TREE_SIZE;
  for (const name of [...pythons, ...libraries]) {
    room = await copyTree(`/usr/lib/${name}`, `${root}/${name}`, room);
  }
  if (room > TREE_SIZE / 10) await copyTree("/usr/share", `${root}/s`, room);
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** The same tree by `tar cJf` with one thread and by `writeArchive()`. */
async function compare(folder: string): Promise<Bar[]> {
  const usual = `${folder}/usual.tar.xz`;
  const ours = `${folder}/ours.tar.xz`;
  const tree = ["-C", folder, "backend.ai"];
  const before = await seconds(() =>
    run(["tar", "-cJf", usual, ...tree], { XZ_DEFAULTS: "", XZ_OPT: "-T1" })
  );
  const after = await seconds(async () => {
    const source = new Deno.Command("tar", {
      args: ["-c", "--sort=name", ...tree],
      stdout: "piped",
    }).spawn();
    await writeArchive(source.stdout, ours, {
      root: ROOT,
      mtime: 0,
      threads: navigator.hardwareConcurrency,
    });
    await source.status;
  });
  const sizes = await Promise.all([Deno.stat(ours), Deno.stat(usual)]);
  const ratio = sizes[0].size / sizes[1].size;
  return [
    bar(
      "extract 140 MB, against tar cJf",
      before / after,
      ">=",
      1.6,
      "x faster",
    ),
    bar("  size against tar cJf", ratio, "<=", 1.05, "x"),
  ];
}

function script(path: string, ...args: string[]): string[] {
  const { pathname } = new URL(path, import.meta.url);
  return ["run", "--quiet", "-A", pathname, ...args];
}

/** The peak of a process that packs 1 GB from a pipe. */
async function measureMemory(folder: string): Promise<Bar> {
  const source = new Deno.Command(Deno.execPath(), {
    args: script("synthetic_tar.ts"),
    stdout: "piped",
  }).spawn();
  const packer = new Deno.Command(Deno.execPath(), {
    args: script("../tests/write_archive.ts", `${folder}/large.tar.xz`),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const [output] = await Promise.all([
    packer.output(),
    source.stdout.pipeTo(packer.stdin),
    source.status,
  ]);
  const printed = new TextDecoder().decode(output.stdout).trim();
  if (!output.success) throw new Error(printed);
  const peak = Number(printed.split(" ")[1]) * 1024 / 1e6;
  return bar("  peak memory for 1 GB", peak, "<", 150, "MB");
}

/** Packs a tree of 140 MB out of this machine's own files, or the one given. */
export function benchExtract(tree?: string): Promise<Bar[]> {
  return withTempDir(async (folder) => {
    const copy = `${folder}/backend.ai`;
    if (tree === undefined) await sampleTree(copy);
    else await copyTree(tree, copy, Infinity);
    return [...await compare(folder), await measureMemory(folder)];
  });
}

if (import.meta.main) {
  for (const measured of await benchExtract(Deno.args[0])) {
    const { name, value, relation, limit, unit } = measured;
    const verdict = holds(measured) ? "PASS" : "FAIL";
    if (verdict === "FAIL") Deno.exitCode = 1;
    console.log(
      `${name}: ratio ${
        value.toFixed(2)
      } ${unit} (${relation} ${limit}) ${verdict}`,
    );
  }
}
