/**
 * Source lock files of users' own: `--lock FILE`, a JSON list of rows in the format
 * of `sources.json`.
 *
 * @module
 */

import { fileError, KrunnerError } from "./errors.ts";
import type { Origin, SourceRow } from "./sources.ts";

/**
 * Reads a lock file.
 *
 * @throws {KrunnerError} If it cannot be read, or a row is not what it must be.
 */
export async function readSourceLock(path: string): Promise<SourceRow[]> {
  const text = await Deno.readTextFile(path).catch((error) => {
    throw fileError("read", path, error);
  });
  return parseSourceLock(text, path);
}

/**
 * Parses the text of a lock file; `file` is for messages.
 *
 * @throws {KrunnerError} As {@linkcode readSourceLock}.
 */
export function parseSourceLock(text: string, file: string): SourceRow[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new KrunnerError(
      `Cannot read lock file "${file}": it is not JSON (${
        (cause as Error).message
      })`,
      { cause },
    );
  }
  if (!Array.isArray(json)) {
    throw new KrunnerError(
      `Cannot use lock file "${file}": it is no list; write rows as in sources.json between "[" and "]"`,
    );
  }
  const rows = json.map((row, index) =>
    parseRow(row, `row ${index + 1} of "${file}"`)
  );
  for (const [index, { name, version }] of rows.entries()) {
    if (findRow(rows.slice(0, index), name, version) !== undefined) {
      throw new KrunnerError(
        `Cannot use lock file "${file}": it has two rows for ${name} ${version}; remove one`,
      );
    }
  }
  return rows;
}

/** The first row of a name and version, `undefined` where there is none. */
export function findRow(
  rows: readonly SourceRow[],
  name: string,
  version: string,
): SourceRow | undefined {
  return rows.find((row) => row.name === name && row.version === version);
}

const KEYS = [
  "name",
  "version",
  "file",
  "sha256",
  "size",
  "licence",
  "origins",
];

/** Names of packages, versions and files: nothing that leads to another folder. */
const WORD = /^[A-Za-z0-9][\w.+~-]*$/;

function parseRow(json: unknown, where: string): SourceRow {
  const row = asObject(json, where, KEYS);
  const word = (key: string) => asMatch(row[key], WORD, `${where}, "${key}"`);
  const { size } = row;
  if (
    size !== undefined && (!Number.isSafeInteger(size) || Number(size) < 1)
  ) {
    fail(`${where}, "size"`, size, "a number of bytes");
  }
  const { origins } = row;
  if (!Array.isArray(origins)) {
    fail(`${where}, "origins"`, origins, "a list; it may be empty");
  }
  return {
    name: word("name"),
    version: word("version"),
    file: word("file"),
    sha256: asMatch(row.sha256, /^[0-9a-f]{64}$/, `${where}, "sha256"`),
    ...size === undefined ? {} : { size: Number(size) },
    licence: asMatch(row.licence, /\S/, `${where}, "licence"`),
    origins: origins.map((origin, index) =>
      parseOrigin(origin, `${where}, origin ${index + 1}`)
    ),
  };
}

function parseOrigin(json: unknown, where: string): Origin {
  const origin = asObject(json, where, [
    "url",
    "debianSource",
    "file",
    "suite",
  ]);
  const { url, suite } = origin;
  if (url !== undefined) {
    return { url: asMatch(url, /^https?:\/\/[^\s]+$/, `${where}, "url"`) };
  }
  return {
    debianSource: asMatch(
      origin.debianSource,
      WORD,
      `${where}, "url" or "debianSource"`,
    ),
    file: asMatch(origin.file, WORD, `${where}, "file"`),
    ...suite === undefined
      ? {}
      : { suite: asMatch(suite, WORD, `${where}, "suite"`) },
  };
}

function asObject(
  json: unknown,
  where: string,
  keys: readonly string[],
): Record<string, unknown> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return fail(where, json, "an object");
  }
  const stranger = Object.keys(json).find((key) => !keys.includes(key));
  if (stranger !== undefined) {
    throw new KrunnerError(
      `Cannot use ${where}: it has an unknown key "${stranger}"; known are ${
        keys.join(", ")
      }`,
    );
  }
  return json as Record<string, unknown>;
}

function asMatch(json: unknown, pattern: RegExp, where: string): string {
  return typeof json === "string" && pattern.test(json)
    ? json
    : fail(where, json, `a text that matches ${pattern.source}`);
}

function fail(where: string, json: unknown, wanted: string): never {
  throw new KrunnerError(
    `Cannot use ${where}: it is ${
      JSON.stringify(json) ?? "missing"
    }, not ${wanted}`,
  );
}
