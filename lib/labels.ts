/**
 * The volume version: a label of an env stage's dockerfile.
 *
 * @module
 */

import { levenshteinDistance } from "@std/text/levenshtein-distance";
import {
  type Instruction,
  parseDockerfile,
  parseFrom,
  textOffset,
} from "./dockerfile.ts";
import {
  type ExpandedWord,
  expandWord,
  splitWords,
} from "./dockerfile_words.ts";
import { KrunnerError } from "./errors.ts";

/** The image label that carries the volume version. */
export const VOLUME_VERSION_LABEL = "ai.backend.krunner.version";

/** Labels this near to the right one (upstream's `…vesrion` is 2) are slips. */
const MISSPELT_DISTANCE = 2;

/** One `key=value` of a LABEL instruction. */
interface Label {
  key: string;
  value: ExpandedWord;
  /** Offset in the file's text of each character of the value. */
  offsets: number[];
  /** The line that the instruction starts on. */
  line: number;
}

/** Where a key and its value stand in a LABEL instruction's arguments. */
interface RawPair {
  key: string;
  value: string;
  valueStart: number;
}

function splitPairs({ args, escape }: Instruction): RawPair[] {
  const words = splitWords(args, escape);
  // Legacy form, one label: LABEL key value with spaces
  if (!words[0]?.raw.includes("=")) {
    const [, key, value] = /^(\S+)\s+(.*)$/s.exec(args) ?? [];
    if (key === undefined || value === undefined) return [];
    return [{ key, value, valueStart: args.length - value.length }];
  }
  return words.flatMap(({ raw, start }) => {
    const equals = raw.indexOf("=");
    return equals < 0 ? [] : [{
      key: raw.slice(0, equals),
      value: raw.slice(equals + 1),
      valueStart: start + equals + 1,
    }];
  });
}

function readLabels(instruction: Instruction): Label[] {
  const { escape, line } = instruction;
  return splitPairs(instruction).map(({ key, value, valueStart }) => {
    const expanded = expandWord(value, escape);
    return {
      key: expandWord(key, escape).text,
      value: expanded,
      offsets: expanded.origins.map((origin) =>
        origin < 0 ? -1 : textOffset(instruction, valueStart + origin)
      ),
      line,
    };
  });
}

/** A build stage: what stands from one FROM to the next. */
interface BuildStage {
  /** What it is made from: an image, or an earlier stage's name. */
  parent: string;
  /** Its name, in lower case. */
  alias: string | undefined;
  labels: Label[];
}

function readStages(text: string, file: string): BuildStage[] {
  let stage: BuildStage = { parent: "", alias: undefined, labels: [] };
  const stages = [stage];
  for (const instruction of parseDockerfile(text, file).instructions) {
    // ONBUILD labels the images that are made from this one.
    if (instruction.onbuild) continue;
    if (instruction.keyword === "FROM") {
      const { image, alias } = parseFrom(instruction);
      stage = { parent: image.toLowerCase(), alias, labels: [] };
      stages.push(stage);
    } else if (instruction.keyword === "LABEL") {
      try {
        stage.labels.push(...readLabels(instruction));
      } catch (cause) {
        if (!(cause instanceof KrunnerError)) throw cause;
        throw new KrunnerError(
          `${cause.message} ("${file}", line ${instruction.line})`,
          { cause },
        );
      }
    }
  }
  return stages;
}

/** The labels of the final image: of its stage, and of the stages below it. */
function finalLabels(stages: readonly BuildStage[]): Label[] {
  const labels: Label[] = [];
  let at = stages.length - 1;
  for (let stage = stages[at]; stage !== undefined; stage = stages[at]) {
    labels.unshift(...stage.labels);
    const { parent } = stage;
    at = stages.findLastIndex(({ alias }, index) =>
      index < at && alias === parent
    );
  }
  return labels;
}

function isVolumeVersion({ key }: Label): boolean {
  return key === VOLUME_VERSION_LABEL;
}

function isMisspelt({ key }: Label): boolean {
  return key !== VOLUME_VERSION_LABEL &&
    levenshteinDistance(key.toLowerCase(), VOLUME_VERSION_LABEL) <=
      MISSPELT_DISTANCE;
}

