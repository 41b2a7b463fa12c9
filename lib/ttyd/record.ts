/**
 * `ttyd_linux.{arch}.json`: what a ttyd binary is made of, beside the binary.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import { readOptional } from "../read_optional.ts";
import type { Expected } from "./check.ts";
import type { StepPlan, TtydPlan } from "./plan.ts";
import type { Proof } from "./pings.ts";

/** What a binary is made of. */
export interface TtydRecord {
  /** The version of this format. */
  readonly schema: 1;
  /** The recipe. */
  readonly recipe: string;
  /** As Python's `platform.machine()` says it on Linux. */
  readonly arch: string;
  /** Whether ttyd can serve TLS itself. */
  readonly tls: boolean;
  /** The binary that this is about. */
  readonly binary: {
    readonly file: string;
    readonly sha256: string;
    /** Bytes. */
    readonly size: number;
  };
  /** Its parts, ttyd itself first. */
  readonly packages: readonly TtydPackage[];
  /** Versions of the Debian packages that compiled it, by `name:arch`. */
  readonly toolchain: Readonly<Record<string, string>>;
  /** What was measured of its pings; absent where it could not be run. */
  readonly proof?: PingRecord;
}

/** A part of a binary. */
export interface TtydPackage {
  /** Its name. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
  /** An SPDX licence expression. */
  readonly licence: string;
  /** Where its licence texts are, relative to the package directory. */
  readonly licenceFiles: readonly string[];
  /** What it was built from; what comes with the compiler has none. */
  readonly source?: { readonly file: string; readonly sha256: string };
  /** Flags of its `cmake` or `configure`. */
  readonly flags?: readonly string[];
  /** What was changed before it was built. */
  readonly edits?: StepPlan["edits"];
}

/** The proof, in whole seconds. */
export interface PingRecord {
  /** The longest silence allowed. */
  readonly limit: number;
  /** When a silent client saw pings. */
  readonly pings: readonly number[];
  /** When a client that did not answer was dropped. */
  readonly dropped: number;
}

/** What a container leaves of a build. */
export interface TtydProduct {
  /** The program. */
  readonly binary: Uint8Array<ArrayBuffer>;
  /** Licence texts by file name. */
  readonly licences: Readonly<Record<string, string>>;
  /** The Debian packages that compiled it, by `name:arch`. */
  readonly toolchain: Readonly<Record<string, string>>;
}

/** The folder of the licence texts in a package directory. */
export const LICENCE_FOLDER = "licenses/ttyd";

/** What libwebsockets' licence wants to be said wherever the program is given away. */
export const NOTICE = {
  file: "NOTICE.txt",
  text:
    "ttyd is based in part on the work of the libwebsockets project\n(https://libwebsockets.org)\n",
} as const;

/** Files of that folder that builds make, by the names of sources. */
export const LICENCE_FILE =
  /^(zlib|json-c|openssl|mbedtls|libuv|libwebsockets|ttyd|musl)-.+\.txt$/;

/** The record of a build. */
export function makeRecord(
  { recipe, arch, tls, steps, outputs }: TtydPlan,
  { binary, toolchain }: TtydProduct,
  sha256: string,
  proof: Proof | undefined,
): TtydRecord {
  const [musl = ""] = (toolchain[`musl-dev:${debianArch(arch)}`] ?? "")
    .split("-");
  return {
    schema: 1,
    recipe,
    arch,
    tls,
    binary: { file: outputs.binary, sha256, size: binary.length },
    packages: [
      ...steps.toReversed().map(packageOf),
      {
        name: "musl",
        version: musl,
        licence: "MIT",
        licenceFiles: [`${LICENCE_FOLDER}/musl-${musl}.txt`],
      },
    ],
    toolchain,
    ...proof === undefined ? {} : {
      proof: {
        limit: proof.limit,
        pings: proof.answering.pings.map(Math.round),
        dropped: Math.round(proof.mute.end),
      },
    },
  };
}

function debianArch(arch: string): string {
  return arch === "x86_64" ? "amd64" : "arm64";
}

function packageOf(
  { name, version, row, flags, edits }: StepPlan,
): TtydPackage {
  return {
    name,
    version,
    licence: row.licence,
    licenceFiles: [
      `${LICENCE_FOLDER}/${name}-${version}.txt`,
      ...name === "libwebsockets" ? [`${LICENCE_FOLDER}/${NOTICE.file}`] : [],
    ],
    source: { file: row.file, sha256: row.sha256 },
    flags,
    edits,
  };
}

/** The text of a record, as it is written to disk. */
export function formatRecord(record: TtydRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

/**
 * Reads what a record says that a binary is; nothing where it is one of those,
 * written by hand, that do not name their binary.
 *
 * @throws {KrunnerError} If it is not JSON, or its parts have no names.
 */
export function parseRecord(
  text: string,
  file: string,
): TtydRecord | undefined {
  let json: Partial<TtydRecord> | null;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new KrunnerError(
      `Cannot read the record of ttyd "${file}": it is not JSON; make the binary again, or remove the record`,
      { cause },
    );
  }
  if (
    json?.schema !== 1 || typeof json.binary?.sha256 !== "string" ||
    !Array.isArray(json.packages)
  ) return undefined;
  const parts: readonly (Partial<TtydPackage> | null)[] = json.packages;
  if (parts.every((part) => typeof part?.name === "string")) {
    return json as TtydRecord;
  }
  throw new KrunnerError(
    `Cannot read the record of ttyd "${file}": one of its "packages" has no name; make the binary again, or remove the record`,
  );
}

/**
 * What the record beside a binary says that it is; where there is none, what its
 * name says.
 *
 * @throws {KrunnerError} If the record cannot be read.
 */
export async function expectedOf(binary: string): Promise<Expected> {
  const file = binary.replace(/\.bin$/, ".json");
  if (file === binary) return {};
  const text = await readOptional(file);
  const record = text === undefined ? undefined : parseRecord(text, file);
  if (record === undefined) {
    const arch = /(?:^|\/)ttyd_linux\.([^./]+)\.bin$/.exec(binary)?.[1];
    return arch === undefined ? {} : { arch };
  }
  const versionOf = (wanted: string) =>
    record.packages.find(({ name }) => name === wanted)?.version;
  return {
    arch: record.arch,
    ttyd: versionOf("ttyd"),
    libwebsockets: versionOf("libwebsockets"),
    sha256: record.binary.sha256,
  };
}
