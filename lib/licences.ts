/**
 * Licence words as people write them, as SPDX licence expressions. What is not
 * clear stays unclear: no expression is better than a wrong one.
 *
 * @module
 */

// @ts-types="@types/spdx-correct"
import correct from "spdx-correct";
// @ts-types="@types/spdx-expression-parse"
import parse from "spdx-expression-parse";
import ids from "spdx-license-ids/index.json" with { type: "json" };

/** What SPDX documents say where nothing is known. */
export const NOASSERTION = "NOASSERTION";

/** A licence as it was found. */
export interface Licence {
  /** An SPDX licence expression. */
  readonly expression: string;
  /** The text of each `LicenseRef-…` in it. */
  readonly texts: Readonly<Record<string, string>>;
}

/** `words` as an SPDX expression, if they are one. */
export function tryParseExpression(words: string): string | undefined {
  try {
    return format(parse(words.trim()));
  } catch {
    return undefined;
  }
}

function format(info: parse.Info): string {
  if ("license" in info) {
    const { license, plus, exception } = info;
    return `${license}${plus ? "+" : ""}${
      exception === undefined ? "" : ` WITH ${exception}`
    }`;
  }
  const { conjunction } = info;
  return flatten(info, conjunction)
    .map((term) => "license" in term ? format(term) : `(${format(term)})`)
    .join(` ${conjunction.toUpperCase()} `);
}

/** `A AND (B AND C)` as `A`, `B`, `C`. */
function flatten(info: parse.Info, conjunction: "and" | "or"): parse.Info[] {
  if ("license" in info || info.conjunction !== conjunction) return [info];
  return [
    ...flatten(info.left, conjunction),
    ...flatten(info.right, conjunction),
  ];
}

/** All expressions as one, each term once and in the order of the first ones. */
export function joinExpressions(
  expressions: readonly string[],
  conjunction: "and" | "or",
): string {
  const terms = expressions
    .flatMap((expression) => flatten(parse(expression), conjunction))
    .map((term) => "license" in term ? format(term) : `(${format(term)})`);
  const joined = [...new Set(terms)].join(` ${conjunction.toUpperCase()} `);
  return format(parse(joined));
}

/** The name of a licence that is not on SPDX's list; its text goes with it. */
export function licenseRef(...parts: readonly string[]): string {
  const words = parts.map((part) =>
    part.replaceAll("+", "-or-later-").replaceAll(/[^A-Za-z0-9.]+/g, "-")
      .replaceAll(/^-|-$/g, "")
  );
  return `LicenseRef-${words.join("-")}`;
}

const ID_BY_LOWER_CASE: ReadonlyMap<string, string> = new Map(
  ids.map((id) => [id.toLowerCase(), id]),
);

/** The GNU licences, which always have a version. */
const GNU =
  /^(?:GNU\s+)?(AGPL|LGPL|GPL|GFDL)[\s-]*v?(\d)(\.\d)?(\+|[\s-]or[\s-]later|-only)?$/i;

function fromGnuName(name: string): string | undefined {
  const [, kind = "", major, minor = ".0", rest = ""] = GNU.exec(name) ?? [];
  const end = rest === "+" || /later/i.test(rest) ? "or-later" : "only";
  return tryParseExpression(`${kind.toUpperCase()}-${major}${minor}-${end}`);
}

/** Families with several versions or variants: a bare name says too little. */
const FAMILY = /apache|artistic|bsd|cddl|cecill|epl|mpl|python|zpl/i;

/** Variants of the BSD licence that have a name in place of a number. */
const NAMED_BSD = /^(new|modified|revised|simplified) bsd$/i;

/** Words that join several licences or make one vague, and those of the GNU. */
const UNCLEAR =
  /[a-z]\+[a-z]|[,;&/|]|\b(and|or|dual|multiple|like|style)\b|gpl|general public/i;

/**
 * The licence that a short free text such as `Apache 2` or `MIT License` means;
 * `undefined` for `BSD`, `LGPL+BSD` or `Dual License`, which may mean several.
 */
export function fromWords(words: string): string | undefined {
  const text = words.trim().replace(/^the\s+/i, "")
    .replace(/,\s+version\b/i, " version").replace(/\s+licen[cs]e$/i, "");
  const known = tryParseExpression(text) ??
    ID_BY_LOWER_CASE.get(text.toLowerCase()) ?? fromGnuName(text);
  if (known !== undefined) return known;
  if (text === "") return undefined;
  if (UNCLEAR.test(text) && !/^https?:\/\/\S+$/.test(text)) return undefined;
  if (FAMILY.test(text) && !/\d/.test(text) && !NAMED_BSD.test(text)) {
    return undefined;
  }
  // It guesses boldly where one of the above would hold: "BSD" as BSD-2-Clause.
  return correct(text) ?? undefined;
}

