/**
 * `krunner.json`: what a package directory knows about its distro versions
 * beside their dockerfiles. It is optional; a family is data, not code.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";
import { readOptional } from "./read_optional.ts";

/** How to make a base image without a registry. */
export interface Bootstrap {
  /** The suite that debootstrap is given, e.g. `bookworm`. */
  readonly suite: string;
  /** The components of the archive; debootstrap takes `main` where none is named. */
  readonly components?: readonly string[];
  /** Further suites of the same mirror that the image's apt gets, e.g. updates. */
  readonly extraSuites?: readonly string[];
  /** debootstrap's script for the suite, where its own has none, e.g. `sid`. */
  readonly script?: string;
  /** A keyring file, where the host's default does not know the archive's keys. */
  readonly keyring?: string;
}

/** What is known about one distro version. */
export interface DistroData {
  /** The base image that `ARG BASE_IMAGE` of the dockerfiles gets. */
  readonly base?: string;
  /** How to make that base image where no registry has it. */
  readonly bootstrap?: Bootstrap;
  /** Build arguments for the stages that declare them. */
  readonly args: Readonly<Record<string, string>>;
  /**
   * More build arguments, by way to build, in the order to try: the first whose
   * sources can be had is taken, and the last where none can.
   */
  readonly alternatives?: readonly Readonly<Record<string, string>>[];
}

/** The file's name. */
export const PACKAGE_DATA = "krunner.json";

const NO_DATA: DistroData = { args: {} };

/**
 * Reads `krunner.json` of a package directory; `{}` where there is none.
 *
 * @throws {KrunnerError} If it is not JSON, or a value is not what it must be.
 */
export async function readPackageData(
  dir: string,
): Promise<Record<string, DistroData>> {
  const file = `${dir}/${PACKAGE_DATA}`;
  const text = await readOptional(file);
  return text === undefined ? {} : parsePackageData(text, file);
}

/** The data of one distro version, empty where there is none. */
export function dataOf(
  data: Record<string, DistroData>,
  distroVersion: string,
): DistroData {
  return Object.hasOwn(data, distroVersion) ? data[distroVersion]! : NO_DATA;
}

/**
 * Parses the text of a `krunner.json`; `file` is for messages.
 *
 * @throws {KrunnerError} As {@linkcode readPackageData}.
 */
export function parsePackageData(
  text: string,
  file: string,
): Record<string, DistroData> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new KrunnerError(
      `Cannot read "${file}": it is not JSON (${(cause as Error).message})`,
      { cause },
    );
  }
  return mapObject(
    json,
    file,
    (value, where) => parseDistroData(value, where),
  );
}

function parseDistroData(json: unknown, where: string): DistroData {
  const { base, bootstrap, args, alternatives, ...others } = asObject(
    json,
    where,
  );
  rejectOthers(others, where);
  return {
    args: args === undefined ? {} : mapObject(args, `${where}.args`, asString),
    ...alternatives === undefined ? {} : {
      alternatives: parseAlternatives(alternatives, `${where}.alternatives`),
    },
    ...base === undefined ? {} : { base: asString(base, `${where}.base`) },
    ...bootstrap === undefined
      ? {}
      : { bootstrap: parseBootstrap(bootstrap, `${where}.bootstrap`) },
  };
}

function parseAlternatives(
  json: unknown,
  where: string,
): Record<string, string>[] {
  if (!Array.isArray(json) || json.length === 0) {
    throw new KrunnerError(
      `Cannot use "${where}": it is ${
        JSON.stringify(json)
      }, not a list of build arguments by name`,
    );
  }
  return json.map((args, index) =>
    mapObject(args, `${where}[${index}]`, asString)
  );
}

function parseBootstrap(json: unknown, where: string): Bootstrap {
  const { suite, components, extraSuites, script, keyring, ...others } =
    asObject(json, where);
  rejectOthers(others, where);
  return {
    suite: asWord(suite, `${where}.suite`),
    ...components === undefined
      ? {}
      : { components: asWords(components, `${where}.components`) },
    ...extraSuites === undefined
      ? {}
      : { extraSuites: asWords(extraSuites, `${where}.extraSuites`) },
    ...script === undefined
      ? {}
      : { script: asString(script, `${where}.script`) },
    ...keyring === undefined
      ? {}
      : { keyring: asString(keyring, `${where}.keyring`) },
  };
}

/** The name of a suite or component: debootstrap and apt would misread others. */
function asWord(json: unknown, where: string): string {
  const text = asString(json, where);
  if (/^[A-Za-z\d][\w.+/-]*$/.test(text)) return text;
  throw new KrunnerError(
    `Cannot use "${where}": it is "${text}", not the name of a suite or component`,
  );
}

function asWords(json: unknown, where: string): string[] {
  if (!Array.isArray(json) || json.length === 0) {
    throw new KrunnerError(
      `Cannot use "${where}": it is ${
        JSON.stringify(json)
      }, not a list of one or more names`,
    );
  }
  return json.map((item, index) => asWord(item, `${where}[${index}]`));
}

/** @throws {KrunnerError} If a value is no object; `where` says which one. */
export function asObject(
  json: unknown,
  where: string,
): Record<string, unknown> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new KrunnerError(
      `Cannot use "${where}": it is ${JSON.stringify(json)}, not an object`,
    );
  }
  return json as Record<string, unknown>;
}

/** @throws {KrunnerError} If a value is no text, or an empty one. */
export function asString(json: unknown, where: string): string {
  if (typeof json !== "string" || json === "") {
    throw new KrunnerError(
      `Cannot use "${where}": it is ${
        JSON.stringify(json)
      }, not a string of one or more characters`,
    );
  }
  return json;
}

function mapObject<T>(
  json: unknown,
  where: string,
  parse: (value: unknown, where: string) => T,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(asObject(json, where)).map((
      [key, value],
    ) => [key, parse(value, `${where}: ${key}`)]),
  );
}

function rejectOthers(others: Record<string, unknown>, where: string): void {
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new KrunnerError(
      `Cannot use "${where}": it has an unknown key "${other}"; remove it or correct its spelling`,
    );
  }
}
