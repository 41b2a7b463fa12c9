/**
 * The packages inside a volume, with versions and licences, from what the volume
 * itself says: the core metadata of its Python distributions, and the lists of
 * Debian packages and compiled sources and the copyright files below `licenses/`.
 *
 * @module
 */

import { PackageURL } from "packageurl-js";
import { readCopyright } from "./debian_copyright.ts";
import { platformOf } from "./engine.ts";
import { KrunnerError } from "./errors.ts";
import {
  fromFields,
  isName,
  type Licence,
  licenseRef,
  NOASSERTION,
  tryParseExpression,
} from "./licences.ts";

/** A package inside a volume. */
export interface PackageRecord {
  /** Its name, e.g. `python-dateutil`. */
  readonly name: string;
  /** Its version, where it is known. */
  readonly version?: string;
  /** Its package URL, see packageurl.org: `pkg:pypi/six@1.16.0`. */
  readonly purl: string;
  /**
   * An SPDX licence expression of what its makers say, `NOASSERTION` where no
   * machine can read that. The texts of a `LicenseRef-…` are in the SPDX document.
   */
  readonly licence: string;
  /** Where its licence texts are in the volume. */
  readonly licenceFiles: readonly string[];
  /** The Debian source package, `name version`, that it was built from. */
  readonly source?: string;
  /** The package URL of the Debian package that a Python distribution came in. */
  readonly debian?: string;
  /** For libraries: the names of the packages that they are there for. */
  readonly neededBy?: readonly string[];
}

/** What was seen of a volume while it was packed. */
export interface VolumeContents {
  /** The names of all files: `./bin/python3.13`. */
  readonly files: ReadonlySet<string>;
  /** The texts of those that {@linkcode isPackageText} picked. */
  readonly texts: ReadonlyMap<string, string>;
  /** The full version of the volume's Python: `3.13.5`. */
  readonly pythonVersion: string;
}

/** What the volume does not say about itself. */
export interface VolumeOrigin {
  /** The distro version: names the distribution of Debian packages. */
  readonly distroVersion: string;
  /** The arch as Python's `platform.machine()` says it on Linux. */
  readonly arch: string;
  /** The text of `ttyd_linux.{arch}.json`, where there is one. */
  readonly ttyd?: string | undefined;
}

/** The packages of a volume. */
export interface FoundPackages {
  /** In the order of their package URLs. */
  readonly packages: readonly PackageRecord[];
  /** The text of each `LicenseRef-…` in their licences. */
  readonly licenceTexts: Readonly<Record<string, string>>;
}

const METADATA = /^(\.\/(?:.*\/)?([^/]+)\.dist-info)\/METADATA$/;
const PACKAGE_LIST = "debian-packages.tsv";
const SOURCE_LIST = "./licenses/sources.tsv";
const LIST_NAME = /^\.\/licenses\/(?:([^/]+)\/)?debian-packages\.tsv$/;
const PYTHON_LICENCE =
  /^\.\/(licenses\/CPython|lib\/python[\d.]+\/LICENSE.txt)$/;

/** Where distributions keep their licence texts in `.dist-info`. */
const LICENCE_NAME =
  /^(licenses\/.+|(LICEN[CS]E|COPY(ING|RIGHT)|NOTICE|AUTHORS)[^/]*)$/i;

/** Whether the text of a file in a volume is needed to tell its packages. */
export function isPackageText(name: string): boolean {
  return METADATA.test(name) || PYTHON_LICENCE.test(name) ||
    name.startsWith("./licenses/") &&
      !name.startsWith("./licenses/common-licenses/");
}

/**
 * Finds the packages of a volume.
 *
 * @throws {KrunnerError} If a list of packages or the record of ttyd is broken.
 */
export function findPackages(
  contents: VolumeContents,
  origin: VolumeOrigin,
): FoundPackages {
  return new Search(contents, origin).run();
}

/** A line of `debian-packages.tsv`. */
interface DebianRow {
  /** The folder below `licenses/` that the list is in; `""` for itself. */
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  readonly source: string;
  readonly sourceVersion: string;
}

class Search {
  readonly #contents: VolumeContents;
  readonly #origin: VolumeOrigin;
  readonly #rows: readonly DebianRow[];
  readonly #packages = new Map<string, PackageRecord>();
  readonly #texts: Record<string, string> = {};
  /** Names of distributions, by the folder of their licences. */
  readonly #folders = new Map([["", "Python"]]);
  /** Rows that stand for a distribution and not for a library. */
  readonly #repacked = new Set<DebianRow>();

