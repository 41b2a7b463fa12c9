/**
 * Builds several distro versions side by side; one failure does not stop the
 * others.
 *
 * @module
 */

import { planBestWay } from "./alternatives.ts";
import { archiveTime, parseEpoch } from "./archive_time.ts";
import type { BasePolicy } from "./base_image.ts";
import type { BootstrapOptions } from "./base_options.ts";
import type { Builder, NetworkMode } from "./builder.ts";
import { Engine, type EngineName } from "./engine.ts";
import { CancelledError, type Failure, failureOf } from "./errors.ts";
import type { Manifest } from "./manifest.ts";
import { openPackages, selectTargets } from "./package_dir.ts";
import type { BuildPlan } from "./plan.ts";
import { DEFAULT_IMAGE_PREFIX } from "./plan/image_names.ts";
import type { PlanOptions } from "./plan/options.ts";
import { inParallel, once } from "./parallel.ts";
import { planToJson, renderPlan } from "./plan_text.ts";
import { formatSize, type Progress, type Verbosity } from "./progress.ts";
import { checkFreshness } from "./up_to_date.ts";

/** A command line of `build.ts`. */
export interface BuildOptions extends BootstrapOptions {
  /** The distro versions to build. */
  readonly names: readonly string[];
  /** Whether to build all that are found. */
  readonly all: boolean;
  /** The package directory; every one below the root by default. */
  readonly dir?: string | undefined;
  /** As Python's `platform.machine()` says it on Linux. */
  readonly arch: string;
  /** Where a base image may come from. */
  readonly base: BasePolicy;
  /** Stands in for the base image of `krunner.json`. */
  readonly baseImage?: string | undefined;
  /** A folder with all sources. */
  readonly sources?: string | undefined;
  /** A folder of wheels that stands in for the wheels stage. */
  readonly wheelhouse?: string | undefined;
  /** Build arguments. */
  readonly buildArgs: Readonly<Record<string, string>>;
  /** The first part of the images' names. */
  readonly imagePrefix?: string | undefined;
  /** What the steps of a build reach. */
  readonly network?: NetworkMode | undefined;
  /** Whether cached layers are ignored. */
  readonly noCache: boolean;
  /** Whether a new volume is judged before it replaces the old one. */
  readonly verify: boolean;
  /** Whether to build what is up to date. */
  readonly force: boolean;
  /** How many distro versions are built side by side. */
  readonly jobs: number;
  /** The engine's program. */
  readonly engine: EngineName;
  /** Whether to plan only. */
  readonly dryRun: boolean;
  /** Whether results are JSON documents. */
  readonly json: boolean;
  /** How much is shown. */
  readonly verbosity: Verbosity;
}

/** What a build takes from the system around it. */
export interface BuildHost {
  /** Where package directories are; see `projectRoot()`. */
  readonly root: string;
  /** A folder for downloads and locks. */
  readonly cache: string;
  /** The value of `SOURCE_DATE_EPOCH`. */
  readonly sourceDateEpoch?: string | undefined;
  /** This process's id. */
  readonly pid: number;
  /** Number of processors. */
  readonly processors: number;
  /** Cancels everything. */
  readonly signal: AbortSignal;
  /** Shows how it goes. */
  readonly progress: Progress;
  /** Gets each result as soon as it is there. */
  readonly onResult: (result: BuildResult) => void;
}

/** How one distro version came out. */
export type BuildResult =
  | {
    readonly status: "built" | "up-to-date";
    readonly distroVersion: string;
    readonly dir: string;
    readonly manifest: Manifest;
    /** Why it was built; empty where it was up to date. */
    readonly reasons: readonly string[];
  }
  | {
    readonly status: "planned";
    readonly distroVersion: string;
    readonly plan: BuildPlan;
    /** Why it would be built; empty where it is up to date. */
    readonly reasons: readonly string[];
  }
  | FailedResult;

/** A distro version that failed. */
export interface FailedResult extends Failure {
  readonly status: "failed";
  readonly distroVersion: string;
}

/** What the plans of a command line depend on. */
export type PlanAllOptions =
  & Pick<
    BuildOptions,
    "names" | "all" | "dir" | "imagePrefix" | "force" | "dryRun"
  >
  & Omit<PlanOptions, "imagePrefix">;

/**
 * Plans all that a command line names, each by the best of its ways.
 *
 * @throws {UsageError} If a name or option does not fit what is there.
 * @throws {KrunnerError} If a package directory cannot be built as it is.
 */
export async function planAll(
  options: PlanAllOptions,
  host: Pick<BuildHost, "root" | "cache" | "signal">,
): Promise<BuildPlan[]> {
  const packages = await openPackages(options.dir, host.root, {
    readOnly: options.dryRun,
  });
  const plans: BuildPlan[] = [];
  for (const target of selectTargets(packages, options.names, options)) {
    plans.push(
      await planBestWay(target, {
        ...options,
        imagePrefix: options.imagePrefix ?? DEFAULT_IMAGE_PREFIX,
      }, { ...host, force: options.force }),
    );
  }
  return plans;
}

