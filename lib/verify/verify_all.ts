/**
 * Judges several volumes, one after the other: each has all processors.
 *
 * @module
 */

import { CancelledError, describeError } from "../errors.ts";
import {
  findSubjects,
  type Place,
  requireArchive,
  type Subject,
} from "./subjects.ts";
import { readSurroundings, type Surroundings } from "./surroundings.ts";
import type { Extraction } from "./containers.ts";
import { type Verdict, verifyVolume } from "./verify_volume.ts";

/** Which volumes are judged, and how. */
export interface VerifyAllOptions extends Place {
  /** Distro versions and paths of archives. */
  readonly words: readonly string[];
  /** Whether to take all distro versions of the package directories. */
  readonly all: boolean;
}

/** What judging takes from the system around it. */
export interface VerifyHost {
  /** Cancels everything. */
  readonly signal: AbortSignal;
  /** Starts the checks in containers for one volume; none where it is absent. */
  readonly openContainers?:
    | ((
      archive: string,
      surroundings: Surroundings,
    ) => Promise<Extraction>)
    | undefined;
  /** Gets each outcome as soon as it is there. */
  readonly onOutcome: (outcome: Outcome) => void;
}

/** A verdict, or why there is none. */
export type Outcome =
  | { readonly verdict: Verdict }
  | {
    /** The archive's path. */
    readonly archive: string;
    /** One message for a person. */
    readonly failure: string;
  };

/**
 * Judges all volumes that the options name. One that cannot be judged does not
 * stop the others.
 *
 * @throws {UsageError} If a name is unknown.
 * @throws {KrunnerError} If a package directory cannot be opened.
 * @throws {CancelledError} If the host's signal was aborted.
 */
export async function verifyAll(
  options: VerifyAllOptions,
  host: VerifyHost,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const subject of await findSubjects(options.words, options, options)) {
    const outcome = await verifyOne(subject, host);
    host.onOutcome(outcome);
    outcomes.push(outcome);
  }
  return outcomes;
}

async function verifyOne(
  subject: Subject,
  { signal, openContainers }: VerifyHost,
): Promise<Outcome> {
  const { archive, target } = subject;
  try {
    await requireArchive(subject);
    const surroundings = await readSurroundings(archive, target !== undefined);
    const verdict = await verifyVolume({
      archive,
      surroundings,
      signal,
      openContainers: openContainers === undefined
        ? undefined
        : () => openContainers(archive, surroundings),
    });
    return { verdict };
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    return { archive, failure: describeError(error).message };
  }
}
