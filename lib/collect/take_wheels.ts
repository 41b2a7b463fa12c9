/**
 * Takes the wheels out of a wheels stage's image.
 *
 * @module
 */

import { type Engine, sealed, type SealedContainer } from "../engine.ts";
import { fileError } from "../errors.ts";
import { readTar } from "../tar_reader.ts";
import { writeAll } from "../write_all.ts";

/** The folder of the image that a later stage takes wheels from. */
const WHEELS = "/wheels";

/**
 * Writes all `*.whl` of the image's folder `/wheels` into `dir`, which must exist.
 *
 * @returns Their names, sorted; none where the image keeps its wheels elsewhere.
 * @throws {KrunnerError} If the engine fails, or the disk is full.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function takeWheels(
  engine: Engine,
  from: SealedContainer,
  dir: string,
): Promise<string[]> {
  const { image } = from;
  const container = await engine.create([
    ...sealed(from),
    image,
    // Never started; an image may have no command of its own.
    WHEELS,
  ], image);
  const child = engine.spawn(["cp", `${container}:${WHEELS}`, "-"]);
  const complaint = new Response(child.stderr).text();
  const [read, status] = await Promise.allSettled([
    writeWheels(child.stdout, dir),
    child.status,
  ]);
  const words = (await complaint).trim();
  if (status.status === "rejected") throw status.reason;
  if (
    /could not find the file|no such container:path|no such file/i.test(words)
  ) {
    return [];
  }
  if (!status.value.success && !/broken pipe/i.test(words)) {
    throw engine.failure(`take ${WHEELS} out of the image "${image}"`, words);
  }
  if (read.status === "rejected") throw read.reason;
  return read.value.sort();
}

async function writeWheels(
  tar: ReadableStream<Uint8Array>,
  dir: string,
): Promise<string[]> {
  const names: string[] = [];
  for await (const { header, body } of readTar(tar)) {
    const name = /^(?:\.\/)?wheels\/([^./\\\n][^/\\\n]*\.whl)$/
      .exec(header.name)?.[1];
    if (name === undefined || header.type !== "file") continue;
    const path = `${dir}/${name}`;
    try {
      using file = await Deno.open(path, { write: true, createNew: true });
      for await (const chunk of body) await writeAll(file, chunk, path);
    } catch (error) {
      throw fileError("write", path, error);
    }
    names.push(name);
  }
  return names;
}
