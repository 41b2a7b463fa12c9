/**
 * The one time stamp of an archive's entries.
 *
 * @module
 */

import { KrunnerError, UsageError } from "./errors.ts";
import { capture } from "./process.ts";
import { RELEASE_FILES } from "./released.ts";
import { unpackedTime } from "./unpack.ts";

/** The largest time that a tar header's eleven octal digits hold. */
const LATEST = 0o77777777777;

/**
 * Seconds since 1970: `SOURCE_DATE_EPOCH` (see reproducible-builds.org) where it is
 * set, else the time of the last commit that touched the package directory, else
 * what the program that unpacked it there knows of that, else 0. A commit of what a
 * release writes there does not count.
 *
 * @param epoch What {@linkcode parseEpoch} found.
 * @param onNotice Gets a line where git does not tell the time of a checkout.
 */
export async function archiveTime(
  epoch: number | undefined,
  dir: string,
  onNotice: (line: string) => void,
): Promise<number> {
  return epoch ?? await commitTime(dir, onNotice) ?? await unpackedTime(dir) ??
    0;
}

/**
 * The seconds of a `SOURCE_DATE_EPOCH`, `undefined` where it is not set, or empty.
 *
 * @throws {UsageError} If `epoch` is not a whole number of seconds.
 */
export function parseEpoch(epoch: string | undefined): number | undefined {
  if (epoch === undefined || epoch === "") return undefined;
  const seconds = Number(epoch);
  if (!/^\d+$/.test(epoch) || seconds > LATEST) {
    throw new UsageError(
      `Cannot use SOURCE_DATE_EPOCH "${epoch}": it is not a whole number of seconds since 1970; correct or unset it`,
    );
  }
  return seconds;
}

/** What git says where there is no commit to have a time. */
const NO_COMMIT = /not a git repository|does not have any commits yet/;

/** `undefined` outside a checkout, and on hosts without git. */
async function commitTime(
  dir: string,
  onNotice: (line: string) => void,
): Promise<number | undefined> {
  try {
    const { code, stdout, stderr } = await capture(
      [
        ...["git", "log", "-1", "--format=%ct", "--", "."],
        // A build of the tag's commit must be that of the release.
        ...RELEASE_FILES.map((name) => `:(exclude)${name}`),
      ],
      { cwd: dir, env: { LC_ALL: "C" } },
    );
    if (code !== 0 && !NO_COMMIT.test(stderr)) {
      const [reason] = stderr.trim().split("\n", 1);
      onNotice(
        `The time of the last commit of "${dir}" is not known (git: ${reason}): the time stamp is another than elsewhere; mend that, or set SOURCE_DATE_EPOCH`,
      );
    }
    const seconds = stdout.trim();
    return code === 0 && /^\d+$/.test(seconds) ? Number(seconds) : undefined;
  } catch (error) {
    if (error instanceof KrunnerError) return undefined;
    throw error;
  }
}
