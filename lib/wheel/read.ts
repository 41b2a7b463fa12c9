/**
 * Wheels as they are on the disk, whatever made them.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { configure, type FileEntry, Reader, ZipReader } from "@zip.js/zip.js";
import { CancelledError, fileError, KrunnerError } from "../errors.ts";

/** A file in a wheel. */
export interface PackedFile {
  /** Its path inside. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** In lower-case hex. */
  readonly sha256: string;
}

/** What a wheel holds. */
export interface PackedWheel {
  /** The wheel's own file name. */
  readonly file: string;
  /** In the wheel's order. */
  readonly files: readonly PackedFile[];
  /** Texts of the files in `.dist-info` itself, by their names there. */
  readonly texts: Readonly<Record<string, string>>;
}

/** What tells of the wheel: small, and a text. */
const OWN_FILE = /^[^/]+\.dist-info\/([^/]+)$/;

/** A file's bytes, anywhere in it. */
class RandomAccess extends Reader<Deno.FsFile> {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile, size: number) {
    super(file);
    this.#file = file;
    this.size = size;
  }

  override async readUint8Array(
    offset: number,
    length: number,
  ): Promise<Uint8Array> {
    if (offset < 0) throw new Error("its beginning is missing");
    const bytes = new Uint8Array(Math.min(length, this.size - offset));
    await this.#file.seek(offset, Deno.SeekMode.Start);
    for (let rest = bytes; rest.length > 0;) {
      const count = await this.#file.read(rest);
      if (count === null) throw new Error("it ends too soon");
      rest = rest.subarray(count);
    }
    return bytes;
  }
}

/**
 * Reads a wheel, a chunk at a time. The zip's own checksums are compared.
 *
 * @throws {KrunnerError} If it cannot be read, or is no whole zip file.
 * @throws {CancelledError} If the signal is aborted.
 */
export async function readWheel(
  path: string,
  signal: AbortSignal,
): Promise<PackedWheel> {
  configure({ useWebWorkers: false });
  try {
    using file = await Deno.open(path);
    const { size } = await file.stat();
    const zip = new ZipReader(new RandomAccess(file, size), {
      checkSignature: true,
      signal,
    });
    const files: PackedFile[] = [];
    const texts: Record<string, string> = {};
    for await (const entry of zip.getEntriesGenerator()) {
      // Folders say nothing that their files don't.
      if (entry.directory) continue;
      const name = entry.filename;
      const [, own] = OWN_FILE.exec(name) ?? [];
      const { text, ...digest } = await readEntry(entry, own !== undefined);
      files.push({ name, ...digest });
      if (own !== undefined) texts[own] = text;
    }
    return { file: path.slice(path.lastIndexOf("/") + 1), files, texts };
  } catch (error) {
    if (signal.aborted) throw new CancelledError("Cancelled");
    const known = fileError("read", path, error);
    if (known !== error) throw known;
    throw new KrunnerError(
      `Cannot read "${path}": it is no whole zip file (${
        (error as Error).message
      })`,
      { cause: error },
    );
  }
}

async function readEntry(
  entry: FileEntry,
  isText: boolean,
): Promise<Pick<PackedFile, "size" | "sha256"> & { text: string }> {
  const hash = createHash("sha256");
  const decoder = new TextDecoder();
  let [size, text] = [0, ""];
  await entry.getData(
    new WritableStream<Uint8Array>({
      write: (chunk) => {
        hash.update(chunk);
        size += chunk.length;
        if (isText) text += decoder.decode(chunk, { stream: true });
      },
    }),
  );
  return { size, sha256: hash.digest("hex"), text };
}
