/**
 * One try at a download: goes on with the part that an earlier one left, and ends
 * when the server falls silent.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";
import type { PartFile } from "./part_file.ts";
import { withoutCredentials } from "./sources.ts";

/** An origin that did not give what was asked for. */
export class DownloadError extends KrunnerError {
  override readonly name = "DownloadError";
  /** Whether another try may go better. */
  readonly mayPass: boolean;
  /** Milliseconds for which the server asks to be left alone. */
  readonly retryAfter: number;

  /** @param message Why, as the end of a sentence that names the origin. */
  constructor(
    message: string,
    options: ErrorOptions & { mayPass?: boolean; retryAfter?: number } = {},
  ) {
    super(message, options);
    this.mayPass = options.mayPass ?? false;
    this.retryAfter = options.retryAfter ?? 0;
  }
}

/** What is wanted, and for how long it is waited for. */
export interface DownloadOptions {
  /** Bytes of the whole file, if they are known: not many more are read then. */
  readonly size?: number | undefined;
  /** Milliseconds without a byte after which the try ends. */
  readonly stallTimeout: number;
  /** Ends the try. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Downloads a URL into a part file, from where that ends.
 *
 * @returns Whether it went on with what was there: that may be of another file,
 * which only the hash of the whole tells.
 * @throws {DownloadError} If the server refuses or ends too early. The part has
 * all that came.
 * @throws {KrunnerError} If the part cannot be written.
 * @throws The signal's reason, if that was aborted.
 */
export async function downloadUrl(
  url: string,
  part: PartFile,
  options: DownloadOptions,
): Promise<boolean> {
  using watchdog = new Watchdog(options.stallTimeout, options.signal);
  try {
    return await receive(url, part, options.size, watchdog);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  }
}

async function receive(
  url: string,
  part: PartFile,
  size: number | undefined,
  watchdog: Watchdog,
): Promise<boolean> {
  const name = withoutCredentials(url);
  const start = part.size;
  const response = await request(
    url,
    start === 0 ? {} : await rangeHeaders(name, part),
    watchdog.signal,
  );
  const goesOn = response.status === 206 && start > 0 &&
    isRest(response.headers.get("content-range"), start, size);
  if (start > 0 && !goesOn && [206, 416].includes(response.status)) {
    // What the server has does not go on where the part ends.
    await response.body?.cancel();
    await part.restart();
    return await receive(url, part, size, watchdog);
  }
  if (!goesOn) {
    await rejectStatus(response);
    await part.restart();
    const validator = validatorIn(response.headers);
    if (validator !== undefined) await part.note(name, validator);
  }
  for await (const chunk of chunksOf(response, part, size)) {
    watchdog.touch();
    await part.append(chunk);
    if (part.size > (size ?? Infinity)) return goesOn;
  }
  if (part.size < (size ?? 0) && !response.headers.has("content-length")) {
    throw new DownloadError(
      `the connection ended after ${part.size} of ${size} bytes`,
      { mayPass: true },
    );
  }
  return goesOn;
}

async function rangeHeaders(
  url: string,
  part: PartFile,
): Promise<Record<string, string>> {
  const validator = await part.validatorOf(url);
  return {
    range: `bytes=${part.size}-`,
    ...validator === undefined ? {} : { "if-range": validator },
  };
}

/** Whether a `Content-Range` is from `start` to the end of a file of `size` bytes. */
function isRest(
  range: string | null,
  start: number,
  size: number | undefined,
): boolean {
  const [, from, last, total] =
    /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range ?? "") ?? [];
  const end = Number(last) + 1;
  return Number(from) === start && (total === "*" || Number(total) === end) &&
    (size === undefined || size === end);
}

/** A weak `ETag` says nothing about single bytes (RFC 9110, 13.1.5). */
function validatorIn(headers: Headers): string | undefined {
  const etag = headers.get("etag");
  return etag !== null && !etag.startsWith("W/")
    ? etag
    : headers.get("last-modified") ?? undefined;
}

async function request(
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await fetch(url, {
      // The bytes of the file, not of what it could be packed into on the way.
      headers: { "accept-encoding": "identity", ...headers },
      signal,
    });
  } catch (cause) {
    throw failedTry(cause);
  }
}

async function* chunksOf(
  { body }: Response,
  part: PartFile,
  size: number | undefined,
): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  try {
    yield* body;
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new DownloadError(
      `the connection broke after ${part.size}${
        size === undefined ? "" : ` of ${size}`
      } bytes`,
      { cause, mayPass: true },
    );
  }
}

/** Milliseconds that a server's wish for a pause is heeded. */
const LONGEST_PAUSE = 60_000;

/** @throws {DownloadError} If the server did not answer 200. */
async function rejectStatus(response: Response): Promise<void> {
  const { status, statusText, headers } = response;
  if (status === 200) return;
  await response.body?.cancel();
  const retryAfter = readRetryAfter(headers) ?? 0;
  const answer = `the server answers ${status} ${statusText}`.trimEnd();
  if (retryAfter > LONGEST_PAUSE) {
    throw new DownloadError(
      `${answer}, and not to come back for ${retryAfter / 1000} s`,
    );
  }
  throw new DownloadError(answer, {
    mayPass: status >= 500 || [408, 425, 429].includes(status),
    retryAfter,
  });
}

/**
 * Milliseconds that `Retry-After` asks for: as seconds, or as a time by the
 * server's own clock. `undefined` where it says nothing that can be read.
 */
export function readRetryAfter(headers: Headers): number | undefined {
  const text = headers.get("retry-after") ?? "";
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  if (!text.endsWith(" GMT")) return undefined;
  const wait = Date.parse(text) - Date.parse(headers.get("date") ?? "");
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** Words of failures that the next try meets again. */
const LASTING = /dns error(?!.*Temporary failure)|certificate|corrupt message/s;

/** Why nothing came of a request. */
function failedTry(cause: unknown): unknown {
  if (cause instanceof Deno.errors.NotCapable) {
    const host = /"(.*)"/.exec(cause.message)?.[1] ?? "";
    return new DownloadError(
      `Deno was not given the permission to reach "${host}"; add "--allow-net=${host}" or "-A"`,
      { cause },
    );
  }
  if (!(cause instanceof TypeError)) return cause;
  const reason = withoutCredentials(reasonOf(cause));
  return new DownloadError(reason, {
    cause,
    // What Deno itself refuses, such as a bad URL, has no inner cause.
    mayPass: cause.cause !== undefined && !LASTING.test(reason),
  });
}

/** The innermost cause of a failed fetch says it shortest. */
export function reasonOf(error: Error): string {
  let inner = error;
  while (inner.cause instanceof Error) inner = inner.cause;
  // The origin is named already.
  return inner.message.replace(
    /^error sending request for url \(\S*\): (client error \(\w+\): )?/,
    "",
  );
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
    this.touch();
  }

  touch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () =>
        this.#controller.abort(
          new DownloadError(`no byte for ${this.#timeout / 1000} s`, {
            mayPass: true,
          }),
        ),
      this.#timeout,
    );
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
