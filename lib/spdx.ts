/**
 * The packages of a volume as an SPDX 2.3 document (ISO/IEC 5962), see
 * spdx.github.io/spdx-spec/v2.3.
 *
 * Made here and not by a library: `@spdx/tools` is on the npm registry under no
 * name, and `npm sbom`, `pnpm sbom`, cdxgen and cyclonedx-library describe npm
 * projects or write SPDX 3 or CycloneDX.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { NOASSERTION } from "./licences.ts";
import type { Manifest } from "./manifest.ts";
import type { PackageRecord } from "./packages.ts";

/** An SPDX 2.3 document, as far as one of a volume goes. */
export interface SpdxDocument {
  readonly spdxVersion: "SPDX-2.3";
  readonly dataLicense: "CC0-1.0";
  readonly SPDXID: "SPDXRef-DOCUMENT";
  readonly name: string;
  /** A URI that no other document has. */
  readonly documentNamespace: string;
  readonly creationInfo: {
    /** UTC, to the second. */
    readonly created: string;
    readonly creators: readonly string[];
  };
  readonly packages: readonly SpdxPackage[];
  readonly relationships: readonly SpdxRelationship[];
  readonly hasExtractedLicensingInfos: readonly ExtractedLicence[];
}

/** A package of an SPDX document. */
export interface SpdxPackage {
  readonly SPDXID: string;
  readonly name: string;
  readonly versionInfo?: string;
  readonly packageFileName?: string;
  readonly primaryPackagePurpose: "APPLICATION" | "ARCHIVE" | "LIBRARY";
  readonly supplier: string;
  readonly originator?: string;
  readonly downloadLocation: string;
  readonly filesAnalyzed: false;
  readonly checksums?: readonly {
    readonly algorithm: "SHA256";
    readonly checksumValue: string;
  }[];
  readonly sourceInfo?: string;
  readonly licenseConcluded: string;
  readonly licenseDeclared: string;
  readonly licenseComments?: string;
  readonly copyrightText: string;
  readonly comment?: string;
  readonly externalRefs?: readonly {
    readonly referenceCategory: "PACKAGE-MANAGER" | "SECURITY";
    readonly referenceType: "purl" | "cpe23Type";
    readonly referenceLocator: string;
  }[];
}

/** How two elements of an SPDX document belong together. */
export interface SpdxRelationship {
  readonly spdxElementId: string;
  readonly relationshipType: "DESCRIBES" | "CONTAINS" | "DEPENDS_ON";
  readonly relatedSpdxElement: string;
}

/** A licence that is not on SPDX's list. */
export interface ExtractedLicence {
  readonly licenseId: string;
  readonly name: string;
  readonly extractedText: string;
}

const VOLUME = "SPDXRef-Volume";

/**
 * The SPDX document of a volume. The same arguments give the same document: its
 * time is the archive's.
 *
 * @param texts The text of each `LicenseRef-…` in the packages' licences
 * @param version krunner's version
 */
export function toSpdx(
  manifest: Manifest,
  texts: Readonly<Record<string, string>>,
  version: string,
): SpdxDocument {
  const { archive, packages } = manifest;
  const name = archive.file.replace(/\.tar\.xz$/, "");
  const ids = nameElements(packages);
  const content = {
    creationInfo: {
      created: new Date(archive.mtime * 1000).toISOString()
        .replace(/\.\d+Z$/, "Z"),
      creators: [`Tool: krunner-${version}`],
    },
    packages: [
      volumePackage(manifest, name),
      ...packages.map((record) => spdxPackage(record, ids.get(record)!)),
    ],
    relationships: relate(packages, ids),
    hasExtractedLicensingInfos: Object.entries(texts)
      .map(([licenseId, extractedText]) => ({
        licenseId,
        name: licenseId.slice("LicenseRef-".length),
        extractedText,
      }))
      .sort((a, b) => a.licenseId < b.licenseId ? -1 : 1),
  };
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name,
    // The place that the specification (6.5) has for those without a website.
    documentNamespace: `https://spdx.org/spdxdocs/${name}-${uuidOf(content)}`,
    ...content,
  };
}

