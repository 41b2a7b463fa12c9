/**
 * Turns the tar stream that an engine's `cp CID:/opt/backend.ai -` gives into a
 * volume's archive, in one pass and while it flows: names below `./`, one
 * owner, one time, safe links, compressed by xz, hashed on the way to disk.
 *
 * The same tree gives the same bytes, whatever the number of threads, the
 * engine's chunks, its user's time zone, umask or xz settings.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { CancelledError, fileError, KrunnerError } from "./errors.ts";
import { encodeHeader, paddingOf } from "./tar_header.ts";
import { readTar, type TarEntry } from "./tar_reader.ts";
import { type VolumeEntry, VolumeRules } from "./volume_entry.ts";
import { spawnXz, xzEnd } from "./xz.ts";

export type { VolumeEntry } from "./volume_entry.ts";

/** What {@linkcode writeArchive} needs to know. */
export interface ArchiveOptions {
  /** The one time of all entries, in whole seconds since the epoch. */
  mtime: number;
  /**
   * Where the tree is in a container, `/opt/backend.ai`. Its last component is
   * the one that entries' names begin with and that is dropped; links to paths
   * below it are made relative.
   */
  root: string;
  /** How many threads compress. The bytes do not depend on it. */
  threads: number;
  /** Stops the work; nothing is left behind then. */
  signal?: AbortSignal | undefined;
  /** Told about each entry by its name in the archive, `./bin/` or `./bin/python3`. */
  onEntry?: ((name: string, entry: VolumeEntry) => void) | undefined;
  /** Which files' contents to hand back; see {@linkcode CAPTURE_LIMIT}. */
  capture?: ((name: string) => boolean) | undefined;
}

/** What became of the tree. */
export interface ArchiveSummary {
  /** SHA-256 of the archive, in hexadecimal. */
  sha256: string;
  /** Size of the archive in bytes. */
  size: number;
  /** Sum of the files' sizes in bytes. */
  unpackedSize: number;
  /** Number of all entries, the root included. */
  entries: number;
  /** Number of files. */
  files: number;
  /** Number of directories, the root included. */
  directories: number;
  /** Number of symbolic and hard links. */
  links: number;
  /** SHA-256 over the {@linkcode treeRecord}s of all entries, in order. */
  treeSha256: string;
  /** Contents asked for by `capture`, by name. */
  captured: Map<string, Uint8Array>;
}

/** How much of a captured file is handed back, in bytes: the first MiB. */
export const CAPTURE_LIMIT = 1 << 20;

/** How much is gathered before xz gets it: many entries are smaller than a system call is worth. */
const BUFFER_SIZE = 256 * 1024;

/** Two zero blocks end an archive. */
const END = new Uint8Array(1024);

/**
 * What the tree's digest says about an entry: type, mode in octal, size,
 * content's SHA-256 (`""` for what is no file), name and link, each ended by a
 * NUL, which none of them can contain.
 */
export function treeRecord(entry: VolumeEntry, sha256: string): string {
  const mode = entry.mode.toString(8).padStart(4, "0");
  const { type, size, name, link } = entry;
  return [type, mode, size, sha256, name, link, ""].join("\0");
}

/** Gathers small writes into large ones and waits for the receiver. */
class BufferedWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #buffer = new Uint8Array(BUFFER_SIZE);
  #filled = 0;

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      const part = rest.subarray(0, BUFFER_SIZE - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      rest = rest.subarray(part.length);
      if (this.#filled === BUFFER_SIZE) await this.#flush();
    }
  }

  async close(): Promise<void> {
    await this.#flush();
    await this.#writer.close();
  }

  /** Gives up; the stream is closed whatever state it is in. */
  async abort(): Promise<void> {
    await this.#writer.abort().catch(() => {});
  }

  /** The buffer is free again when the write is over. */
  async #flush(): Promise<void> {
    await this.#writer.write(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }
}

/** Numbers and digest of what went through. */
class Tally {
  readonly captured = new Map<string, Uint8Array>();
  readonly #tree = createHash("sha256");
  readonly #counts = {
    unpackedSize: 0,
    entries: 0,
    files: 0,
    directories: 0,
    links: 0,
  };

  add(entry: VolumeEntry, sha256: string): void {
    this.#tree.update(treeRecord(entry, sha256));
    const counts = this.#counts;
    counts.unpackedSize += entry.size;
    counts.entries++;
    if (entry.type === "file") counts.files++;
    else if (entry.type === "directory") counts.directories++;
    else counts.links++;
  }

  finish(): Omit<ArchiveSummary, "sha256" | "size"> {
    return {
      ...this.#counts,
      treeSha256: this.#tree.digest("hex"),
      captured: this.captured,
    };
  }
}

function headerOf(entry: VolumeEntry, mtime: number): Uint8Array {
  return encodeHeader({
    name: entry.name,
    type: entry.type,
    mode: entry.mode,
    size: entry.size,
    mtime,
    linkName: entry.link,
  });
}

