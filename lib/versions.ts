/**
 * The versions that a package directory holds, and whether they tell the truth.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";
import type { Inputs } from "./inputs.ts";
import { readVolumeVersion } from "./labels.ts";
import type { Manifest } from "./manifest.ts";
import {
  envDockerfilePath,
  inPackage,
  outputNames,
  type Target,
} from "./package_dir.ts";
import { readPackageVersion } from "./package_version.ts";
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
  /** The version of the Python package. */
  package: string | null;
}

async function readOptional(file: string): Promise<string | null> {
  try {
    return (await Deno.readTextFile(file)).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function readLabel(target: Target): Promise<number> {
  const file = envDockerfilePath(target);
  return readVolumeVersion(await readExactText(file), file);
}

/** The volume version that was built last, as the agent reads it. */
async function readRecorded(target: Target): Promise<number | null> {
  const { version } = outputNames(target.distroVersion, "");
  const file = inPackage(target, version);
  const text = await readOptional(file);
  if (text === null) return null;
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
 * @throws {KrunnerError} If its label or its package's version is bad.
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
    python: await readOptional(inPackage(target, python)),
    package: pkg.files.has("__init__.py")
      ? readPackageVersion(await readExactText(init), init)
      : null,
  };
}

/**
 * What a check says of a volume version:
 *
 * - `unbuilt`: there is no record to compare with;
 * - `unchanged`: the inputs are those that the version was first built from;
 * - `raised`: the label is above the recorded version;
 * - `forgotten`: the inputs changed and the label did not;
 * - `lowered`: the label is below the recorded version.
 */
export type CheckStatus =
  | "unbuilt"
  | "unchanged"
  | "raised"
  | "forgotten"
  | "lowered";

/** What a check found for one distro version and arch. */
export interface CheckResult {
  /** The distro version. */
  distroVersion: string;
  /** The arch of the manifest; `null` where there is none. */
  arch: string | null;
  /** What is to be said. */
  status: CheckStatus;
  /** The volume version that the label has. */
  volume: number;
  /** The volume version that was built last. */
  recorded: number | null;
  /** What changed since, in words; only for `forgotten`. */
  changed: string[];
}

/** Whether a result means that the label must be raised. */
export function isFailure({ status }: CheckResult): boolean {
  return status === "forgotten" || status === "lowered";
}

/** The arches that the package directory has manifests of. */
function manifestArches({ pkg, distroVersion }: Target): string[] {
  const prefix = `krunner-env.${distroVersion}.`;
  return [...pkg.files]
    .filter((name) => name.startsWith(prefix) && name.endsWith(".json"))
    .map((name) => name.slice(prefix.length, -".json".length))
    // "krunner-env.alpine3.10.x86_64.json" is none of alpine3's.
    .filter((arch) => !arch.includes("."))
    .sort();
}

/** What a build without any options would be made from, by each way to build. */
async function currentInputs(target: Target, arch: string): Promise<Inputs[]> {
  const [{ DEFAULT_IMAGE_PREFIX }, { makePlans }] = await Promise.all([
    import("./plan.ts"),
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

async function changesSince(
  target: Target,
  { arch, firstInputs }: Manifest,
): Promise<string[]> {
  const { changedInputs } = await import("./inputs.ts");
  const ways = await currentInputs(target, arch);
  // The way that it was built then is the one that differs least.
  const [changes = []] = ways
    .map((way) => changedInputs(firstInputs, withoutWheels(firstInputs, way)))
    .sort((a, b) => a.length - b.length);
  return changes;
}

function compare(volume: number, recorded: number | null): CheckStatus {
  if (recorded === null) return "unbuilt";
  if (volume === recorded) return "unchanged";
  return volume > recorded ? "raised" : "lowered";
}

/**
 * Compares the label of a distro version with what was built: one result for
 * each manifest, or one in all where there is none.
 *
 * @throws {KrunnerError} If the package directory or a manifest is broken.
 */
export async function checkVersions(target: Target): Promise<CheckResult[]> {
  const { distroVersion } = target;
  const volume = await readLabel(target);
  const arches = manifestArches(target);
  if (arches.length === 0) {
    const recorded = await readRecorded(target);
    // A version file alone tells which version was built, not from what.
    const status = compare(volume, recorded);
    return [{
      distroVersion,
      arch: null,
      status: status === "unchanged" ? "unbuilt" : status,
      volume,
      recorded,
      changed: [],
    }];
  }
  const { readManifest } = await import("./manifest.ts");
  const results: CheckResult[] = [];
  for (const arch of arches) {
    const manifest = await readManifest(target, arch);
    const recorded = manifest?.volumeVersion ?? null;
    const status = compare(volume, recorded);
    const changed = manifest !== undefined && status === "unchanged"
      ? await changesSince(target, manifest)
      : [];
    results.push({
      distroVersion,
      arch,
      status: changed.length > 0 ? "forgotten" : status,
      volume,
      recorded,
      changed,
    });
  }
  return results;
}
