/**
 * Brings images of a collected folder into an engine that has not got them.
 *
 * @module
 */

import { pourInto } from "../builder.ts";
import type { Engine } from "../engine.ts";
import { fileError, KrunnerError } from "../errors.ts";
import type { ImageRecord } from "../manifest.ts";
import { finish } from "../process.ts";
import { spawnUnxz } from "../xz.ts";
import { verifyFile } from "./checksums.ts";
import type { CollectedImage } from "./index_file.ts";

/** The name, without a tag, of images in archives of collected folders. */
export const COLLECTED_NAME = "krunner-collected";

/** Loads each archive once, and only if an image of it is missing. */
export class ImageLoader implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #signal: AbortSignal;
  readonly #onNotice: (line: string) => void;
  readonly #loaded = new Set<string>();
  readonly #names = new Set<string>();

  /** @param onNotice Gets a line for each archive that is loaded. */
  constructor(
    engine: Engine,
    signal: AbortSignal,
    onNotice: (line: string) => void,
  ) {
    this.#engine = engine;
    this.#signal = signal;
    this.#onNotice = onNotice;
  }

  /**
   * Makes sure that the engine has an image under one of the names. Where it must
   * be loaded it gets the last of them: no image that the user named changes.
   *
   * @throws {KrunnerError} If the archive is damaged, or the engine refuses it.
   * @throws {CancelledError} If the run was cancelled.
   */
  async provide(
    image: CollectedImage,
    names: readonly [string, ...string[]],
  ): Promise<ImageRecord> {
    for (const reference of names) {
      const id = await this.#engine.imageId(reference);
      if (id === image.id) return { reference, id };
    }
    await this.#load(image);
    const reference = names.at(-1)!;
    await this.#engine.run(
      ["tag", image.name, reference],
      `name an image of "${image.archive}"`,
    );
    // Another kind of image store counts ids in another way.
    return {
      reference,
      id: await this.#engine.imageId(reference) ?? image.id,
    };
  }

  async #load({ archive, sha256 }: CollectedImage): Promise<void> {
    if (this.#loaded.has(archive)) return;
    await verifyFile(archive, sha256);
    this.#onNotice(`Loading images from "${archive}"`);
    for (const name of await loadArchive(this.#engine, archive, this.#signal)) {
      this.#names.add(name);
    }
    this.#loaded.add(archive);
  }

  /** Takes the archives' own names off the images. */
  async [Symbol.asyncDispose](): Promise<void> {
    const engine = this.#engine.forCleanup();
    for (const name of this.#names) {
      // The next load gives the name again: one that stays does no harm.
      await engine.run(["image", "rm", name], `remove the name "${name}"`)
        .catch(() => {});
    }
  }
}

/** Unpacks an archive into the engine, and returns the names of its images. */
async function loadArchive(
  engine: Engine,
  archive: string,
  signal: AbortSignal,
): Promise<string[]> {
  using file = await Deno.open(archive).catch((error) => {
    throw fileError("read", archive, error);
  });
  const xz = spawnUnxz(signal);
  const load = engine.spawn(["load"], { stdin: "piped" });
  const complaints = [xz.stderr, load.stderr].map((stream) =>
    new Response(stream).text()
  );
  const words = new Response(load.stdout).text();
  const unpacked = finish(xz, [pourInto(file.readable, xz.stdin)]);
  const loaded = await finish(load, [
    unpacked,
    words,
    ...complaints,
    pourInto(xz.stdout, load.stdin),
  ]);
  const [ofXz = "", ofEngine = ""] = await Promise.all(complaints);
  if (!loaded.success) {
    throw engine.failure(`load the images of "${archive}"`, ofEngine);
  }
  if (!(await unpacked).success) {
    engine.throwIfCancelled();
    throw new KrunnerError(
      `Cannot unpack "${archive}": ${
        ofXz.trim() || "xz was ended"
      }; collect it again with "sources.ts"`,
    );
  }
  return [...(await words).matchAll(/^Loaded image(?:\(s\)|s)?: *(.+)$/gm)]
    .flatMap(([, names = ""]) => names.split(/[ ,]+/))
    .filter((name) => name.includes(`${COLLECTED_NAME}:`));
}
