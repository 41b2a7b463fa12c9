/**
 * `collected.json`: what a collected folder holds for which distro version, and
 * what that was made from.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import type { Inputs } from "../inputs.ts";
import { type Stage, STAGES } from "../package_dir.ts";

/** The index's name in a collected folder. */
export const INDEX_FILE = "collected.json";

/** An image in a collected folder, as a build finds it. */
export interface CollectedImage {
  /** The path of the archive that holds it: what the engine saved, packed by xz. */
  readonly archive: string;
  /** SHA-256 of the archive, lower-case hex. */
  readonly sha256: string;
  /** The image's name in the archive, which no other image has. */
  readonly name: string;
  /** The id in the engine that saved it: `sha256:…` of its configuration. */
  readonly id: string;
}

/** An image of the index. */
export interface ImageEntry {
  /** Its name in the archive. */
  readonly name: string;
  /** Its id in the engine that saved it. */
  readonly id: string;
}

/** A stage's image, or its wheels, with what they were made from. */
export interface StageEntry extends ImageEntry {
  /** The inputs of the stage and of all stages below it. */
  readonly inputs: Inputs;
}

/** What a folder holds for one distro version and arch. */
export interface CollectedEntry {
  /** The distro version, e.g. `debian12`. */
  readonly distroVersion: string;
  /** The arch as Python's `platform.machine()` says it on Linux. */
  readonly arch: string;
  /** Names of the source files. */
  readonly sources: readonly string[];
  /** The base image and the name that it was asked for by. */
  readonly base?: ImageEntry & { readonly reference: string };
  /** Images that stand in for building a stage. */
  readonly stages: Readonly<Partial<Record<Stage, StageEntry>>>;
  /** Images that dockerfiles name and no stage makes, by that name. */
  readonly others: Readonly<Record<string, ImageEntry>>;
  /** What the wheels stage made; absent where there is none. */
  readonly wheels?: {
    /** Names of the wheels. */
    readonly files: readonly string[];
    /** The inputs of the wheels stage and of all stages below it. */
    readonly inputs: Inputs;
  };
}

/** The index by {@linkcode entryKey}. */
export type CollectedIndex = Readonly<Record<string, CollectedEntry>>;

/** The key of an entry, which is part of its files' names too. */
export function entryKey(
  { distroVersion, arch }: Pick<CollectedEntry, "distroVersion" | "arch">,
): string {
  return `${distroVersion}.${arch}`;
}

/** The archive of an entry's images, relative to the folder. */
export function archiveFile(entry: CollectedEntry): string {
  return `images/${entryKey(entry)}.tar.xz`;
}

/** The folder of an entry's wheels, relative to the collected one. */
export function wheelFolder(
  entry: Pick<CollectedEntry, "distroVersion" | "arch">,
): string {
  return `wheelhouse/${entryKey(entry)}`;
}

/** All images of an entry. */
export function imagesOf({ base, stages, others }: CollectedEntry) {
  return [
    ...base === undefined ? [] : [base],
    ...Object.values(stages),
    ...Object.values(others),
  ];
}

/** All files of an entry, relative to the folder. */
export function filesOf(entry: CollectedEntry): string[] {
  const wheels = entry.wheels?.files ?? [];
  return [
    ...entry.sources,
    ...imagesOf(entry).length === 0 ? [] : [archiveFile(entry)],
    ...wheels.map((name) => `${wheelFolder(entry)}/${name}`),
  ];
}

/** The text of an index, as it is written to disk: sorted, so that it differs only where the entries do. */
export function formatIndex(index: CollectedIndex): string {
  const collected = Object.fromEntries(Object.entries(index).sort());
  return `${JSON.stringify({ schema: 1, collected }, null, 2)}\n`;
}

/**
 * Parses an index; `file` is for messages.
 *
 * @throws {KrunnerError} If it is not JSON, of another schema, or not made by
 * {@linkcode formatIndex}.
 */
export function parseIndex(text: string, file: string): CollectedIndex {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new KrunnerError(
      `Cannot read "${file}": it is not JSON; copy the folder again, or collect it again with "sources.ts"`,
      { cause },
    );
  }
  if (!isIndex(json)) {
    throw new KrunnerError(
      `Cannot read "${file}": it is not an index of schema 1; collect the folder again with this version's "sources.ts"`,
    );
  }
  return json.collected;
}

function isIndex(json: unknown): json is { collected: CollectedIndex } {
  return isRecord(json) && json.schema === 1 && isRecord(json.collected) &&
    Object.entries(json.collected).every(([key, entry]) =>
      isEntry(entry) && entryKey(entry) === key
    );
}

function isEntry(json: unknown): json is CollectedEntry {
  if (!isRecord(json) || !isRecord(json.stages) || !isRecord(json.others)) {
    return false;
  }
  const { distroVersion, arch, sources, base, stages, others, wheels } = json;
  return [distroVersion, arch].every(isFileName) &&
    Array.isArray(sources) && sources.every(isFileName) &&
    (base === undefined ||
      isImage(base) && typeof base.reference === "string") &&
    Object.entries(stages).every(([name, stage]) =>
      STAGES.some((known) => known === name) && isImage(stage) &&
      isInputs(stage.inputs)
    ) &&
    Object.values(others).every(isImage) &&
    (wheels === undefined ||
      isRecord(wheels) && isInputs(wheels.inputs) &&
        Array.isArray(wheels.files) && wheels.files.every(isFileName));
}

function isImage(json: unknown): json is Record<string, unknown> {
  return isRecord(json) && typeof json.name === "string" &&
    typeof json.id === "string";
}

function isInputs(json: unknown): boolean {
  return isRecord(json) && isRecord(json.files) && isRecord(json.sources) &&
    isRecord(json.args);
}

/** No name of the index leads out of the folder. */
function isFileName(json: unknown): json is string {
  return typeof json === "string" && /^[^/\\\n]+$/.test(json) &&
    !json.startsWith(".");
}

function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