/** Passes a file's content on, and returns its SHA-256. */
async function copyBody(
  body: TarEntry["body"],
  entry: VolumeEntry,
  output: BufferedWriter,
  captured: Uint8Array | undefined,
): Promise<string> {
  const hash = createHash("sha256");
  let offset = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    if (captured !== undefined && offset < captured.length) {
      captured.set(chunk.subarray(0, captured.length - offset), offset);
    }
    offset += chunk.length;
    await output.write(chunk);
  }
  await output.write(END.subarray(0, paddingOf(entry.size)));
  return hash.digest("hex");
}

/** The whole tree, in canonical form, into xz's stdin. */
async function feed(
  input: ReadableStream<Uint8Array>,
  output: BufferedWriter,
  options: ArchiveOptions,
): Promise<Omit<ArchiveSummary, "sha256" | "size">> {
  const rules = new VolumeRules(options.root);
  const tally = new Tally();
  for await (const { header, body } of readTar(input)) {
    const entry = rules.accept(header);
    options.onEntry?.(entry.name, entry);
    await output.write(headerOf(entry, options.mtime));
    let sha256 = "";
    if (entry.type === "file") {
      let captured: Uint8Array | undefined;
      if (options.capture?.(entry.name)) {
        captured = new Uint8Array(Math.min(entry.size, CAPTURE_LIMIT));
        tally.captured.set(entry.name, captured);
      }
      sha256 = await copyBody(body, entry, output, captured);
    }
    tally.add(entry, sha256);
  }
  rules.finish();
  await output.write(END);
  await output.close();
  return tally.finish();
}

/** xz's stdout to the disk, hashed on the way. */
async function store(
  packed: ReadableStream<Uint8Array>,
  file: Deno.FsFile,
): Promise<{ sha256: string; size: number }> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of packed) {
    hash.update(chunk);
    size += chunk.length;
    for (let rest = chunk; rest.length > 0;) {
      rest = rest.subarray(await file.write(rest));
    }
  }
  await file.sync();
  return { sha256: hash.digest("hex"), size };
}

/** What to say when the target cannot be opened. */
function openError(error: unknown, target: string): unknown {
  if (!(error instanceof Deno.errors.AlreadyExists)) {
    return fileError("write", target, error);
  }
  return new KrunnerError(
    `Cannot write "${target}": it exists already; remove it`,
    { cause: error },
  );
}

function cancelled(signal: AbortSignal, target: string): unknown {
  return signal.reason instanceof KrunnerError
    ? signal.reason
    : new CancelledError(`Cancelled while writing ${JSON.stringify(target)}`, {
      cause: signal.reason,
    });
}

/**
 * Runs reading, compressing and storing side by side. The first of them that
 * fails aborts `stop` with its error, which ends the others.
 */
async function pump(
  input: ReadableStream<Uint8Array>,
  file: Deno.FsFile,
  target: string,
  options: ArchiveOptions,
  stop: AbortController,
): Promise<ArchiveSummary> {
  const xz = spawnXz(options.threads, stop.signal);
  const output = new BufferedWriter(xz.stdin);
  const orStop = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  };
  const ended = orStop(xzEnd(xz));
  const stored = orStop(
    store(xz.stdout, file).catch((error) => {
      throw fileError("write", target, error);
    }),
  );
  const guarded = input.pipeThrough(new TransformStream(), {
    signal: stop.signal,
  });
  const fed = orStop(
    feed(guarded, output, options).catch(async (error) => {
      await output.abort();
      // A closed pipe is the consequence of xz's end: its own words are better.
      if (error instanceof Deno.errors.BrokenPipe) await ended;
      throw error;
    }),
  );
  await Promise.allSettled([ended, stored, fed]);
  stop.signal.throwIfAborted();
  await ended;
  return { ...await stored, ...await fed };
}

/**
 * Writes the archive (`.tar.xz`) of a tree that comes as a tar stream.
 *
 * @param input What `docker cp CID:/opt/backend.ai -` writes
 * @param target The file to make: it must not exist yet, is on disk (synced)
 * when this returns, and is removed if it fails. Renaming it is the caller's
 * part
 * @throws {KrunnerError} If an entry has no place in a volume, the stream ends
 * early or is damaged, the disk is full, or xz is missing or fails.
 * @throws {CancelledError} If `signal` was aborted.
 */
export async function writeArchive(
  input: ReadableStream<Uint8Array>,
  target: string,
  options: ArchiveOptions,
): Promise<ArchiveSummary> {
  const stop = new AbortController();
  const { signal } = options;
  const onAbort = () => signal && stop.abort(cancelled(signal, target));
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort);
  let file: Deno.FsFile | undefined;
  try {
    stop.signal.throwIfAborted();
    file = await Deno.open(target, { write: true, createNew: true })
      .catch((error) => {
        throw openError(error, target);
      });
    return await pump(input, file, target, options, stop);
  } catch (error) {
    if (!input.locked) await input.cancel().catch(() => {});
    if (file !== undefined) await Deno.remove(target).catch(() => {});
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    file?.close();
  }
}
