/**
 * A file that is not whole yet. It stays when its download fails or its process is
 * killed, so that the next try goes on where the last one ended.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { fileError } from "./errors.ts";
import { writeAll } from "./write_all.ts";

/** What tells one content from another. */
export interface Digest {
  /** Lower-case hex. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** What the server that the part came from calls its content. */
interface Note {
  /** The URL, without credentials. */
  readonly url: string;
  /** Its strong `ETag`, else its `Last-Modified`, as `If-Range` wants them. */
  readonly validator: string;
}

/** The digest of a file, `undefined` where there is none. */
export async function digestOf(path: string): Promise<Digest | undefined> {
  try {
    const hash = createHash("sha256");
    let size = 0;
    const file = await Deno.open(path);
    for await (const chunk of file.readable) {
      hash.update(chunk);
      size += chunk.length;
    }
    return { sha256: hash.digest("hex"), size };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("read", path, error);
  }
}

/** SHA-256 of a file, lower-case hex; `undefined` where there is none. */
export async function hashOf(path: string): Promise<string | undefined> {
  return (await digestOf(path))?.sha256;
}

/**
 * A part, open to be written at its end. Nobody else may write to it meanwhile.
 *
 * All methods throw a {@linkcode KrunnerError} where the system refuses.
 */
export class PartFile implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #hash: Hash = createHash("sha256");
  #size = 0;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /** Opens what is there and hashes it, or begins a new one. */
  static async open(path: string): Promise<PartFile> {
    let file: Deno.FsFile | undefined;
    try {
      file = await Deno.open(path, { read: true, write: true, create: true });
      const part = new PartFile(path, file);
      const buffer = new Uint8Array(1 << 18);
      for (
        let count: number | null;
        (count = await file.read(buffer)) !== null;
      ) {
        part.#count(buffer.subarray(0, count));
      }
      return part;
    } catch (error) {
      file?.close();
      throw fileError("write", path, error);
    }
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  /** What there is so far. */
  get digest(): Digest {
    return { sha256: this.#hash.copy().digest("hex"), size: this.#size };
  }

  #count(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#size += chunk.length;
  }

  /** Writes a chunk at the end. */
  async append(chunk: Uint8Array): Promise<void> {
    await writeAll(this.#file, chunk, this.#path);
    this.#count(chunk);
  }

  /** Forgets all that is there. */
  async restart(): Promise<void> {
    try {
      await this.#file.truncate();
      await this.#file.seek(0, Deno.SeekMode.Start);
    } catch (error) {
      throw fileError("write", this.#path, error);
    }
    await removeIfThere(this.#notePath);
    this.#hash = createHash("sha256");
    this.#size = 0;
  }

  get #notePath(): string {
    return `${this.#path}.json`;
  }

  /** Notes what the server calls the content that is about to be written. */
  async note(url: string, validator: string): Promise<void> {
    const note: Note = { url, validator };
    try {
      await Deno.writeTextFile(this.#notePath, JSON.stringify(note));
    } catch (error) {
      throw fileError("write", this.#notePath, error);
    }
  }

  /** What the server at `url` called the content, where it began from there. */
  async validatorOf(url: string): Promise<string | undefined> {
    try {
      const note: Partial<Note> = JSON.parse(
        await Deno.readTextFile(this.#notePath),
      );
      return note.url === url ? note.validator : undefined;
    } catch {
      // Without a note, or with half of one, the hash at the end decides alone.
      return undefined;
    }
  }

  /** Gives the file its final name, in place of what had it before. */
  async moveTo(path: string): Promise<void> {
    try {
      await Deno.chmod(this.#path, 0o644);
      await Deno.rename(this.#path, path);
    } catch (error) {
      throw fileError("write", path, error);
    }
    await removeIfThere(this.#notePath);
  }

  /** Removes the file. */
  async remove(): Promise<void> {
    await removeIfThere(this.#path);
    await removeIfThere(this.#notePath);
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw fileError("write", path, error);
    }
  }
}
