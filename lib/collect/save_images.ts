/**
 * Packs images of an engine into one archive of a collected folder; layers that
 * they share are in it once.
 *
 * @module
 */

import { pourInto, removeImages } from "../builder.ts";
import type { Engine } from "../engine.ts";
import { fileError } from "../errors.ts";
import { sha256 } from "../inputs.ts";
import { finish } from "../process.ts";
import { spawnXz, xzEnd } from "../xz.ts";
import { COLLECTED_NAME } from "./load_images.ts";

/**
 * The name that an image gets in the archive of a distro version and arch (`key`).
 * It is no other image's, so that loading it takes no name from any.
 */
export async function collectedName(key: string, id: string): Promise<string> {
  return `${COLLECTED_NAME}:${(await sha256(`${key}\n${id}`)).slice(0, 16)}`;
}

/**
 * xz's preset: for a compiler's image of 360 MB it takes less than a third of
 * the default's time, for 15 % in size.
 */
const PRESET = 1;

/** What packing needs beside the engine. */
export interface SaveOptions {
  /** Compression threads. */
  readonly threads: number;
  /** Ends the work. */
  readonly signal: AbortSignal;
}

/**
 * Writes images, by their name in the engine and in the archive, to `target`.
 *
 * @throws {KrunnerError} If the engine fails, xz does, or the disk is full.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function saveImages(
  engine: Engine,
  images: ReadonlyMap<string, string>,
  target: string,
  options: SaveOptions,
): Promise<void> {
  const names = [...new Set(images.values())];
  try {
    for (const [reference, name] of images) {
      await engine.run(["tag", reference, name], `name "${reference}"`);
    }
    await pack(engine, names, target, options);
  } finally {
    // The next run gives the names again: one that stays does no harm.
    await removeImages(engine.forCleanup(), names);
  }
}

async function pack(
  engine: Engine,
  names: readonly string[],
  target: string,
  { threads, signal }: SaveOptions,
): Promise<void> {
  using file = await Deno.open(target, { write: true, createNew: true })
    .catch((error) => {
      throw fileError("write", target, error);
    });
  const xz = spawnXz(threads, signal, PRESET);
  const save = engine.spawn([
    "save",
    // podman's archives hold one image where nothing is said.
    ...engine.name === "podman" ? ["--multi-image-archive"] : [],
    ...names,
  ]);
  const complaint = new Response(save.stderr).text();
  const packed = finish(xz, [
    xz.stdout.pipeTo(file.writable).catch((error) => {
      throw fileError("write", target, error);
    }),
    xzEnd(xz),
  ]);
  const saved = finish(save, [complaint, pourInto(save.stdout, xz.stdin)]);
  const [ofXz, ofSave] = await Promise.allSettled([packed, saved]);
  engine.throwIfCancelled();
  if (ofXz.status === "rejected") throw ofXz.reason;
  if (ofSave.status === "rejected") throw ofSave.reason;
  if (!ofSave.value.success) {
    throw engine.failure("save images", await complaint);
  }
}