  constructor(contents: VolumeContents, origin: VolumeOrigin) {
    this.#contents = contents;
    this.#origin = origin;
    this.#rows = [...contents.texts.keys()].flatMap((name) =>
      parsePackageList(name, contents.texts)
    );
  }

  run(): FoundPackages {
    this.#addPython();
    this.#addTtyd();
    for (const [name, text] of this.#contents.texts) {
      this.#addDistribution(name, text);
    }
    for (const row of this.#rows) this.#addLibrary(row);
    this.#addSources();
    const byPurl = [...this.#packages].sort(([a], [b]) => a < b ? -1 : 1);
    return {
      packages: byPurl.map(([, record]) => record),
      licenceTexts: this.#texts,
    };
  }

  #addPython(): void {
    const { files, texts, pythonVersion } = this.#contents;
    const licences = [...files].filter((name) => PYTHON_LICENCE.test(name));
    this.#add({
      name: "Python",
      version: pythonVersion,
      purl: purl("generic", "", "python", pythonVersion),
      licence: pythonLicence(texts.get(licences[0] ?? "") ?? ""),
      licenceFiles: licences.map((name) => name.slice(2)).sort(),
    });
  }

  #addTtyd(): void {
    if (!this.#contents.files.has("./bin/ttyd")) return;
    for (const part of parseTtyd(this.#origin.ttyd)) {
      const { name, version, licence, licenceFiles } = part;
      this.#add({
        name,
        ...version === undefined ? {} : { version },
        purl: purl("generic", "", name, version),
        licence: tryParseExpression(licence ?? "") ?? NOASSERTION,
        licenceFiles: licenceFiles?.filter((file) =>
          this.#contents.files.has(`./${file}`)
        ) ?? this.#filesIn("ttyd"),
        ...name === "ttyd" ? {} : { neededBy: ["ttyd"] },
      });
    }
  }

  #addDistribution(file: string, text: string): void {
    const [, info, stem = ""] = METADATA.exec(file) ?? [];
    if (info === undefined) return;
    const fields = parseMetadata(text);
    const [name = ""] = fields.get("name") ?? [];
    const [version] = fields.get("version") ?? [];
    const [folder = ""] = stem.split("-");
    this.#folders.set(folder, name);
    const row = this.#rows.find((row) =>
      row.folder === folder && row.name.startsWith("python3-")
    );
    if (row !== undefined) this.#repacked.add(row);
    this.#add({
      name,
      ...version === undefined ? {} : { version },
      purl: purl("pypi", "", name, version),
      licence: this.#distributionLicence(name, fields, row),
      licenceFiles: [...this.#infoTexts(info), ...this.#filesIn(folder)].sort(),
      ...row === undefined
        ? {}
        : { source: sourceOf(row), debian: this.#debianPurl(row) },
    });
  }

  /** What the metadata says clearly, else what Debian found out, else what there is. */
  #distributionLicence(
    name: string,
    fields: ReadonlyMap<string, readonly string[]>,
    row: DebianRow | undefined,
  ): string {
    const [words] = fields.get("license") ?? [];
    const declared = fromFields({
      expression: fields.get("license-expression")?.[0],
      words,
      classifiers: (fields.get("classifier") ?? [])
        .filter((classifier) => classifier.startsWith("License ::")),
    });
    if (declared?.clear) return declared.expression;
    const copyright = row === undefined ? undefined : this.#copyright(row);
    if (copyright !== undefined) return this.#keep(copyright);
    if (declared !== undefined) return declared.expression;
    if (words === undefined || isName(words)) return NOASSERTION;
    const ref = licenseRef("PyPI", name);
    return this.#keep({ expression: ref, texts: { [ref]: words } });
  }

  #addLibrary(row: DebianRow): void {
    if (this.#repacked.has(row)) return;
    const copyright = this.#copyright(row);
    const file = licenceFile(row);
    const url = this.#debianPurl(row, platformOf(this.#origin.arch).slice(6));
    const other = this.#packages.get(url);
    const neededBy = new Set(other?.neededBy);
    neededBy.add(this.#folders.get(row.folder) ?? row.folder);
    this.#add({
      name: row.name,
      version: row.version,
      purl: url,
      licence: copyright === undefined ? NOASSERTION : this.#keep(copyright),
      licenceFiles: [
        ...other?.licenceFiles ?? [],
        ...this.#contents.files.has(file) ? [file.slice(2)] : [],
      ],
      source: sourceOf(row),
      neededBy: [...neededBy].sort(),
    });
  }

  /** What was compiled for the volume: in no package, Debian's or Python's. */
  #addSources(): void {
    for (
      const fields of parseTable(SOURCE_LIST, this.#contents.texts, SOURCE)
    ) {
      const [name = "", version = "", licence = ""] = fields;
      this.#add({
        name,
        version,
        purl: purl("generic", "", name, version),
        licence: tryParseExpression(licence) ?? NOASSERTION,
        licenceFiles: this.#filesIn(name).sort(),
        neededBy: ["Python"],
      });
    }
  }

  #add(record: PackageRecord): void {
    this.#packages.set(record.purl, record);
  }

  #keep({ expression, texts }: Licence): string {
    Object.assign(this.#texts, texts);
    return expression;
  }

  #copyright(row: DebianRow): Licence | undefined {
    const text = this.#contents.texts.get(licenceFile(row));
    return text === undefined ? undefined : readCopyright(text, row.source);
  }

  /** The licence texts in a folder that are not those of libraries. */
  #filesIn(folder: string): string[] {
    const prefix = `./licenses/${folder}/`;
    const others = new Set([
      `${prefix}${PACKAGE_LIST}`,
      ...this.#rows.filter((row) =>
        row.folder === folder && !this.#repacked.has(row)
      ).map(licenceFile),
    ]);
    return [...this.#contents.files]
      .filter((name) => name.startsWith(prefix) && !others.has(name))
      .map((name) => name.slice(2));
  }

  #infoTexts(info: string): string[] {
    return [...this.#contents.files]
      .filter((name) =>
        name.startsWith(`${info}/`) &&
        LICENCE_NAME.test(name.slice(info.length + 1))
      )
      .map((name) => name.slice(2));
  }

  #debianPurl(row: DebianRow, arch?: string): string {
    const [, vendor = "debian", release] =
      /^(debian|ubuntu)(.+)$/.exec(this.#origin.distroVersion) ?? [];
    return purl("deb", vendor, row.name, row.version, {
      ...arch === undefined ? {} : { arch },
      ...release === undefined ? {} : { distro: `${vendor}-${release}` },
    });
  }
}

