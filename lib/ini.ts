/**
 * INI files as Python's `configparser` reads them: `setup.cfg`, `.pypirc`.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";

/** The values of a section by key. */
export type Section = ReadonlyMap<string, string>;

/**
 * The sections of an INI file, by name; keys are in lower case, with `_` for `-`.
 *
 * @param file Names the file in error messages.
 * @throws {KrunnerError} If a line is neither a section nor a value. Its text is not
 * in the message: it may be a password.
 */
export function parseSections(
  text: string,
  file: string,
): Map<string, Section> {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  let key: string | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const [, heading] = /^\[([^\]]+)\]/.exec(line) ?? [];
    const [, name, value = ""] = /^([^\s=:][^=:]*)[=:](.*)$/.exec(line) ?? [];
    if (heading !== undefined) {
      section = sections.get(heading) ?? new Map();
      sections.set(heading, section);
      key = undefined;
    } else if (/^\s/.test(line) && section !== undefined && key !== undefined) {
      section.set(key, `${section.get(key)}\n${line.trim()}`.trim());
    } else if (section !== undefined && name !== undefined) {
      // "license-files" and "license_files" are the same to setuptools.
      key = name.trim().toLowerCase().replaceAll("-", "_");
      section.set(key, value.trim());
    } else {
      throw new KrunnerError(
        `Cannot read "${file}", line ${
          index + 1
        }: it is neither a [section] nor "key = value"`,
      );
    }
  }
  return sections;
}
