/**
 * The `[project]` table of a `pyproject.toml`.
 *
 * Source: the Python packaging specification "pyproject.toml", and PEP 639 for
 * `license` and `license-files`.
 *
 * @module
 */

import { parse } from "@std/toml/parse";
import { KrunnerError } from "../errors.ts";
import { asObject, asString } from "../package_data.ts";
import {
  type Declared,
  defined,
  type Person,
  type Readme,
} from "./declared.ts";

type Table = Record<string, unknown>;

function asStrings(value: unknown, where: string): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    throw new KrunnerError(
      `Cannot use "${where}": it is ${JSON.stringify(value)}, not a list`,
    );
  }
  return value.map((item, index) => asString(item, `${where}[${index}]`));
}

function asPeople(value: unknown, where: string): Person[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    throw new KrunnerError(
      `Cannot use "${where}": it is ${JSON.stringify(value)}, not a list`,
    );
  }
  return value.map((item, index) => {
    const at = `${where}[${index}]`;
    const { name, email } = asObject(item, at);
    return defined({
      name: asOptional(name, `${at}.name`),
      email: asOptional(email, `${at}.email`),
    });
  });
}

function asOptional(value: unknown, where: string): string | undefined {
  return value === undefined ? undefined : asString(value, where);
}

function asReadme(value: unknown, where: string): Readme | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string") return { file: asString(value, where) };
  const { file, text, "content-type": type } = asObject(value, where);
  const contentType = defined({
    contentType: asOptional(type, `${where}.content-type`),
  });
  return file === undefined
    ? { text: asString(text, `${where}.text`), ...contentType }
    : { file: asString(file, `${where}.file`), ...contentType };
}

/** Licence and licence files, of this specification and of the one before. */
function asLicence(
  { license, "license-files": files }: Table,
  where: string,
): Pick<Declared, "licence" | "licenceFiles"> {
  const at = `${where}.license`;
  const table = typeof license === "object" ? asObject(license, at) : undefined;
  const words = table === undefined ? license : table.text;
  const patterns = Array.isArray(files) || files === undefined
    ? files
    : asObject(files, `${where}.license-files`);
  const listed = patterns === undefined
    ? table?.file === undefined ? undefined : [table.file]
    : Array.isArray(patterns)
    ? patterns
    : patterns.globs ?? patterns.paths;
  return defined({
    licence: asOptional(words, at),
    licenceFiles: listed === undefined
      ? undefined
      : asStrings(listed, `${where}.license-files`),
  });
}

/**
 * Reads the text of a `pyproject.toml`; `file` is for messages.
 *
 * @returns `undefined` where it has no `[project]`: it may only name a builder.
 * @throws {KrunnerError} If it is not TOML, or a value is not what it must be.
 */
export function parsePyproject(
  text: string,
  file: string,
): Declared | undefined {
  let toml: Table;
  try {
    toml = parse(text);
  } catch (cause) {
    throw new KrunnerError(
      `Cannot read "${file}": it is not TOML (${(cause as Error).message})`,
      { cause },
    );
  }
  if (toml.project === undefined) return undefined;
  const where = `${file}: project`;
  const project = asObject(toml.project, where);
  const optional = (key: string) => asOptional(project[key], `${where}.${key}`);
  const list = (key: string) => asStrings(project[key], `${where}.${key}`);
  const urls = asObject(project.urls ?? {}, `${where}.urls`);
  return {
    ...defined({
      name: optional("name"),
      version: optional("version"),
      description: optional("description"),
      requiresPython: optional("requires-python"),
      readme: asReadme(project.readme, `${where}.readme`),
    }),
    ...asLicence(project, where),
    authors: asPeople(project.authors, `${where}.authors`),
    maintainers: asPeople(project.maintainers, `${where}.maintainers`),
    urls: Object.fromEntries(
      Object.entries(urls).map(([label, url]) =>
        [label, asString(url, `${where}.urls.${label}`)] as const
      ),
    ),
    classifiers: list("classifiers"),
    keywords: list("keywords"),
    dependencies: list("dependencies"),
  };
}
