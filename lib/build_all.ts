/**
 * Builds several distro versions side by side; one failure does not stop the
 * others.
 *
 * @module
 */

import { choosePlan, makePlans } from "./alternatives.ts";
import { archiveTime, parseEpoch } from "./archive_time.ts";
import type { BasePolicy } from "./base_image.ts";
import type { Builder } from "./builder.ts";
import { Engine, type EngineName } from "./engine.ts";
import { CancelledError, describeError, StageError } from "./errors.ts";
import type { Manifest } from "./manifest.ts";
import { openPackages, selectTargets } from "./package_dir.ts";
import { type BuildPlan, DEFAULT_IMAGE_PREFIX } from "./plan.ts";
import { planToJson, renderPlan } from "./plan_text.ts";
import { formatSize, type Progress, type Verbosity } from "./progress.ts";
import type { SourceRow } from "./sources.ts";
import { checkFreshness } from "./up_to_date.ts";

/** A command line of `build.ts`. */
export interface BuildOptions {
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
  /** The folder whose folders are package directories. */
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
  | {
    readonly status: "failed";
    readonly distroVersion: string;
    /** One message for a person. */
    readonly message: string;
    /** The failed stage's log, where a stage failed. */
    readonly log?: string;
    /** The last lines of that log. */
    readonly lastLines?: readonly string[];
  };

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
  const packages = await openPackages(options.dir, host.root, {
    readOnly: options.dryRun,
  });
  const targets = selectTargets(packages, options.names, options);
  const plans: BuildPlan[] = [];
  for (const target of targets) {
    const ways = await makePlans(target, {
      ...options,
      imagePrefix: options.imagePrefix ?? DEFAULT_IMAGE_PREFIX,
    });
    plans.push(
      await choosePlan(ways, {
        force: options.force,
        canHave: (row) => canHave(row, options, host),
      }),
    );
  }
  const tools: BuildTools = {
    engine: new Engine(options.engine, host.signal),
    builder: once(async () => {
      const { findBuilder } = await import("./builder.ts");
      return await findBuilder(tools.engine, crypto.randomUUID().slice(0, 8));
    }),
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

/** Whether a build would have a source, without fetching it. */
async function canHave(
  row: SourceRow,
  { sources }: BuildOptions,
  { cache, signal }: BuildHost,
): Promise<boolean> {
  const { canHaveSource } = await import("./source_reach.ts");
  return await canHaveSource(row, {
    cache: `${cache}/sources`,
    sources,
    signal,
  });
}

/** Calls `make` at the first call only. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => made ??= make();
}

/** Maps in order of the list, at most `jobs` at once. */
async function inParallel<T, R>(
  list: readonly T[],
  jobs: number,
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = list.entries();
  await Promise.all(
    Array.from({ length: Math.min(jobs, list.length) }, async () => {
      for (const [index, item] of queue) results[index] = await map(item);
    }),
  );
  return results;
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
      noCache: options.noCache,
      verify: options.verify,
      cache: host.cache,
      sources: options.sources,
      mtime: await archiveTime(epoch, dir),
      // One build does not know how many others compress at the same time; xz
      // shares the processors well enough.
      threads: host.processors,
      pid: host.pid,
      onEvent: (event) => progress.handle(distroVersion, event),
    });
    progress.end(distroVersion, "built");
    return { status: "built", distroVersion, dir, manifest, reasons };
  } catch (error) {
    const { message } = describeError(error);
    progress.end(distroVersion, "failed");
    return {
      status: "failed",
      distroVersion,
      message,
      ...error instanceof StageError
        ? { log: error.log, lastLines: error.lastLines }
        : {},
    };
  }
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

/** A failure with its log's path and last lines, for stderr. */
export function renderFailure(
  { message, log, lastLines }: Extract<BuildResult, { status: "failed" }>,
): string {
  return [
    `error: ${message}`,
    ...log === undefined ? [] : [`  Log: ${log}`],
    ...(lastLines ?? []).map((line) => `  | ${line}`),
  ].join("\n");
}
