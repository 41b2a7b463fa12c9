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
import { findPackageVersion } from "./package_version.ts";
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
    python: await readOptional(inPackage(target, python)),
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
  /** The arch of the manifest or archive; `null` where there is none. */
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
 * each arch, or one in all where there is neither an archive nor a manifest.
 *
 * @throws {KrunnerError} If the package directory or a manifest is broken.
 */
export async function checkVersions(target: Target): Promise<CheckResult[]> {
  const volume = await readLabel(target);
  const arches = builtArches(target);
  const results: CheckResult[] = [];
  for (const arch of arches.length === 0 ? [null] : arches) {
    results.push(await checkArch(target, arch, volume));
  }
  return results;
}

async function checkArch(
  target: Target,
  arch: string | null,
  volume: number,
): Promise<CheckResult> {
  const { readManifest } = await import("./manifest.ts");
  const manifest = arch === null ? undefined : await readManifest(target, arch);
  // A version file alone tells which version was built, not from what.
  const recorded = manifest?.volumeVersion ?? await readRecorded(target);
  const status = compare(volume, recorded);
  const changed = manifest !== undefined && status === "unchanged"
    ? await changesSince(target, manifest)
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
  };
}
