/**
 * Makes the wheels and the sdist of a package directory.
 *
 * @module
 */

import { commitFiles } from "../commit_files.ts";
import { fileError } from "../errors.ts";
import { sha256 } from "../inputs.ts";
import { takeLock } from "../lock.ts";
import { makeFolder } from "../make_folder.ts";
import type { PackageDir } from "../package_dir.ts";
import { fileStem } from "./names.ts";
import { OutputFile, type Written } from "./output_file.ts";
import {
  type DistributionPlan,
  type PackagePlan,
  type PlanOptions,
  planPackage,
} from "./plan.ts";
import { writeTarGz } from "./sdist.ts";
import { requireSize } from "./sizes.ts";
import { writeZip, zipSize } from "./zip.ts";

/** What {@linkcode makeWheels} needs to know. */
export interface WheelOptions extends PlanOptions {
  /** The largest size that the package index takes, in bytes. */
  readonly maxSize: number;
  /** A folder of this user's that outlives the process, for locks. */
  readonly cache: string;
  /** This process's id. */
  readonly pid: number;
}

/** A wheel or an sdist. */
export interface Distribution {
  /** Which of both. */
  readonly kind: "wheel" | "sdist";
  /** The family, e.g. `debian`. */
  readonly family: string;
  /** The project's name. */
  readonly name: string;
  /** The version, as PEP 440 writes it. */
  readonly version: string;
  /** As Python's `platform.machine()` says it on Linux; `null` for an sdist. */
  readonly arch: string | null;
  /** Its path. */
  readonly path: string;
  /** Bytes; `null` where only writing it would tell. */
  readonly size: number | null;
  /** SHA-256 in lower-case hex; `null` where it was not written. */
  readonly sha256: string | null;
  /** The files in it, in its order. */
  readonly files: readonly {
    readonly name: string;
    readonly size: number;
    /** Permission bits in octal. */
    readonly mode: string;
  }[];
}

/**
 * Makes a wheel for each arch, and the sdist. All of them appear in the folder, in
 * the place of older ones of the same names, when all are complete.
 *
 * @throws {KrunnerError} If a file is missing or files differ, a wheel is too large
 * or cannot be written. Nothing in the folder has changed then.
 * @throws {CancelledError} If the signal is aborted; as above.
 */
export async function makeWheels(
  pkg: PackageDir,
  options: WheelOptions,
): Promise<Distribution[]> {
  const plan = await planPackage(pkg, options);
  for (const { kind, file, entries } of plan.distributions) {
    if (kind === "sdist") continue;
    requireSize(file, zipSize(entries), options.maxSize, entries);
  }
  if (options.dryRun) {
    return plan.distributions.map((distribution) =>
      describe(plan, distribution, options.out, {
        size: distribution.kind === "wheel"
          ? zipSize(distribution.entries)
          : null,
        sha256: null,
      })
    );
  }
  return await writeAll(plan, options);
}

function describe(
  { family, names }: PackagePlan,
  { kind, arch, file, entries }: DistributionPlan,
  out: string,
  written: Pick<Distribution, "size" | "sha256">,
): Distribution {
  return {
    kind,
    family,
    name: names.project,
    version: names.version,
    arch: arch ?? null,
    path: `${out}/${file}`,
    ...written,
    files: entries.map(({ name, size, mode }) => ({
      name,
      size,
      mode: mode.toString(8),
    })),
  };
}

async function writeAll(
  plan: PackagePlan,
  options: WheelOptions,
): Promise<Distribution[]> {
  const { out, maxSize } = options;
  await makeFolder(out);
  using _lock = await lockOutputs(plan, options);
  const parts: string[] = [];
  try {
    const results: Distribution[] = [];
    for (const distribution of plan.distributions) {
      const { file, entries } = distribution;
      const part = partName(out, file);
      parts.push(part);
      const written = await write(part, plan, distribution, options.signal);
      requireSize(file, written.size, maxSize, entries);
      results.push(describe(plan, distribution, out, written));
    }
    await commitFiles(
      results.map(({ path }, index) => ({ path, from: parts[index]! })),
    );
    return results;
  } finally {
    for (const part of parts) await Deno.remove(part).catch(() => {});
  }
}

/** The same name each time: what a killed run leaves, the next one overwrites. */
function partName(out: string, file: string): string {
  return `${out}/.${file}.part`;
}

async function lockOutputs(
  { names }: PackagePlan,
  { out, cache, pid }: WheelOptions,
): Promise<Disposable> {
  const stem = fileStem(names);
  const key = (await sha256(`${await Deno.realPath(out)}/${stem}`))
    .slice(0, 16);
  await makeFolder(`${cache}/locks`);
  return await takeLock(
    `${cache}/locks/wheel-${key}`,
    pid,
    (holder) =>
      `Cannot write "${stem}" to "${out}": another process is writing it (process ${holder}); wait for its end`,
  );
}

/** Writes one file, and tells its size and digest. */
async function write(
  path: string,
  { seconds }: PackagePlan,
  { kind, entries }: DistributionPlan,
  signal: AbortSignal,
): Promise<Written> {
  try {
    await using output = await OutputFile.create(path);
    const pack = kind === "wheel" ? writeZip : writeTarGz;
    await pack((chunk) => output.write(chunk), entries, seconds, signal);
    return await output.finish();
  } catch (error) {
    throw fileError("write", path, error);
  }
}