/** The text of a document, as it is written to disk. */
export function formatSpdx(document: SpdxDocument): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A UUID of version 8 (RFC 9562) made from a digest: other content, other name. */
function uuidOf(content: unknown): string {
  const bytes = createHash("sha256").update(JSON.stringify(content)).digest();
  bytes[6] = bytes[6]! & 0x0f | 0x80;
  bytes[8] = bytes[8]! & 0x3f | 0x80;
  return bytes.toString("hex", 0, 16)
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Names hold letters, digits, `.` and `-` only, and are told apart by a number. */
function nameElements(
  packages: readonly PackageRecord[],
): Map<PackageRecord, string> {
  const taken = new Set([VOLUME]);
  const ids = new Map<PackageRecord, string>();
  for (const record of packages) {
    const { type } = /^pkg:(?<type>\w+)/.exec(record.purl)?.groups ?? {};
    const plain = `SPDXRef-${type}-${record.name}`
      .replaceAll(/[^A-Za-z0-9.-]/g, "-");
    let id = plain;
    for (let n = 2; taken.has(id); n++) id = `${plain}-${n}`;
    taken.add(id);
    ids.set(record, id);
  }
  return ids;
}

function volumePackage(
  { archive, volumeVersion }: Manifest,
  name: string,
): SpdxPackage {
  return {
    SPDXID: VOLUME,
    name,
    versionInfo: String(volumeVersion),
    packageFileName: archive.file,
    primaryPackagePurpose: "ARCHIVE",
    supplier: NOASSERTION,
    downloadLocation: NOASSERTION,
    filesAnalyzed: false,
    checksums: [{ algorithm: "SHA256", checksumValue: archive.sha256 }],
    licenseConcluded: NOASSERTION,
    licenseDeclared: NOASSERTION,
    copyrightText: NOASSERTION,
    comment:
      `A Backend.AI kernel-runner volume; SHA-256 of the unpacked tree: ${archive.treeSha256}`,
  };
}

function spdxPackage(record: PackageRecord, id: string): SpdxPackage {
  const { name, version, source, licence, licenceFiles } = record;
  const isPython = record.purl.startsWith("pkg:generic/python");
  return {
    SPDXID: id,
    name,
    ...version === undefined ? {} : { versionInfo: version },
    primaryPackagePurpose: isPython || name === "ttyd"
      ? "APPLICATION"
      : "LIBRARY",
    supplier: supplierOf(record),
    ...isPython
      ? { originator: "Organization: Python Software Foundation" }
      : {},
    downloadLocation: NOASSERTION,
    filesAnalyzed: false,
    // In the words that vulnerability scanners look for.
    ...source === undefined
      ? {}
      : { sourceInfo: `built package from: ${source}` },
    // Nobody has looked into it beyond what its makers say.
    licenseConcluded: NOASSERTION,
    licenseDeclared: licence,
    ...licenceFiles.length === 0
      ? {}
      : { licenseComments: `Texts in the volume: ${licenceFiles.join(", ")}` },
    copyrightText: NOASSERTION,
    externalRefs: [
      ...[record.purl, record.debian].filter((purl) => purl !== undefined)
        .map((purl) => ({
          referenceCategory: "PACKAGE-MANAGER" as const,
          referenceType: "purl" as const,
          referenceLocator: purl,
        })),
      ...isPython
        ? [{
          referenceCategory: "SECURITY" as const,
          referenceType: "cpe23Type" as const,
          referenceLocator: pythonCpe(version ?? ""),
        }]
        : [],
    ],
  };
}

function supplierOf({ purl, debian }: PackageRecord): string {
  const vendor = /^pkg:deb\/(\w)(\w*)\//.exec(debian ?? purl);
  return vendor === null
    ? NOASSERTION
    : `Organization: ${vendor[1]!.toUpperCase()}${vendor[2]}`;
}

/** By this name CPython is known to vulnerability databases. */
function pythonCpe(version: string): string {
  const [, release = "*", update = "*"] =
    /^(\d+\.\d+\.\d+)((?:a|b|rc)\d+)?/.exec(version) ?? [];
  return `cpe:2.3:a:python:python:${release}:${update}:*:*:*:*:*:*`;
}

function relate(
  packages: readonly PackageRecord[],
  ids: ReadonlyMap<PackageRecord, string>,
): SpdxRelationship[] {
  const idsOf = (name: string) =>
    packages.filter((record) => record.name === name)
      .map((record) => ids.get(record)!);
  return [
    {
      spdxElementId: "SPDXRef-DOCUMENT",
      relationshipType: "DESCRIBES",
      relatedSpdxElement: VOLUME,
    },
    ...packages.map((record): SpdxRelationship => ({
      spdxElementId: VOLUME,
      relationshipType: "CONTAINS",
      relatedSpdxElement: ids.get(record)!,
    })),
    ...packages.flatMap((record) =>
      (record.neededBy ?? []).flatMap(idsOf).map((id): SpdxRelationship => ({
        spdxElementId: id,
        relationshipType: "DEPENDS_ON",
        relatedSpdxElement: ids.get(record)!,
      }))
    ),
  ];
}
