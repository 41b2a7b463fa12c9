/**
 * Brings the files of the source lock file to this host: checked while they
 * stream, and in the cache only when whole and right.
 *
 * Beside a file that is not whole yet lie `.{file}.{start of its SHA-256}.part`,
 * the note `….part.json` of who it came from, and the lock `.{file}.lock`.
 *
 * @module
 */

import { DownloadError, downloadUrl } from "./download.ts";
import { CancelledError, KrunnerError } from "./errors.ts";
import { waitForLock } from "./lock.ts";
import { makeFolder } from "./make_folder.ts";
import { type Digest, digestOf, PartFile } from "./part_file.ts";
import { pause } from "./pause.ts";
import {
  type DebianOrigin,
  describeOrigin,
  type Origin,
  type SourceRow,
} from "./sources.ts";

/** Milliseconds without a byte after which builds give up a download's origin. */
export const STALL_TIMEOUT = 10_000;

/** Where sources come from and go to. */
export interface SourcePlaces {
  /** The cache; made where it is missing. */
  readonly cache: string;
  /** A folder of the user's with the files, for hosts that download nothing. */
  readonly sources?: string | undefined;
  /** Opens a file of a Debian source package. */
  readonly openDebianSource: (
    origin: DebianOrigin,
  ) => ReadableStream<Uint8Array>;
  /** Gets a line for each origin that failed, and for each wait. */
  readonly onNotice: (line: string) => void;
  /** Ends a download. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without a byte after which an origin is given up. */
  readonly stallTimeout: number;
  /** Milliseconds before the second and each further round over the origins. */
  readonly retryDelays?: readonly number[];
}

const RETRY_DELAYS: readonly number[] = [1_000, 4_000, 10_000];

/**
 * The path of a row's file on this host, fetched where it is not there yet. The
 * origins are asked in turn; those whose failure may pass are asked again.
 *
 * @throws {KrunnerError} If `--sources` lacks the file or holds other content, no
 * origin has it, or the cache cannot be written. What came so far is kept for the
 * next call, and a download of the wrong content for inspection.
 * @throws {CancelledError} If the signal was aborted.
 */
export async function provideSource(
  row: SourceRow,
  places: SourcePlaces,
): Promise<string> {
  if (places.sources !== undefined) {
    return await fromFolder(row, places.sources);
  }
  const path = `${places.cache}/${row.file}`;
  await makeFolder(places.cache);
  if (isRight(row, await digestOf(path))) return path;
  try {
    using _lock = await waitForLock(
      `${places.cache}/.${row.file}.lock`,
      () => {
        places.onNotice(`Waiting for another download of "${row.file}"`);
      },
      places.signal,
    );
    // Another one may have brought it meanwhile.
    if (!isRight(row, await digestOf(path))) {
      await new Fetch(row, path, places).run();
    }
    return path;
  } catch (error) {
    if (!places.signal?.aborted) throw error;
    throw new CancelledError(`Cancelled the download of "${row.file}"`, {
      cause: error,
    });
  }
}

async function fromFolder(row: SourceRow, folder: string): Promise<string> {
  const path = `${folder}/${row.file}`;
  const digest = await digestOf(path);
  if (digest === undefined) {
    throw new KrunnerError(
      `Cannot find source "${row.file}" in "${folder}": put it there (SHA-256 ${row.sha256}), or give no "--sources" and unset KRUNNER_SOURCES to download it`,
    );
  }
  if (isRight(row, digest)) return path;
  throw new KrunnerError(
    `${
      wrongContent(row, differences(row, digest))
    }; replace "${path}" by the right file`,
  );
}

function isRight(row: SourceRow, digest: Digest | undefined): boolean {
  return digest?.sha256 === row.sha256 &&
    (row.size === undefined || digest.size === row.size);
}

function wrongContent(row: SourceRow, states: readonly string[]): string {
  return `Wrong content of source "${row.file}" (${row.name} ${row.version}): ${
    states.join(", and ")
  }`;
}

function differences(row: SourceRow, { sha256, size }: Digest): string[] {
  return [
    ...size === (row.size ?? size)
      ? []
      : [`it has ${size} bytes, not ${row.size}`],
    ...sha256 === row.sha256
      ? []
      : [`its SHA-256 is ${sha256}, not ${row.sha256}`],
  ];
}

/** The work on one row, under its lock. */
class Fetch {
  readonly #row: SourceRow;
  readonly #path: string;
  readonly #places: SourcePlaces;
  /** What each origin said last. */
  readonly #failures = new Map<Origin, string>();

  constructor(row: SourceRow, path: string, places: SourcePlaces) {
    this.#row = row;
    this.#path = path;
    this.#places = places;
  }

