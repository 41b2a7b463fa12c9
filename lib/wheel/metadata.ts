/**
 * Core metadata: `METADATA` of a wheel, `PKG-INFO` of an sdist.
 *
 * It is of version 2.2: twine of Debian 12 (4.0.2) knows none above. So the licence
 * is in `License`, for `License-Expression` came with 2.4; and `License-File` is
 * there as setuptools wrote it for years before 2.4 took it up. 2.2 also tells
 * resolvers that the sdist's fields are those of all its wheels.
 *
 * Source: the Python packaging specification "Core metadata".
 *
 * @module
 */

import type { Declared, Person } from "./declared.ts";
import type { PackageNames } from "./names.ts";
import type { Description } from "./project.ts";

/** What core metadata is made from. */
export interface MetadataParts {
  /** The package's names. */
  readonly names: PackageNames;
  /** What its project declares. */
  readonly declared: Declared;
  /** One line, where the project declares none. */
  readonly summary: string;
  /** The long description. */
  readonly description: Description;
  /** Names of licence files. */
  readonly licenceFiles: readonly string[];
}

/** Nothing in a krunner package needs more: the agent itself wants newer ones. */
const REQUIRES_PYTHON = ">=3.6";

/** Upstream's, for what it publishes. */
const LICENCE = "MIT";

/** What the volumes hold has licences of its own, dozens of them. */
const CONTENTS =
  "the packages inside the volumes have licences of their own, see the SPDX documents in sboms/ of this package's .dist-info";

/** A value on one line: a line break would begin another field. */
function oneLine(value: string): string {
  // deno-lint-ignore no-control-regex
  return value.replace(/[\s\x00-\x1f\x7f]+/g, " ").trim();
}

/** `Name <mail>`; a name with marks that mean something to mail is quoted. */
function mailbox({ name, email }: Person): string {
  if (name === undefined) return email ?? "";
  const plain = /^[^()<>[\]:;@\\,."]*$/.test(name);
  return `${plain ? name : `"${name.replace(/["\\]/g, "\\$&")}"`} <${email}>`;
}

/** The two fields of people: those with an address stand in another. */
function peopleFields(field: string, people: readonly Person[]): Field[] {
  const named = people.filter(({ email }) => email === undefined);
  const mailed = people.filter(({ email }) => email !== undefined);
  return [
    [field, named.map(({ name }) => name).join(", ") || undefined],
    [`${field}-email`, mailed.map(mailbox).join(", ") || undefined],
  ];
}

type Field = readonly [name: string, value: string | undefined];

/** The text of core metadata. */
export function metadataText(parts: MetadataParts): string {
  const { names, declared, description } = parts;
  const many = (name: string, values: readonly string[]) =>
    values.map((value): Field => [name, value]);
  const fields: Field[] = [
    ["Metadata-Version", "2.2"],
    ["Name", names.project],
    ["Version", names.version],
    ["Summary", declared.description ?? parts.summary],
    ["Keywords", declared.keywords.join(",") || undefined],
    ...peopleFields("Author", declared.authors),
    ...peopleFields("Maintainer", declared.maintainers),
    ["License", `${declared.licence ?? LICENCE}; ${CONTENTS}`],
    ...many(
      "Project-URL",
      Object.entries(declared.urls).map(([label, url]) => `${label}, ${url}`),
    ),
    ...many("Classifier", declared.classifiers),
    ["Requires-Python", declared.requiresPython ?? REQUIRES_PYTHON],
    ...many("Requires-Dist", declared.dependencies),
    ["Description-Content-Type", description.contentType],
    ...many("License-File", parts.licenceFiles),
  ];
  const lines = fields.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${oneLine(value)}\n`]
  );
  const body = description.text.replaceAll("\r\n", "\n").trimEnd();
  return `${lines.join("")}\n${body}\n`;
}