/**
 * Builds what the options name. Nothing runs until all plans are sound.
 *
 * @returns One result for each distro version, in the order of the plans.
 * @throws {UsageError} If a name or option does not fit what is there.
 * @throws {KrunnerError} If a package directory cannot be built as it is.
 * @throws {CancelledError} If the host's signal was aborted.
 */
export async function buildAll(
  options: BuildOptions,
  host: BuildHost,
): Promise<BuildResult[]> {
  const plans: BuildPlan[] = [];
  for (const plan of await planAll(options, host)) {
    plans.push(await withFolder(plan));
  }
  const engine = new Engine(options.engine, host.signal);
  const tools: BuildTools = {
    engine,
    builder: builderOf(engine),
    epoch: parseEpoch(host.sourceDateEpoch),
  };
  const results = await inParallel(plans, options.jobs, async (plan) => {
    const result = await buildOne(plan, options, host, tools);
    host.onResult(result);
    return result;
  });
  if (host.signal.aborted) throw new CancelledError("Cancelled");
  return results;
}

/** The plan with what a collected folder has for it, where `--sources` names one. */
async function withFolder(plan: BuildPlan): Promise<BuildPlan> {
  if (plan.sourceFolder === undefined) return plan;
  const [{ applyFolder }, { openFolder }] = await Promise.all([
    import("./collect/fit.ts"),
    import("./collect/folder.ts"),
  ]);
  return applyFolder(plan, await openFolder(plan.sourceFolder));
}

/** Finds the engine's builder at the first call, for all builds of a run. */
export function builderOf(engine: Engine): () => Promise<Builder> {
  return once(async () => {
    const { findBuilder } = await import("./builder.ts");
    return await findBuilder(engine, crypto.randomUUID().slice(0, 8));
  });
}

/** What all builds of a run share. */
interface BuildTools {
  readonly engine: Engine;
  readonly builder: () => Promise<Builder>;
  /** The time stamp for all archives, where the user gives one. */
  readonly epoch: number | undefined;
}

async function buildOne(
  plan: BuildPlan,
  options: BuildOptions,
  host: BuildHost,
  { engine, builder, epoch }: BuildTools,
): Promise<BuildResult> {
  const { pkg: { dir }, distroVersion } = plan.target;
  const { progress } = host;
  try {
    const freshness = await checkFreshness(plan);
    const reasons = options.force
      ? ["--force"]
      : freshness.fresh
      ? []
      : freshness.reasons;
    if (options.dryRun) {
      return { status: "planned", distroVersion, plan, reasons };
    }
    if (freshness.fresh && !options.force) {
      progress.say(
        `${distroVersion}: up to date, no input changed since volume version ${plan.volumeVersion} was built (--force builds it)`,
      );
      const { manifest } = freshness;
      return { status: "up-to-date", distroVersion, dir, manifest, reasons };
    }
    if (host.signal.aborted) throw new CancelledError("Cancelled");
    progress.start(distroVersion);
    progress.say(`${distroVersion}: building, for ${reasons.join(", ")}`);
    // Loaded where it is needed only: most calls find everything up to date.
    const { runBuild } = await import("./run_build.ts");
    const manifest = await runBuild(plan, {
      engine,
      builder,
      signal: host.signal,
      network: options.network,
      noCache: options.noCache,
      verify: options.verify,
      cache: host.cache,
      sources: options.sources,
      mtime: await archiveTime(
        epoch,
        dir,
        (line) => progress.say(`${distroVersion}: ${line}`),
      ),
      // One build does not know how many others compress at the same time; xz
      // shares the processors well enough.
      threads: host.processors,
      pid: host.pid,
      onEvent: (event) => progress.handle(distroVersion, event),
    });
    progress.end(distroVersion, "built");
    return { status: "built", distroVersion, dir, manifest, reasons };
  } catch (error) {
    progress.end(distroVersion, "failed");
    return failedResult(distroVersion, error);
  }
}

/** The result of a distro version that an error ended. */
export function failedResult(
  distroVersion: string,
  error: unknown,
): FailedResult {
  return { status: "failed", distroVersion, ...failureOf(error) };
}

/** A result as one line for people; a plan has several. */
export function renderResult(result: BuildResult): string {
  switch (result.status) {
    case "planned":
      return renderPlan(result.plan, result.reasons);
    case "failed":
      return `${result.distroVersion}  failed`;
    case "built":
    case "up-to-date": {
      const { archive, volumeVersion, python } = result.manifest;
      return [
        result.distroVersion,
        result.status,
        `version ${volumeVersion}`,
        `Python ${python}`,
        formatSize(archive.size),
        `${result.dir}/${archive.file}`,
      ].join("  ");
    }
  }
}

/** A result as one JSON document. */
export function resultToJson(result: BuildResult): Record<string, unknown> {
  switch (result.status) {
    case "planned":
      return planToJson(result.plan, result.reasons);
    case "failed":
      return { ...result };
    case "built":
    case "up-to-date": {
      const { manifest, ...rest } = result;
      const { arch, volumeVersion, python, archive } = manifest;
      return {
        ...rest,
        arch,
        volumeVersion,
        python,
        archive: { ...archive, file: `${result.dir}/${archive.file}` },
      };
    }
  }
}
