/**
 * Stand-in for `@std/tar/tar-stream`, which npm has in no form: an adapter
 * over `npm:modern-tar`.
 *
 * @module
 */

import { createTarPacker, type TarPackController } from "npm:modern-tar@0.8.6";

/** Metadata of an entry. */
export interface TarStreamOptions {
  /** Permission bits; 0o755 for directories and 0o644 for files by default. */
  mode?: number;
  /** Seconds since 1970; now by default. */
  mtime?: number;
}

/** A file for the archive. */
export interface TarStreamFile {
  /** Which kind of entry this is. */
  type: "file";
  /** Where it goes, relative to the archive's root. */
  path: string;
  /** The length of the contents in bytes. */
  size: number;
  /** The contents. */
  readable: ReadableStream<Uint8Array>;
  /** The metadata. */
  options?: TarStreamOptions;
}

/** A directory for the archive. */
export interface TarStreamDir {
  /** Which kind of entry this is. */
  type: "directory";
  /** Where it goes, relative to the archive's root. */
  path: string;
  /** The metadata. */
  options?: TarStreamOptions;
}

/** What {@linkcode TarStream} takes. */
export type TarStreamInput = TarStreamFile | TarStreamDir;

/** Makes a ustar archive of a stream of files and directories. */
export class TarStream
  implements TransformStream<TarStreamInput, Uint8Array<ArrayBuffer>> {
  /** The archive. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Where the entries go. */
  readonly writable: WritableStream<TarStreamInput>;

  /** A new, empty archive. */
  constructor() {
    const { readable, controller } = createTarPacker();
    this.readable = readable;
    this.writable = new WritableStream({
      async write(input) {
        try {
          await addEntry(controller, input);
        } catch (error) {
          // The reader of the archive must see the failure too.
          controller.error(error);
          throw error;
        }
      },
      close: () => controller.finalize(),
      abort: (reason) => controller.error(reason),
    });
  }
}

/** Writes one entry, with its contents to the end. */
async function addEntry(
  controller: TarPackController,
  input: TarStreamInput,
): Promise<void> {
  checkPath(input.path);
  const { mode, mtime } = input.options ?? {};
  const isFile = input.type === "file";
  const body = controller.add({
    name: input.path,
    type: input.type,
    size: isFile ? input.size : 0,
    mode: mode ?? (isFile ? 0o644 : 0o755),
    mtime: mtime === undefined ? new Date() : new Date(mtime * 1000),
  });
  if (isFile) await input.readable.pipeTo(body);
  else await body.close();
}

/**
 * Refuses a path that ustar cannot hold: modern-tar would add a PAX header,
 * the real TarStream throws.
 */
function checkPath(path: string): void {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length <= 100) return;
  const slash = bytes.lastIndexOf("/".charCodeAt(0), 155);
  if (bytes.length > 256 || slash <= 0 || bytes.length - slash > 100) {
    throw new RangeError(
      `Cannot parse the path as it does not fit into a ustar header: "${path}"`,
    );
  }
}