/** The two classifiers of a version of a GNU licence. */
function gnuClassifiers(
  kind: "AGPL" | "GPL" | "LGPL",
  version: 2 | 3,
): [classifier: string, id: string][] {
  const middle = { AGPL: "Affero ", GPL: "", LGPL: "Lesser " }[kind];
  const name = `GNU ${middle}General Public License v${version}`;
  return [
    [`${name} (${kind}v${version})`, `${kind}-${version}.0-only`],
    [
      `${name} or later (${kind}v${version}+)`,
      `${kind}-${version}.0-or-later`,
    ],
  ];
}

/** The classifiers of the Python package index that stand for one licence. */
const CLASSIFIERS: ReadonlyMap<string, string> = new Map([
  ["Boost Software License 1.0 (BSL-1.0)", "BSL-1.0"],
  ["CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "CC0-1.0"],
  ["European Union Public Licence 1.2 (EUPL 1.2)", "EUPL-1.2"],
  ["ISC License (ISCL)", "ISC"],
  ["MIT License", "MIT"],
  ["MIT No Attribution License (MIT-0)", "MIT-0"],
  ["Mozilla Public License 1.1 (MPL 1.1)", "MPL-1.1"],
  ["Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"],
  ["Python Software Foundation License", "PSF-2.0"],
  ["The Unlicense (Unlicense)", "Unlicense"],
  ["Universal Permissive License (UPL)", "UPL-1.0"],
  ["Zero-Clause BSD (0BSD)", "0BSD"],
  ...gnuClassifiers("AGPL", 3),
  ...gnuClassifiers("GPL", 2),
  ...gnuClassifiers("GPL", 3),
  ...gnuClassifiers("LGPL", 2),
  ...gnuClassifiers("LGPL", 3),
]);

/** What the core metadata of a Python distribution says about its licence. */
export interface LicenceFields {
  /** `License-Expression`. */
  readonly expression?: string | undefined;
  /** `License`: a name, or a whole text. */
  readonly words?: string | undefined;
  /** `Classifier`, those that begin with `License ::`. */
  readonly classifiers: readonly string[];
}

/** What a distribution's licence fields come to. */
export interface Declared {
  /** An SPDX expression. */
  readonly expression: string;
  /** Whether nothing in the fields speaks against it. */
  readonly clear: boolean;
}

/**
 * Reads a distribution's licence fields. Several classifiers leave open whether
 * all hold or any: then a licence that is named by words is the best that there
 * is, and not clear.
 */
export function fromFields(fields: LicenceFields): Declared | undefined {
  const { classifiers } = fields;
  const expression = tryParseExpression(fields.expression ?? "");
  if (expression !== undefined) return { expression, clear: true };
  const words = isName(fields.words) ? fromWords(fields.words) : undefined;
  if (words !== undefined) {
    return { expression: words, clear: classifiers.length <= 1 };
  }
  const [classifier = ""] = classifiers;
  const classified = CLASSIFIERS.get(classifier.split(" :: ").at(-1) ?? "");
  return classified === undefined || classifiers.length > 1
    ? undefined
    : { expression: classified, clear: fields.words === undefined };
}

/** Whether words are a name and not a text or nothing. */
export function isName(words: string | undefined): words is string {
  return words !== undefined && words.length <= 100 && !words.includes("\n");
}

/** Names of Debian's copyright files that are not those of SPDX's list. */
const DEBIAN_NAMES: ReadonlyMap<string, string> = new Map([
  ["apache-2", "Apache-2.0"],
  ["artistic", "Artistic-1.0"],
  ["cc0", "CC0-1.0"],
  ["expat", "MIT"],
  ["gfdl-niv-1.2", "GFDL-1.2-no-invariants-only"],
  ["gfdl-niv-1.2+", "GFDL-1.2-no-invariants-or-later"],
  ["gfdl-niv-1.3", "GFDL-1.3-no-invariants-only"],
  ["gfdl-niv-1.3+", "GFDL-1.3-no-invariants-or-later"],
  ["psflv2", "PSF-2.0"],
]);

/**
 * The SPDX licence that has this short name in a machine-readable copyright file
 * (Debian's DEP-5), `undefined` for the file's own names.
 */
export function fromDebianName(name: string): string | undefined {
  const key = name.toLowerCase();
  return DEBIAN_NAMES.get(key) ?? ID_BY_LOWER_CASE.get(key) ??
    fromGnuName(name);
}
