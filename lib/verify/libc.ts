/**
 * The C library of each distro version: what a volume for it may need.
 *
 * Sources: the packages `libc6` of Debian's and Ubuntu's releases and `glibc`
 * of CentOS's, by the names of distro versions that krunner packages have.
 *
 * @module
 */

import { type BaseRecord, type Manifest, parseManifest } from "../manifest.ts";
import { dataOf, PACKAGE_DATA, parsePackageData } from "../package_data.ts";
import { companionNames, type Surroundings } from "./surroundings.ts";

/** glibc's version by distro version. */
const GLIBC: Readonly<Record<string, string>> = {
  "centos6": "2.12",
  "centos7": "2.17",
  "centos8": "2.28",
  "debian9": "2.24",
  "debian10": "2.28",
  "debian11": "2.31",
  "debian12": "2.36",
  "debian13": "2.41",
  "ubuntu16.04": "2.23",
  "ubuntu18.04": "2.27",
  "ubuntu20.04": "2.31",
  "ubuntu22.04": "2.35",
  "ubuntu24.04": "2.39",
};

/** Distro versions that are musl's. */
const MUSL = /^(alpine|musllinux|static-musl)/;

/** The C library that a volume meets. */
export type Libc =
  | { readonly kind: "musl" }
  | {
    readonly kind: "glibc";
    /** `major.minor`; `undefined` where it is not known. */
    readonly version: string | undefined;
    /** Who has that version, for messages. */
    readonly owner: string;
  };

/**
 * The C library of a distro version. `centos7.6` is as `centos7`: minor
 * releases keep the library; and `manylinux_2_28` says it itself.
 */
export function libcOf(distroVersion: string): Libc {
  if (MUSL.test(distroVersion)) return { kind: "musl" };
  const [, major, minor] = /^manylinux_(\d+)_(\d+)/.exec(distroVersion) ?? [];
  const owner = "the distro version";
  if (major !== undefined && minor !== undefined) {
    return { kind: "glibc", version: `${major}.${minor}`, owner };
  }
  const release = distroVersion.replace(/^(centos\d+)\..*$/, "$1");
  const version = Object.hasOwn(GLIBC, release) ? GLIBC[release] : undefined;
  return { kind: "glibc", version, owner };
}

/**
 * The C library that an archive may need: the distro version's. Where it was made
 * on another base image than `krunner.json` names, that one's, for it can run
 * nowhere else; where a volume is for more than one distribution, what its
 * manifest declares. `undefined` where the archive's name does not say what it is.
 *
 * @throws {KrunnerError} If the `krunner.json` beside it is broken.
 */
export function libcFor({ identity, texts }: Surroundings): Libc | undefined {
  if (identity === undefined) return undefined;
  const { distroVersion } = identity;
  const own = libcOf(distroVersion);
  if (own.kind === "musl") return own;
  const names = companionNames(identity);
  const manifest = tryManifest(texts.get(names.manifest));
  const { base, glibc } = manifest ?? {};
  if (base?.glibc !== undefined && !isOwnBase(base, distroVersion, texts)) {
    const owner = `its base image "${base.reference}"`;
    return { kind: "glibc", version: base.glibc, owner };
  }
  if (own.version !== undefined || glibc === undefined) return own;
  return { kind: "glibc", version: glibc, owner: "its manifest" };
}

function isOwnBase(
  { reference }: BaseRecord,
  distroVersion: string,
  texts: Surroundings["texts"],
): boolean {
  const text = texts.get(PACKAGE_DATA);
  const data = text === undefined ? {} : parsePackageData(text, PACKAGE_DATA);
  const { base } = dataOf(data, distroVersion);
  return [base, `krunner-base:${distroVersion}`].includes(reference);
}

/** A manifest that is none is a finding of the contract. */
function tryManifest(text: string | undefined): Manifest | undefined {
  if (text === undefined) return undefined;
  try {
    return parseManifest(text, "manifest");
  } catch {
    return undefined;
  }
}
