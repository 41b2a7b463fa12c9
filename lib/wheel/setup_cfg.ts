/**
 * `setup.cfg` and `setup.py`, as far as they say something about the package.
 *
 * Sources: the manual of Python's `configparser`, and setuptools' "Configuring
 * setuptools using setup.cfg files".
 *
 * @module
 */

import { parseSections, type Section } from "../ini.ts";
import {
  type Declared,
  defined,
  NOTHING_DECLARED,
  type Person,
} from "./declared.ts";

function lines(value: string | undefined): string[] {
  return (value ?? "").split("\n").map((line) => line.trim())
    .filter((line) => line !== "");
}

function people(
  name: string | undefined,
  email: string | undefined,
): Person[] {
  return name === undefined && email === undefined
    ? []
    : [defined({ name, email })];
}

function urlsOf(section: Section): Record<string, string> {
  const homepage = section.get("url") ?? section.get("home_page");
  return {
    ...homepage === undefined ? {} : { Homepage: homepage },
    ...Object.fromEntries(
      lines(section.get("project_urls")).map((line) => {
        const [, label = "", url = ""] = /^([^=]*)=(.*)$/.exec(line) ?? [];
        return [label.trim(), url.trim()] as const;
      }),
    ),
  };
}

/** A value that stands there itself, not elsewhere (`attr: …`, `file: …`). */
function literal(value: string | undefined): string | undefined {
  return value === undefined || value === "" || /^(attr|file):/.test(value)
    ? undefined
    : value;
}

/**
 * Reads the text of a `setup.cfg`; `file` is for messages.
 *
 * @returns `undefined` where it has no `[metadata]`: it may only configure tools.
 * @throws {KrunnerError} If a line cannot be read.
 */
export function parseSetupCfg(
  text: string,
  file: string,
): Declared | undefined {
  const sections = parseSections(text, file);
  const metadata = sections.get("metadata");
  if (metadata === undefined) return undefined;
  const options = sections.get("options") ?? new Map<string, string>();
  const get = (key: string) => literal(metadata.get(key));
  const [, readme] = /^file:\s*([^,\s]+)/.exec(
    metadata.get("long_description") ?? "",
  ) ?? [];
  const contentType = defined({
    contentType: get("long_description_content_type"),
  });
  const patterns = metadata.get("license_files") ??
    metadata.get("license_file");
  const words = get("long_description");
  return {
    ...defined({
      name: get("name"),
      version: get("version"),
      description: get("description"),
      licence: get("license"),
      licenceFiles: patterns === undefined
        ? undefined
        : lines(patterns.replaceAll(",", "\n")),
      requiresPython: literal(options.get("python_requires")),
      readme: readme !== undefined
        ? { file: readme, ...contentType }
        : words === undefined
        ? undefined
        : { text: words, ...contentType },
    }),
    authors: people(get("author"), get("author_email")),
    maintainers: people(get("maintainer"), get("maintainer_email")),
    urls: urlsOf(metadata),
    classifiers: lines(metadata.get("classifiers")),
    keywords: lines((metadata.get("keywords") ?? "").replaceAll(",", "\n")),
    dependencies: lines(options.get("install_requires")),
  };
}

/** The literal texts in a piece of Python. None has a backslash. */
function literals(python: string): string[] {
  return [...python.matchAll(/(["'])([^"'\\\n]*)\1/g)].map(([, , text = ""]) =>
    text
  );
}

/**
 * Reads what the call of `setup()` in a `setup.py` is given literally. Python is
 * not run: what it would compute counts as not declared.
 *
 * @returns `undefined` where there is no such call.
 */
export function parseSetupPy(text: string): Declared | undefined {
  const start = /^(?:setuptools\.)?setup\(/m.exec(text);
  if (start === null) return undefined;
  const call = text.slice(start.index + start[0].length);
  const get = (key: string) => {
    const argument = new RegExp(
      String.raw`(?:^|[,\s])${key}\s*=\s*((["'])[^"'\\\n]*\2)\s*[,)]`,
    ).exec(call)?.[1];
    return argument === undefined ? undefined : literals(argument)[0];
  };
  const list = (key: string) =>
    literals(
      new RegExp(String.raw`(?:^|[,\s])${key}\s*=\s*\[([^\]]*)\]`)
        .exec(call)?.[1] ?? "",
    );
  const url = get("url");
  return {
    ...NOTHING_DECLARED,
    ...defined({
      name: get("name"),
      version: get("version"),
      description: get("description"),
      licence: get("license"),
      requiresPython: get("python_requires"),
    }),
    authors: people(get("author"), get("author_email")),
    maintainers: people(get("maintainer"), get("maintainer_email")),
    urls: url === undefined ? {} : { Homepage: url },
    classifiers: list("classifiers"),
    dependencies: list("install_requires"),
  };
}
