/**
 * Whether a source can be had, without fetching it.
 *
 * @module
 */

import type { SourceRow } from "./sources.ts";

/** Where {@linkcode canHaveSource} looks. */
export interface SourceReach {
  /** The cache of downloads. */
  readonly cache: string;
  /** A folder of the user's with all sources: nothing is downloaded then. */
  readonly sources?: string | undefined;
  /** Ends the question. */
  readonly signal: AbortSignal;
}

/** Milliseconds that an origin has for its answer. */
const TIME_LIMIT = 10_000;

/**
 * Whether the file of a row is there, or an origin answers that it has it. What is
 * in it is seen when it is taken.
 */
export async function canHaveSource(
  row: SourceRow,
  { cache, sources, signal }: SourceReach,
): Promise<boolean> {
  if (await isFile(`${sources ?? cache}/${row.file}`)) return true;
  if (sources !== undefined) return false;
  for (const origin of row.origins) {
    // Only apt in a container of the base image can tell; it is tried then.
    if (!("url" in origin) || await answers(origin.url, signal)) return true;
  }
  return false;
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}

async function answers(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await askForHead(url, signal, TIME_LIMIT)).status < 400;
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  }
}

/**
 * What an origin answers when it is asked for a file's head alone. A redirection is
 * not followed: that it leads on is answer enough.
 *
 * @param limit Milliseconds that it has for that.
 * @throws What `fetch` throws; the signal's reason if it was aborted.
 */
export async function askForHead(
  url: string,
  signal: AbortSignal,
  limit: number,
): Promise<Response> {
  const response = await fetch(url, {
    method: "HEAD",
    redirect: "manual",
    signal: AbortSignal.any([signal, AbortSignal.timeout(limit)]),
  });
  await response.body?.cancel();
  return response;
}
