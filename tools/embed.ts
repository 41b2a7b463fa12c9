/**
 * Reads what a bundle carries.
 *
 * @module
 */

import { archiveTime } from "../lib/archive_time.ts";
import type { EmbeddedData, EmbeddedFile } from "../lib/embedded.ts";
import { krunnerVersion } from "../lib/cli.ts";
import { KrunnerError } from "../lib/errors.ts";
import { isOutput } from "../lib/package_dir.ts";

/** Whether a file of a package directory was made there, and is in no checkout. */
function isMade(name: string): boolean {
  return isOutput(name) || /^ttyd_linux\..+\.(bin|json)$/.test(name);
}

/**
 * The dockerfiles of a project's folder and its recipes, links as links.
 *
 * @throws {KrunnerError} If a file is not text.
 */
export async function readEmbedded(project: string): Promise<EmbeddedData> {
  return {
    version: await krunnerVersion(),
    times: await readTimes(`${project}/dockerfiles`),
    dockerfiles: await readTree(`${project}/dockerfiles`),
    ttyd: await readTree(`${project}/ttyd`),
  };
}

/** By folder; 0 for all of them outside a checkout. */
async function readTimes(root: string): Promise<Record<string, number>> {
  const names = Array.from(Deno.readDirSync(root))
    .filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [
      name,
      await archiveTime(undefined, `${root}/${name}`, console.error),
    ])),
  );
}

async function readTree(root: string): Promise<Record<string, EmbeddedFile>> {
  const files: [string, EmbeddedFile][] = [];
  for await (const file of walk(root, "")) files.push(file);
  return Object.fromEntries(files.sort(([a], [b]) => a < b ? -1 : 1));
}

async function* walk(
  root: string,
  prefix: string,
): AsyncGenerator<[string, EmbeddedFile]> {
  for await (const entry of Deno.readDir(`${root}/${prefix}`)) {
    if (isMade(entry.name)) continue;
    const path = `${prefix}${entry.name}`;
    if (entry.isDirectory) yield* walk(root, `${path}/`);
    else yield [path, await readOne(`${root}/${path}`, entry)];
  }
}

async function readOne(
  path: string,
  { isSymlink }: Deno.DirEntry,
): Promise<EmbeddedFile> {
  if (isSymlink) return { link: await Deno.readLink(path) };
  const { mode } = await Deno.stat(path);
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(await Deno.readFile(path));
    return { text, ...(mode ?? 0) & 0o100 ? { executable: true } : {} };
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new KrunnerError(
      `Cannot embed "${path}": it is no UTF-8 text; let a stage make it, or get it as a source`,
      { cause },
    );
  }
}