  /** Bytes that are not exceeded. */
  get #limit(): number {
    return this.#row.size ?? Infinity;
  }

  /** Brings the file. What came of it stays, whatever ends this. */
  async run(): Promise<void> {
    if (await this.#isPartWhole()) return;
    try {
      await this.#askOrigins();
    } finally {
      await this.#removePart({ ifEmpty: true });
    }
  }

  /** Asks all origins, and after a pause those again whose failure may pass. */
  async #askOrigins(): Promise<void> {
    let origins = this.#row.origins;
    for (const delay of [...this.#places.retryDelays ?? RETRY_DELAYS, null]) {
      const again: [Origin, DownloadError][] = [];
      for (const origin of origins) {
        const failure = await this.#try(origin);
        if (failure === undefined) return;
        if (failure.mayPass) again.push([origin, failure]);
      }
      if (delay === null || again.length === 0) break;
      origins = again.map(([origin]) => origin);
      const wait = Math.max(
        delay,
        ...again.map(([, { retryAfter }]) => retryAfter),
      );
      this.#places.onNotice(
        `Trying again in ${wait / 1000} s to get source "${this.#row.file}"`,
      );
      await pause(wait, this.#places.signal);
    }
    const { file, sha256 } = this.#row;
    const tried = [...this.#failures].map(([origin, reason]) =>
      `\n  ${describeOrigin(origin)}: ${reason}`
    );
    const [state, end] = tried.length === 0
      ? ["its row names no origin", ""]
      : ["no origin has it", `. Tried:${tried.join("")}`];
    throw new KrunnerError(
      `Cannot get source "${file}": ${state}; put the file into a folder and give that with "--sources" (SHA-256 ${sha256})${end}`,
    );
  }

  async #try(origin: Origin): Promise<DownloadError | undefined> {
    try {
      if ("url" in origin) await this.#fromUrl(origin.url);
      else await this.#fromDebian(origin);
      return undefined;
    } catch (error) {
      this.#places.signal?.throwIfAborted();
      // A disk that is full, say, is so for all origins.
      if (!(error instanceof DownloadError)) throw error;
      this.#failures.set(origin, error.message);
      this.#places.onNotice(
        `Source "${this.#row.file}" not had from ${
          describeOrigin(origin)
        }: ${error.message}`,
      );
      return error;
    }
  }

  /** A kill after the last byte leaves a part that only lacks its name. */
  async #isPartWhole(): Promise<boolean> {
    using part = await this.#openPart();
    if (isRight(this.#row, part.digest)) {
      await part.moveTo(this.#path);
      return true;
    }
    if (part.size >= this.#limit) await part.restart();
    return false;
  }

  #openPart(suffix = "part"): Promise<PartFile> {
    const { file, sha256 } = this.#row;
    return PartFile.open(
      `${this.#places.cache}/.${file}.${sha256.slice(0, 16)}.${suffix}`,
    );
  }

  async #fromUrl(url: string): Promise<void> {
    using part = await this.#openPart();
    const { stallTimeout, signal } = this.#places;
    const options = { size: this.#row.size, stallTimeout, signal };
    const wentOn = await downloadUrl(url, part, options);
    if (wentOn && !isRight(this.#row, part.digest)) {
      this.#places.onNotice(
        `Source "${this.#row.file}": what an earlier download left does not fit; starting over`,
      );
      await part.restart();
      await downloadUrl(url, part, options);
    }
    await this.#accept(part);
  }

  /** apt has time limits of its own, and says nothing while it reads its lists. */
  async #fromDebian(origin: DebianOrigin): Promise<void> {
    using part = await this.#openPart("apt");
    await part.restart();
    try {
      for await (const chunk of this.#chunksOf(origin)) {
        await part.append(chunk);
        if (part.size > this.#limit) break;
      }
      await this.#accept(part);
    } catch (error) {
      await part.remove();
      throw error;
    }
    // What a URL gave before.
    await this.#removePart();
  }

  async *#chunksOf(origin: DebianOrigin): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#places.openDebianSource(origin);
    } catch (cause) {
      if (!(cause instanceof KrunnerError)) throw cause;
      throw new DownloadError(cause.message, { cause });
    }
  }

  async #removePart({ ifEmpty = false } = {}): Promise<void> {
    using part = await this.#openPart();
    if (!ifEmpty || part.size === 0) await part.remove();
  }

  async #accept(part: PartFile): Promise<void> {
    const { digest } = part;
    if (isRight(this.#row, digest)) return await part.moveTo(this.#path);
    const kept = `${this.#path}.wrong`;
    await part.moveTo(kept);
    // Nobody reads on, so the hash of the whole stays unknown.
    const [states, what] = digest.size > this.#limit
      ? [[`it has more than ${this.#limit} bytes`], "its start"]
      : [differences(this.#row, digest), "the file"];
    throw new DownloadError(
      `${wrongContent(this.#row, states)}; ${what} is kept as "${kept}"`,
    );
  }
}
