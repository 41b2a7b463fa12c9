/**
 * The versions that a package directory holds, and whether they tell the truth.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";
import type { Inputs } from "./inputs.ts";
import { readVolumeVersion } from "./labels.ts";
import {
  envDockerfilePath,
  inPackage,
  outputNames,
  type Target,
} from "./package_dir.ts";
import { findPackageVersion } from "./package_version.ts";
import { readOptional } from "./read_optional.ts";
import { readReleased, type ReleasedVolume } from "./released.ts";
import { packageVersionPath, readExactText } from "./version_changes.ts";

/** All versions of one distro version; `null` where there is none yet. */
export interface Versions {
  /** The family. */
  family: string;
  /** The distro version. */
  distroVersion: string;
  /** The volume version that the label has. */
  volume: number;
  /** The volume version that was built last. */
  recorded: number | null;
  /** `major.minor` of the volume's Python. */
  python: string | null;
  /** The version of the Python package; `null` too where Python computes it. */
  package: string | null;
}

async function readLabel(target: Target): Promise<number> {
  const file = envDockerfilePath(target);
  return readVolumeVersion(await readExactText(file), file);
}

/** The volume version that was built last, as the agent reads it. */
async function readRecorded(target: Target): Promise<number | null> {
  const { version } = outputNames(target.distroVersion, "");
  const file = inPackage(target, version);
  const text = (await readOptional(file))?.trim();
  if (text === undefined) return null;
  if (!/^[1-9]\d*$/.test(text)) {
    throw new KrunnerError(
      `Cannot read "${file}": it is "${text}", not a positive integer; build again, or remove it`,
    );
  }
  return Number(text);
}

/**
 * Reads all versions of a distro version.
 *
 * @throws {KrunnerError} If its label or its version file is bad.
 */
export async function readVersions(target: Target): Promise<Versions> {
  const { pkg, distroVersion } = target;
  const init = packageVersionPath(pkg);
  const { python } = outputNames(distroVersion, "");
  return {
    family: pkg.family,
    distroVersion,
    volume: await readLabel(target),
    recorded: await readRecorded(target),
    python: (await readOptional(inPackage(target, python)))?.trim() ?? null,
    package: pkg.files.has("__init__.py")
      ? findPackageVersion(await readExactText(init)) ?? null
      : null,
  };
}

/**
 * What a check says of a volume version:
 *
 * - `unbuilt`: nothing was built yet;
 * - `unrecorded`: what was built has this version, and no manifest: other tools
 *   than `build.ts` leave none, and nothing tells what it was built from;
 * - `unchanged`: the inputs are those that the version was first built from;
 * - `raised`: the label is above the recorded version;
 * - `forgotten`: the inputs changed and the label did not;
 * - `lowered`: the label is below the recorded version.
 *
 * What the last release recorded counts like what was built here: agents have it.
 */
export type CheckStatus =
  | "unbuilt"
  | "unrecorded"
  | "unchanged"
  | "raised"
  | "forgotten"
  | "lowered";

/** What a check found for one distro version and arch. */
export interface CheckResult {
  /** The distro version. */
  distroVersion: string;
  /** The arch of the manifest, archive or release; `null` where there is none. */
  arch: string | null;
  /** What is to be said. */
  status: CheckStatus;
  /** The volume version that the label has. */
  volume: number;
  /** The volume version that was built last. */
  recorded: number | null;
  /** What changed since, in words; only for `forgotten`. */
  changed: string[];
  /** The volume version that was released last. */
  released: number | null;
  /**
   * The package version of the release that has what the label does not fit; `null`
   * where that was only built here.
   */
  release: string | null;
}

/** Whether a result means that the label must be raised. */
export function isFailure({ status }: CheckResult): boolean {
  return status === "forgotten" || status === "lowered";
}

/** The arches that the package directory has archives or manifests of. */
function builtArches({ pkg, distroVersion }: Target): string[] {
  const prefix = `krunner-env.${distroVersion}.`;
  const arches = [...pkg.files]
    .filter((name) => name.startsWith(prefix))
    .flatMap((name) =>
      /^([^.]+)\.(?:json|tar\.xz)$/.exec(name.slice(prefix.length))?.[1] ?? []
    );
  return [...new Set(arches)].sort();
}

