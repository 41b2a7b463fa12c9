/**
 * Brings the files of the source lock file to this host: checked while they
 * stream, and in the cache only when whole and right.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { fileError, isDiskFull, KrunnerError } from "./errors.ts";
import {
  type DebianOrigin,
  describeOrigin,
  type Origin,
  type SourceRow,
} from "./sources.ts";

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
  /** Gets one line for each origin that failed. */
  readonly onNotice: (line: string) => void;
  /** Ends a download. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without a byte after which an origin is given up. */
  readonly stallTimeout: number;
}

/**
 * The path of a row's file on this host, fetched where it is not there yet.
 *
 * @throws {KrunnerError} If `--sources` lacks the file or holds other content, or
 * no origin has it. A download of the wrong content is kept for inspection.
 */
export async function provideSource(
  row: SourceRow,
  places: SourcePlaces,
): Promise<string> {
  if (places.sources !== undefined) {
    return await fromFolder(row, places.sources);
  }
  const path = `${places.cache}/${row.file}`;
  if (await hashOf(path) === row.sha256) return path;
  await Deno.mkdir(places.cache, { recursive: true });
  const failures: string[] = [];
  for (const origin of row.origins) {
    try {
      await download(row, origin, path, places);
      return path;
    } catch (error) {
      if (places.signal?.aborted) throw error;
      // No other origin makes room on the disk.
      if (isDiskFull(error)) throw fileError("write", path, error);
      const failure = `${describeOrigin(origin)}: ${(error as Error).message}`;
      failures.push(failure);
      places.onNotice(`Source "${row.file}" not had from ${failure}`);
    }
  }
  throw new KrunnerError(
    `Cannot get source "${row.file}": no origin has it; put the file into a folder and give that with "--sources" (SHA-256 ${row.sha256}). Tried:\n${
      failures.map((failure) => `  ${failure}`).join("\n")
    }`,
  );
}

async function fromFolder(row: SourceRow, folder: string): Promise<string> {
  const path = `${folder}/${row.file}`;
  const actual = await hashOf(path);
  if (actual === undefined) {
    throw new KrunnerError(
      `Cannot find source "${row.file}" in "${folder}": put it there (SHA-256 ${row.sha256}), or leave "--sources" out`,
    );
  }
  if (actual !== row.sha256) throw wrongContent(row, actual, path);
  return path;
}

function wrongContent(
  row: SourceRow,
  actual: string,
  path: string,
): KrunnerError {
  return new KrunnerError(
    `Wrong content of source "${row.file}" (${row.name} ${row.version}): its SHA-256 is ${actual}, not ${row.sha256}; the file is kept as "${path}"`,
  );
}

/** SHA-256 of a file, `undefined` where there is none. */
export async function hashOf(path: string): Promise<string | undefined> {
  try {
    const hash = createHash("sha256");
    const file = await Deno.open(path);
    for await (const chunk of file.readable) hash.update(chunk);
    return hash.digest("hex");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("read", path, error);
  }
}

async function download(
  row: SourceRow,
  origin: Origin,
  path: string,
  places: SourcePlaces,
): Promise<void> {
  const part = await Deno.makeTempFile({
    dir: places.cache,
    prefix: `.${row.file}.`,
  });
  try {
    using file = await Deno.open(part, { write: true });
    using watchdog = new Watchdog(places.stallTimeout, places.signal);
    // apt has time limits of its own, and says nothing while it reads its lists.
    if ("url" in origin) watchdog.start();
    const stream = "url" in origin
      ? await openUrl(origin.url, watchdog.signal)
      : places.openDebianSource(origin);
    const hash = createHash("sha256");
    await stream
      .pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            watchdog.touch();
            hash.update(chunk);
            controller.enqueue(chunk);
          },
        }),
      )
      .pipeTo(file.writable, { signal: watchdog.signal });
    const actual = hash.digest("hex");
    if (actual !== row.sha256) {
      await Deno.rename(part, `${path}.wrong`);
      throw wrongContent(row, actual, `${path}.wrong`);
    }
    await Deno.chmod(part, 0o644);
    await Deno.rename(part, path);
  } finally {
    await Deno.remove(part).catch(() => {});
  }
}

async function openUrl(
  url: string,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (cause) {
    throw new KrunnerError(reasonOf(cause), { cause });
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new KrunnerError(
      `the server answers ${response.status} ${response.statusText}`,
    );
  }
  return response.body;
}

/** The innermost cause of a failed fetch says it shortest. */
function reasonOf(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) {
    inner = inner.cause;
  }
  return inner instanceof Error ? inner.message : String(inner);
}

/** Aborts its signal when nothing has come for a time, or another signal says so. */
class Watchdog implements Disposable {
  readonly #controller = new AbortController();
  readonly #timeout: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly signal: AbortSignal;

  constructor(timeout: number, outer: AbortSignal | undefined) {
    this.#timeout = timeout;
    this.signal = outer === undefined
      ? this.#controller.signal
      : AbortSignal.any([outer, this.#controller.signal]);
  }

  start(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () =>
        this.#controller.abort(
          new KrunnerError(`no byte for ${this.#timeout / 1000} s`),
        ),
      this.#timeout,
    );
  }

  touch(): void {
    if (this.#timer !== undefined) this.start();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
