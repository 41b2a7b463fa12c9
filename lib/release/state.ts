/**
 * How far a release has come, on disk: what `--resume` goes by.
 *
 * @module
 */

import { commitFiles } from "../commit_files.ts";
import { KrunnerError } from "../errors.ts";
import { makeFolder } from "../make_folder.ts";
import { readOptional } from "../read_optional.ts";
import type { ReleasedFile } from "../released.ts";

/** The steps of a release, in order. */
export const STEPS = [
  "build",
  "verify",
  "wheels",
  "check",
  "upload",
  "read back",
  "record",
  "commit",
  "tag",
] as const;

/** A step of a release. */
export type Step = typeof STEPS[number];

/** What must stay the same from the first run to the last. */
export interface ReleaseSettings {
  readonly family: string;
  /** The package directory, without links. */
  readonly dir: string;
  /** The project's name. */
  readonly project: string;
  /** The package version, as PEP 440 writes it. */
  readonly version: string;
  /** The Git tag. */
  readonly tag: string;
  readonly branch: string;
  /** The commit that is built. */
  readonly commit: string;
  /** The arches that are released. */
  readonly arches: readonly string[];
  /** The folder of wheels and sdist, without links. */
  readonly out: string;
  /** Where uploads go to; `null` where there is none. */
  readonly repository: string | null;
}

/** A file of the release that was made. */
export interface MadeFile extends ReleasedFile {
  readonly path: string;
}

/** How far a release has come. */
export interface ReleaseState {
  /** The version of this format. */
  readonly schema: 1;
  readonly settings: ReleaseSettings;
  /** The day that the release began on: `2026-11-25`. */
  readonly date: string;
  /** Steps that are finished. */
  readonly done: readonly Step[];
  /** The files, once they are made. */
  readonly files: readonly MadeFile[];
  /** Uploads by file name: one that only began may have come through. */
  readonly uploads: Readonly<Record<string, "began" | "done">>;
}

/** A release that has done nothing yet. */
export function newState(
  settings: ReleaseSettings,
  date: string,
): ReleaseState {
  return { schema: 1, settings, date, done: [], files: [], uploads: {} };
}

/**
 * Reads the state of an unfinished release; `undefined` where there is none.
 *
 * @throws {KrunnerError} If the file is there and is no state.
 */
export async function readState(
  path: string,
): Promise<ReleaseState | undefined> {
  const text = await readOptional(path);
  if (text === undefined) return undefined;
  try {
    const state: unknown = JSON.parse(text);
    if (isState(state)) return state;
  } catch {
    // Said below.
  }
  throw new KrunnerError(
    `Cannot read "${path}": it is not the state of a release; see what is uploaded, then remove the file`,
  );
}

function isState(json: unknown): json is ReleaseState {
  const { schema, settings, date, done, files, uploads } =
    (json ?? {}) as Partial<ReleaseState>;
  return schema === 1 && typeof date === "string" &&
    Array.isArray(done) && Array.isArray(files) &&
    typeof uploads === "object" && uploads !== null &&
    ([settings?.project, settings?.version, settings?.commit, settings?.out]
      .every((it) => typeof it === "string")) &&
    Array.isArray(settings?.arches);
}

/** Writes the state, so that it is on the disk whatever comes then. */
export async function writeState(
  path: string,
  state: ReleaseState,
): Promise<void> {
  await makeFolder(path.slice(0, path.lastIndexOf("/")));
  const content = `${JSON.stringify(state, null, 2)}\n`;
  await commitFiles([{ path, content }]);
}

/** The step that comes next; `undefined` where all are done. */
export function nextStep({ done }: ReleaseState): Step | undefined {
  return STEPS.find((step) => !done.includes(step));
}

/**
 * Whether a release left something behind: a step that is done. Without, whatever
 * it was going to be, the next one begins at the same place.
 */
export function hasBegun({ done }: ReleaseState): boolean {
  return done.length > 0;
}

/** Names of the files that are, or may be, on the index. */
export function uploaded({ uploads }: ReleaseState): string[] {
  return Object.keys(uploads);
}

/**
 * Sees that a run goes on with the release that was begun.
 *
 * @param isOwnCommit Whether what is checked out is the commit that the release
 * itself made.
 * @throws {KrunnerError} If something else is to be released now.
 */
export function requireSame(
  { settings: begun }: ReleaseState,
  now: ReleaseSettings,
  path: string,
  isOwnCommit: boolean,
): void {
  const keys = Object.keys(begun) as (keyof ReleaseSettings)[];
  const changed = keys.filter((key) =>
    String(begun[key]) !== String(now[key]) &&
    !(key === "commit" && isOwnCommit)
  );
  const [key] = changed;
  if (key === undefined) return;
  throw new KrunnerError(
    `Cannot go on with the release of ${begun.project} ${begun.version}: ${key} was ${
      show(begun[key])
    }, and is ${
      show(now[key])
    } now; bring the old one back, or remove "${path}" to begin anew`,
  );
}

function show(value: string | readonly string[] | null): string {
  return value === null ? "none (no upload)" : `"${value}"`;
}

/** Why a release cannot begin while another one is unfinished. */
export function unfinishedMessage(
  state: ReleaseState,
  path: string,
): string {
  const { project, version } = state.settings;
  const up = uploaded(state);
  return `Cannot begin a release: that of ${project} ${version} is unfinished, next is "${
    nextStep(state) ?? "the end"
  }"; go on with "--resume", or remove "${path}" to begin anew${
    up.length === 0 ? "" : ` (it began to upload ${up.join(", ")})`
  }`;
}