function parseValue({ value, line }: Label, file: string): number {
  const where =
    `Cannot read the volume version in "${file}", line ${line}: label "${VOLUME_VERSION_LABEL}"`;
  const [variable] = value.variables;
  if (variable !== undefined) {
    throw new KrunnerError(
      `${where} takes its value from the variable "${variable}"; write the number itself, for bump.ts changes it there`,
    );
  }
  const version = Number(value.text);
  if (!/^[1-9]\d*$/.test(value.text) || !Number.isSafeInteger(version)) {
    throw new KrunnerError(
      `${where} is "${value.text}"; it must be a positive integer without leading zeros`,
    );
  }
  return version;
}

/** The labels with the volume version; there is one at least, and they agree. */
function volumeVersionLabels(
  text: string,
  file: string,
): { labels: Label[]; version: number } {
  const stages = readStages(text, file);
  const all = stages.flatMap((stage) => stage.labels);
  const misspelt = all.find(isMisspelt);
  if (misspelt !== undefined) {
    throw new KrunnerError(
      `Cannot read the volume version in "${file}", line ${misspelt.line}: label "${misspelt.key}" is misspelt; write "${VOLUME_VERSION_LABEL}"`,
    );
  }
  const labels = finalLabels(stages).filter(isVolumeVersion);
  const [first, ...others] = labels;
  if (first === undefined) {
    const elsewhere = all.find(isVolumeVersion);
    throw new KrunnerError(
      elsewhere === undefined
        ? `Cannot read the volume version in "${file}": it has no label "${VOLUME_VERSION_LABEL}"; add a line "LABEL ${VOLUME_VERSION_LABEL}=1"`
        : `Cannot read the volume version in "${file}", line ${elsewhere.line}: label "${VOLUME_VERSION_LABEL}" is in a build stage that the final image is not made from; move it below the last FROM`,
    );
  }
  const version = parseValue(first, file);
  for (const other of others) {
    const otherVersion = parseValue(other, file);
    if (otherVersion !== version) {
      throw new KrunnerError(
        `Cannot read the volume version in "${file}": label "${VOLUME_VERSION_LABEL}" is ${version} in line ${first.line} and ${otherVersion} in line ${other.line}; keep one of them`,
      );
    }
  }
  return { labels, version };
}

/**
 * Puts `value` in the place of single characters. It is set in from the right,
 * so that a value which a line continuation splits leaves no empty line.
 */
function replaceCharacters(
  text: string,
  offsets: readonly number[],
  value: string,
): string {
  let rest = value;
  let result = text;
  for (const [index, offset] of [...offsets.entries()].reverse()) {
    const part = index === 0 ? rest : rest.slice(-1);
    rest = rest.slice(0, -1);
    result = result.slice(0, offset) + part + result.slice(offset + 1);
  }
  return result;
}

function replaceValues(
  text: string,
  labels: readonly Label[],
  value: string,
): string {
  return [...labels]
    .sort((a, b) => (b.offsets[0] ?? 0) - (a.offsets[0] ?? 0))
    .reduce(
      (result, label) =>
        replaceCharacters(
          result,
          label.offsets.filter((offset) => offset >= 0),
          value,
        ),
      text,
    );
}

/**
 * The volume version in the text of an env stage's dockerfile.
 *
 * @param file Names the file in error messages.
 * @throws {KrunnerError} If the label is missing, misspelt, in a stage that does
 * not count, no positive integer, or there twice with different values.
 */
export function readVolumeVersion(text: string, file: string): number {
  return volumeVersionLabels(text, file).version;
}

/**
 * The text with another volume version; every other byte stays.
 *
 * @param file Names the file in error messages.
 * @throws {KrunnerError} As {@linkcode readVolumeVersion}.
 */
export function setVolumeVersion(
  text: string,
  file: string,
  version: number,
): string {
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new RangeError(`Volume version ${version} is no positive integer`);
  }
  const { labels } = volumeVersionLabels(text, file);
  return replaceValues(text, labels, String(version));
}

/**
 * The text with `*` for the volume version, whatever it is: two dockerfiles
 * that differ in nothing else become the same.
 */
export function maskVolumeVersion(text: string): string {
  const labels = finalLabels(readStages(text, "dockerfile"));
  return replaceValues(text, labels.filter(isVolumeVersion), "*");
}