function purl(
  type: string,
  namespace: string,
  name: string,
  version: string | undefined,
  qualifiers: Record<string, string> = {},
): string {
  return new PackageURL(
    type,
    namespace || undefined,
    name,
    version,
    qualifiers,
    undefined,
  ).toString();
}

function licenceFile({ folder, name }: DebianRow): string {
  return `./licenses/${folder === "" ? "" : `${folder}/`}${name}`;
}

function sourceOf({ source, sourceVersion }: DebianRow): string {
  return `${source} ${sourceVersion}`;
}

/** The columns of `debian-packages.tsv` and of `sources.tsv`. */
const DEBIAN = ["package", "version", "source package", "its version"];
const SOURCE = ["name", "version", "licence"];

function parsePackageList(
  file: string,
  texts: ReadonlyMap<string, string>,
): DebianRow[] {
  const [matched, folder = ""] = LIST_NAME.exec(file) ?? [];
  if (matched === undefined) return [];
  return parseTable(file, texts, DEBIAN).map((
    [name = "", version = "", source = "", sourceVersion = ""],
  ) => ({ folder, name, version, source, sourceVersion }));
}

/** The rows of a table with tabs; none where there is no such file. */
function parseTable(
  file: string,
  texts: ReadonlyMap<string, string>,
  columns: readonly string[],
): string[][] {
  const text = texts.get(file);
  if (text === undefined) return [];
  return text.trimEnd().split("\n").map((line, index) => {
    const fields = line.split("\t");
    if (fields.length === columns.length && !fields.includes("")) return fields;
    const list = `${columns.slice(0, -1).join(", ")} and ${columns.at(-1)}`;
    throw new KrunnerError(
      `Cannot read "${file}" of the volume: line ${
        index + 1
      } is "${line}"; give ${list}, with tabs in between`,
    );
  });
}

/**
 * CPython's `LICENSE` holds all licences of its history; SPDX's list has that
 * whole under one name since Python 2.0.1.
 */
function pythonLicence(text: string): string {
  if (!text.includes("PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2")) {
    return NOASSERTION;
  }
  return text.includes("CNRI LICENSE AGREEMENT FOR PYTHON 1.6.1")
    ? "Python-2.0.1"
    : "PSF-2.0";
}

/** The fields of core metadata by name in lower case; the description is none. */
function parseMetadata(text: string): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  const [head = ""] = text.replaceAll("\r\n", "\n").split("\n\n", 1);
  for (const field of head.split(/\n(?=\S)/)) {
    const colon = field.indexOf(":");
    const name = field.slice(0, colon).toLowerCase();
    // Lines of a long value are indented, by some tools with a bar.
    const value = field.slice(colon + 1).trim().replaceAll(
      /\n[ \t]{1,7}[ \t|]?/g,
      "\n",
    );
    if (colon < 1 || value === "" || value === "UNKNOWN") continue;
    fields.set(name, [...fields.get(name) ?? [], value]);
  }
  return fields;
}

/** A part of the ttyd binary, itself included. */
interface TtydPart {
  readonly name: string;
  readonly version?: string;
  /** An SPDX licence expression. */
  readonly licence?: string;
  /** Its licence texts; all of the folder where the record does not say. */
  readonly licenceFiles?: readonly string[];
}

/** Reads `{"packages": [{"name": "ttyd", "version": "1.7.7", "licence": "MIT"}]}`. */
function parseTtyd(text: string | undefined): TtydPart[] {
  if (text === undefined) return [{ name: "ttyd" }];
  try {
    const { packages } = JSON.parse(text) as { packages: TtydPart[] };
    if (packages.every(({ name }) => typeof name === "string" && name !== "")) {
      return packages;
    }
  } catch {
    // Said below.
  }
  throw new KrunnerError(
    'Cannot read the record of ttyd: it has no "packages" with names; make the binary again, or remove the record',
  );
}
