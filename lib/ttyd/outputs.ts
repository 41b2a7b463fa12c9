/**
 * The files that a ttyd build leaves in a folder: all new ones together, or the
 * old ones.
 *
 * @module
 */

import { commitFiles, type FileChange } from "../commit_files.ts";
import { makeFolder } from "../make_folder.ts";
import { ttydOutputs } from "./plan.ts";
import {
  formatRecord,
  LICENCE_FILE,
  LICENCE_FOLDER,
  NOTICE,
  type TtydProduct,
  type TtydRecord,
} from "./record.ts";

/**
 * Puts a build's files into all folders, and removes licence texts there that no
 * binary needs any more.
 *
 * @throws {KrunnerError} If one cannot be written; no file is changed then.
 */
export async function commitTtyd(
  folders: readonly string[],
  { binary, licences }: TtydProduct,
  record: TtydRecord,
): Promise<void> {
  const names = ttydOutputs(record.arch);
  const changes: FileChange[] = [];
  for (const folder of folders) {
    const texts = `${folder}/${LICENCE_FOLDER}`;
    await makeFolder(texts);
    const files = { ...licences, [NOTICE.file]: NOTICE.text };
    for (const [name, content] of Object.entries(files)) {
      changes.push({ path: `${texts}/${name}`, content });
    }
    // The record last: it is what says that the rest is of one build.
    changes.push(
      { path: `${folder}/${names.binary}`, content: binary },
      { path: `${folder}/${names.record}`, content: formatRecord(record) },
    );
  }
  await commitFiles(changes);
  for (const folder of folders) {
    await Deno.chmod(`${folder}/${names.binary}`, 0o755);
    await removeUnused(folder);
  }
}

async function removeUnused(folder: string): Promise<void> {
  const used: string[] = [];
  const texts: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (/^ttyd_linux\..+\.json$/.test(name)) {
      used.push(await Deno.readTextFile(`${folder}/${name}`));
    }
  }
  for await (const { name } of Deno.readDir(`${folder}/${LICENCE_FOLDER}`)) {
    if (LICENCE_FILE.test(name)) texts.push(name);
  }
  for (const name of texts) {
    if (used.some((record) => record.includes(`/${name}"`))) continue;
    await Deno.remove(`${folder}/${LICENCE_FOLDER}/${name}`);
  }
}

/** Removes what a killed build left half-written in a folder. */
export async function removeTtydLeftovers(
  folder: string,
  arch: string,
): Promise<void> {
  const { binary, record } = ttydOutputs(arch);
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith(`.${binary}.`) || name.startsWith(`.${record}.`)) {
      await Deno.remove(`${folder}/${name}`);
    }
  }
}
