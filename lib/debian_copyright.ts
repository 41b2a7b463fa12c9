/**
 * Debian's copyright files, as far as machines can read them: the format "DEP-5",
 * see debian.org/doc/packaging-manuals/copyright-format/1.0.
 *
 * @module
 */

import {
  fromDebianName,
  joinExpressions,
  type Licence,
  licenseRef,
} from "./licences.ts";

/** A paragraph: fields by their name in lower case, lines without their indent. */
type Paragraph = ReadonlyMap<string, string>;

/** The first line of a `License` field, and the text below it. */
interface LicenceField {
  readonly synopsis: string;
  readonly text: string;
}

/**
 * What a copyright file says about the licences of a source package: all that it
 * names for files of it, but those of the packaging (`debian/*`), which no binary
 * package holds. A binary package may hold less than that.
 *
 * @param source The source package, for names of licences that are no SPDX ones:
 * two packages may mean two texts by one name
 * @returns `undefined` where the file is not machine-readable
 */
export function readCopyright(
  file: string,
  source: string,
): Licence | undefined {
  const [header, ...paragraphs] = parseParagraphs(file);
  const format = header?.get("format") ?? "";
  if (header === undefined || !/copyright-format|dep-?5/i.test(format)) {
    return undefined;
  }
  const texts: Record<string, string> = {};
  const alone = paragraphs.filter((paragraph) => !paragraph.has("files"));
  const named = [
    header,
    ...paragraphs.filter((paragraph) => paragraph.has("files")),
  ].filter((paragraph) => paragraph.has("license") && !isPackaging(paragraph));
  const fields = named.map(licenceOf)
    // A header without a name only explains what follows.
    .filter(({ synopsis }, index) =>
      synopsis !== "" || named[index] !== header
    );
  const expressions = fields.map(({ synopsis }) =>
    fromSynopsis(synopsis, (name) => {
      const known = fromDebianName(name);
      if (known !== undefined) return known;
      const ref = licenseRef("Debian", source, name || "unnamed");
      texts[ref] ??= findText(name, alone.map(licenceOf), fields) ||
        `${name}: the copyright file of ${source} has no text of it`;
      return ref;
    })
  );
  if (expressions.length === 0) return undefined;
  return { expression: joinExpressions(expressions, "and"), texts };
}

function parseParagraphs(file: string): Paragraph[] {
  return file.replaceAll("\r\n", "\n").trim().split(/\n[ \t]*\n\s*?(?=\S)/)
    .map(parseParagraph);
}

function parseParagraph(text: string): Paragraph {
  const fields = new Map<string, string>();
  let name = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) continue;
    const [, field, value = ""] = /^([\w-]+):(.*)$/.exec(line) ?? [];
    if (field !== undefined) {
      name = field.toLowerCase();
      fields.set(name, value.trim());
    } else {
      // " ." stands for an empty line.
      const more = line.replace(/^[ \t]/, "").trimEnd().replace(/^\.$/, "");
      fields.set(name, `${fields.get(name) ?? ""}\n${more}`);
    }
  }
  return fields;
}

function isPackaging(paragraph: Paragraph): boolean {
  const patterns = (paragraph.get("files") ?? "").split(/\s+/)
    .filter((pattern) => pattern !== "");
  return patterns.length > 0 &&
    patterns.every((pattern) => pattern.startsWith("debian/"));
}

function licenceOf(paragraph: Paragraph): LicenceField {
  const value = paragraph.get("license") ?? "";
  const [synopsis = "", ...lines] = value.split("\n");
  return { synopsis: synopsis.trim(), text: lines.join("\n").trim() };
}

/** The text that goes with a name: of its own paragraph, else beside the files. */
function findText(
  name: string,
  alone: readonly LicenceField[],
  beside: readonly LicenceField[],
): string {
  for (const fields of [alone, beside]) {
    for (
      const matches of [
        (synopsis: string) => synopsis === name,
        (synopsis: string) => splitNames(synopsis).includes(name),
      ]
    ) {
      const texts = fields
        .filter(({ synopsis, text }) => text !== "" && matches(synopsis))
        .map(({ text }) => text);
      if (texts.length > 0) return [...new Set(texts)].join("\n\n");
    }
  }
  return "";
}

function splitNames(synopsis: string): string[] {
  return synopsis.split(/,?\s+(?:and\/or|and|or)\s+/i);
}

/**
 * `A or B and C` is `A or (B and C)`; a comma before the word makes it the weaker
 * one: `A or B, and C` is `(A or B) and C`.
 */
function fromSynopsis(
  synopsis: string,
  toExpression: (name: string) => string,
): string {
  const [first = "", ...rest] = synopsis.replaceAll(/\band\/or\b/gi, "or")
    .split(/,\s+(and|or)\s+/i);
  let expression = joinTerms(first, toExpression);
  for (let i = 0; i < rest.length; i += 2) {
    const right = joinTerms(rest[i + 1] ?? "", toExpression);
    const conjunction = rest[i]?.toLowerCase() === "or" ? "or" : "and";
    expression = joinExpressions([expression, right], conjunction);
  }
  return expression;
}

function joinTerms(
  words: string,
  toExpression: (name: string) => string,
): string {
  const alternatives = words.split(/\s+or\s+/i).map((alternative) =>
    joinExpressions(
      alternative.split(/\s+and\s+/i).map((name) => toExpression(name.trim())),
      "and",
    )
  );
  return joinExpressions(alternatives, "or");
}
