/**
 * Stand-in for `@std/tar/untar-stream`, which npm has in no form: an adapter
 * over `npm:modern-tar`. It is for archives that TarStream made. Long names of
 * GNU and PAX archives come out whole here and as entries of their own there,
 * so no code may read such archives with it.
 *
 * @module
 */

import { createTarDecoder, type ParsedTarEntry } from "npm:modern-tar@0.8.6";

/** What an entry's header says. */
export interface TarStreamHeader {
  /** The length of the contents in bytes. */
  size: number;
  /** Seconds since 1970. */
  mtime: number;
  /** `"0"` for a file, `"5"` for a directory. */
  typeflag: string;
}

/** An entry of an archive. */
export interface TarStreamEntry {
  /** The header. */
  header: TarStreamHeader;
  /** The path as the archive has it. */
  path: string;
  /** A file's contents: to be read or cancelled before the next entry comes. */
  readable?: ReadableStream<Uint8Array>;
}

/** Takes a ustar archive apart. */
export class UntarStream
  implements TransformStream<Uint8Array, TarStreamEntry> {
  /** The entries. */
  readonly readable: ReadableStream<TarStreamEntry>;
  /** Where the archive goes. */
  readonly writable: WritableStream<Uint8Array>;

  /** A reader of one archive. */
  constructor() {
    const { readable, writable } = createTarDecoder({ strict: true });
    this.readable = ReadableStream.from(toEntries(readable));
    this.writable = writable;
  }
}

/** The entries in the real one's form. */
async function* toEntries(
  parsed: ReadableStream<ParsedTarEntry>,
): AsyncGenerator<TarStreamEntry> {
  for await (const { header, body } of parsed) {
    const isFile = header.type === "file" || header.type === undefined;
    yield {
      header: {
        size: header.size,
        mtime: (header.mtime?.getTime() ?? 0) / 1000,
        typeflag: isFile ? "0" : "5",
      },
      path: header.name,
      ...isFile ? { readable: body } : {},
    };
    if (!isFile) await body.cancel();
  }
}
