/**
 * A large file that is written, hashed and sent to the disk at the same time.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { writeAllSync } from "../write_all.ts";

/**
 * Bytes after which what was written is sent to the disk. Left to the end, the
 * process would wait for the disk as long as it takes to write it all.
 */
const FLUSH_AFTER = 1 << 24;

/** What was written. */
export interface Written {
  /** Bytes. */
  readonly size: number;
  /** SHA-256 in lower-case hex. */
  readonly sha256: string;
}

/** A file on its way. */
export class OutputFile implements AsyncDisposable {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #hash = createHash("sha256");
  #size = 0;
  #flushed = 0;
  #flushing: Promise<void> | undefined;
  #failures: unknown[] = [];

  private constructor(file: Deno.FsFile, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /**
   * Makes the file, in the place of one that is there.
   *
   * @throws As `Deno.open`.
   */
  static async create(path: string): Promise<OutputFile> {
    return new OutputFile(
      await Deno.open(path, { write: true, create: true, truncate: true }),
      path,
    );
  }

  /**
   * Writes a chunk, which the caller may change afterwards.
   *
   * @throws {KrunnerError} If the system refuses.
   */
  write(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#size += chunk.length;
    writeAllSync(this.#file, chunk, this.#path);
    if (this.#size - this.#flushed >= FLUSH_AFTER) this.#flush();
  }

  #flush(): void {
    if (this.#flushing !== undefined) return;
    this.#flushed = this.#size;
    this.#flushing = this.#file.syncData()
      // A failure is told once; the last flush would not hear of it.
      .catch((error) => {
        this.#failures.push(error);
      })
      .finally(() => this.#flushing = undefined);
  }

  /**
   * Ends the file. Its last part may not be on the disk yet.
   *
   * @throws As `Deno.FsFile.syncData`, if an earlier part could not be sent there.
   */
  async finish(): Promise<Written> {
    await this.#flushing;
    if (this.#failures.length > 0) throw this.#failures[0];
    return { size: this.#size, sha256: this.#hash.digest("hex") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flushing;
    this.#file.close();
  }
}