/** What a build without any options would be made from, by each way to build. */
async function currentInputs(target: Target, arch: string): Promise<Inputs[]> {
  const [{ DEFAULT_IMAGE_PREFIX }, { makePlans }] = await Promise.all([
    import("./plan/image_names.ts"),
    import("./alternatives.ts"),
  ]);
  const plans = await makePlans(target, {
    arch,
    base: "auto",
    buildArgs: {},
    imagePrefix: DEFAULT_IMAGE_PREFIX,
  });
  return plans.map(({ inputs }) => inputs);
}

/**
 * Wheels of `--wheelhouse` stood in for the wheels stage, and they are not in
 * the package directory: neither they nor that stage's files can be compared.
 */
function withoutWheels(recorded: Inputs, current: Inputs): Inputs {
  if (recorded.wheelhouse === undefined) return current;
  return {
    ...current,
    wheelhouse: recorded.wheelhouse,
    files: Object.fromEntries(
      Object.entries(current.files).filter(([name]) =>
        Object.hasOwn(recorded.files, name)
      ),
    ),
  };
}

/** @param compare Tells what differs, in words. */
async function changesSince(
  target: Target,
  arch: string,
  recorded: Inputs,
  compare: (recorded: Inputs, current: Inputs) => string[],
): Promise<string[]> {
  const ways = await currentInputs(target, arch);
  // The way that it was built then is the one that differs least.
  const [changes = []] = ways
    .map((way) => compare(recorded, withoutWheels(recorded, way)))
    .sort((a, b) => a.length - b.length);
  return changes;
}

function compare(volume: number, recorded: number | null): CheckStatus {
  if (recorded === null) return "unbuilt";
  if (volume === recorded) return "unchanged";
  return volume > recorded ? "raised" : "lowered";
}

/**
 * Compares the label of a distro version with what was built, and with what was
 * released: one result for each arch, or one in all where there is none.
 *
 * @throws {KrunnerError} If the package directory, a manifest or the record of the
 * last release is broken.
 */
export async function checkVersions(target: Target): Promise<CheckResult[]> {
  const volume = await readLabel(target);
  const released = await readReleased(target.pkg.dir);
  const volumes = released?.volumes[target.distroVersion] ?? {};
  const arches = [
    ...new Set([...builtArches(target), ...Object.keys(volumes)]),
  ].sort();
  const results: CheckResult[] = [];
  for (const arch of arches.length === 0 ? [null] : arches) {
    const built = await checkArch(target, arch, volume);
    const record = arch === null ? undefined : volumes[arch];
    results.push(
      arch === null || record === undefined || isFailure(built)
        ? { ...built, released: record?.volumeVersion ?? null }
        : await checkReleased(target, arch, built, record),
    );
  }
  return results;
}

async function checkArch(
  target: Target,
  arch: string | null,
  volume: number,
): Promise<CheckResult> {
  const [{ readManifest }, { changedInputs }] = await Promise.all([
    import("./manifest.ts"),
    import("./inputs.ts"),
  ]);
  const manifest = arch === null ? undefined : await readManifest(target, arch);
  // A version file alone tells which version was built, not from what.
  const recorded = manifest?.volumeVersion ?? await readRecorded(target);
  const status = compare(volume, recorded);
  const changed = manifest !== undefined && status === "unchanged"
    ? await changesSince(
      target,
      manifest.arch,
      manifest.firstInputs,
      changedInputs,
    )
    : [];
  return {
    distroVersion: target.distroVersion,
    arch,
    status: changed.length > 0
      ? "forgotten"
      : manifest === undefined && status === "unchanged"
      ? "unrecorded"
      : status,
    volume,
    recorded,
    changed,
    released: null,
    release: null,
  };
}

/** The same with the record of the last release, where nothing else is wrong. */
async function checkReleased(
  target: Target,
  arch: string,
  built: CheckResult,
  { volumeVersion, inputs, release }: ReleasedVolume,
): Promise<CheckResult> {
  const { changedPackageInputs } = await import("./inputs.ts");
  const result = { ...built, released: volumeVersion };
  const status = compare(built.volume, volumeVersion);
  if (status === "lowered") return { ...result, status, release };
  const changed = status === "unchanged"
    ? await changesSince(target, arch, inputs, changedPackageInputs)
    : [];
  if (changed.length > 0) {
    return { ...result, status: "forgotten", changed, release };
  }
  const isKnown = built.status !== "unbuilt" && built.status !== "unrecorded";
  return isKnown ? result : { ...result, status };
}
