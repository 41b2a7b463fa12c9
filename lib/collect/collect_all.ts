/**
 * Collects what builds of several distro versions need; one failure does not stop
 * the others.
 *
 * @module
 */

import {
  builderOf,
  type BuildHost,
  type BuildOptions,
  type FailedResult,
  failedResult,
  planAll,
} from "../build_all.ts";
import type { StageOptions } from "../build_options.ts";
import type { Builder } from "../builder.ts";
import { Engine } from "../engine.ts";
import { CancelledError, UsageError } from "../errors.ts";
import { takeLock } from "../lock.ts";
import { makeFolder } from "../make_folder.ts";
import type { BuildPlan } from "../plan.ts";
import { realPlace } from "../real_place.ts";
import { formatSize } from "../progress.ts";
import { collectOne } from "./collect_one.ts";
import { collectPlanToJson, renderCollectPlan } from "./collect_text.ts";
import { STAGING } from "./commit_folder.ts";
import { type CollectedFolder, readFolder } from "./folder.ts";
import { filesOf } from "./index_file.ts";
import { keyOf, missing } from "./missing.ts";

/** A command line of `sources.ts`: what a build's has, as far as it plans stages. */
export interface CollectOptions
  extends
    StageOptions,
    Pick<BuildOptions, "names" | "all" | "dryRun" | "json" | "verbosity"> {
  /** The folder to collect into; made where it is missing. */
  readonly to: string;
  /** Whether to collect what is there already. */
  readonly force: boolean;
}

/** What collecting takes from the system around it. */
export interface CollectHost
  extends Omit<BuildHost, "sourceDateEpoch" | "onResult"> {
  /** Gets each result as soon as it is there. */
  readonly onResult: (result: CollectResult) => void;
}

/** A file of a collected folder. */
export interface CollectedFile {
  /** Its path, relative to the folder. */
  readonly file: string;
  /** SHA-256, lower-case hex. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** How collecting for one distro version came out. */
export type CollectResult =
  | {
    readonly status: "collected" | "up-to-date";
    readonly distroVersion: string;
    readonly arch: string;
    /** The folder. */
    readonly dir: string;
    /** All files that a build needs of it. */
    readonly files: readonly CollectedFile[];
    /** Why it was collected; empty where it was up to date. */
    readonly reasons: readonly string[];
  }
  | {
    readonly status: "planned";
    readonly distroVersion: string;
    readonly plan: BuildPlan;
    readonly dir: string;
    /** Why it would be collected; empty where it is up to date. */
    readonly reasons: readonly string[];
  }
  | FailedResult;

/**
 * Collects for what the options name, one after the other. Nothing runs until all
 * plans are sound.
 *
 * @returns One result for each distro version, in the order of the plans.
 * @throws {UsageError} If a name or option does not fit what is there.
 * @throws {KrunnerError} If a package directory cannot be built as it is, or the
 * folder cannot be used.
 * @throws {CancelledError} If the host's signal was aborted.
 */
export async function collectAll(
  options: CollectOptions,
  host: CollectHost,
): Promise<CollectResult[]> {
  // A volume that was built another way says nothing of what a folder needs.
  const plans = await planAll({ ...options, force: true }, host);
  await checkPlace(options.to, plans);
  using _lock = options.dryRun ? undefined : await lockFolder(options, host);
  const run = new CollectRun(options, host, await readFolder(options.to));
  const results: CollectResult[] = [];
  for (const plan of plans) {
    const result = await run.collect(plan);
    host.onResult(result);
    results.push(result);
  }
  if (host.signal.aborted) throw new CancelledError("Cancelled");
  return results;
}

/** Outputs and contexts of builds are no place for a folder that is carried away. */
async function checkPlace(
  to: string,
  plans: readonly BuildPlan[],
): Promise<void> {
  const info = await Deno.stat(to).catch(() => undefined);
  if (info !== undefined && !info.isDirectory) {
    throw new UsageError(
      `Cannot use "--to ${to}": it is not a folder; name a folder, which need not exist`,
    );
  }
  const place = await realPlace(to);
  for (const { target: { pkg: { dir } } } of plans) {
    const real = await Deno.realPath(dir);
    if (`${place}/`.startsWith(`${real}/`)) {
      throw new UsageError(
        `Cannot use "--to ${to}": it is in the package directory "${dir}"; name a folder elsewhere`,
      );
    }
  }
}

async function lockFolder(
  { to }: CollectOptions,
  { pid }: CollectHost,
): Promise<Disposable> {
  await makeFolder(to);
  const lock = await takeLock(
    `${to}/.lock`,
    pid,
    (holder) =>
      `Cannot collect into "${to}": another process (${holder}) does; wait for its end`,
  );
  // What a killed run left; no other one is running now.
  await Deno.remove(`${to}/${STAGING}`, { recursive: true }).catch(() => {});
  return lock;
}

/** One run over several plans. */
class CollectRun {
  readonly #options: CollectOptions;
  readonly #host: CollectHost;
  readonly #engine: Engine;
  readonly #builder: () => Promise<Builder>;
  #folder: CollectedFolder;

  constructor(
    options: CollectOptions,
    host: CollectHost,
    folder: CollectedFolder,
  ) {
    this.#options = options;
    this.#host = host;
    this.#engine = new Engine(options.engine, host.signal);
    this.#builder = builderOf(this.#engine);
    this.#folder = folder;
  }

  async collect(plan: BuildPlan): Promise<CollectResult> {
    const { distroVersion } = plan.target;
    const { progress, signal } = this.#host;
    try {
      const lacking = await missing(plan, this.#folder);
      const reasons = this.#options.force ? ["--force"] : lacking;
      const dir = this.#folder.dir;
      if (this.#options.dryRun) {
        return { status: "planned", distroVersion, plan, dir, reasons };
      }
      if (reasons.length === 0) {
        progress.say(
          `${distroVersion}: up to date, "${dir}" has all of it (--force collects it)`,
        );
        return await this.#result("up-to-date", plan, reasons);
      }
      if (signal.aborted) throw new CancelledError("Cancelled");
      progress.start(distroVersion);
      progress.say(`${distroVersion}: collecting, for ${reasons.join(", ")}`);
      this.#folder = await collectOne(plan, this.#folder, {
        engine: this.#engine,
        builder: this.#builder,
        signal,
        network: this.#options.network,
        noCache: this.#options.noCache,
        verify: false,
        cache: this.#host.cache,
        mtime: 0,
        threads: this.#host.processors,
        pid: this.#host.pid,
        onEvent: (event) => progress.handle(distroVersion, event),
      });
      progress.end(distroVersion, "collected");
      return await this.#result("collected", plan, reasons);
    } catch (error) {
      progress.end(distroVersion, "failed");
      return failedResult(distroVersion, error);
    }
  }

  async #result(
    status: "collected" | "up-to-date",
    plan: BuildPlan,
    reasons: readonly string[],
  ): Promise<CollectResult> {
    const { target: { distroVersion }, arch } = plan;
    const { dir, index, sums } = this.#folder;
    const entry = index?.[keyOf(plan)];
    const files: CollectedFile[] = [];
    for (const file of entry === undefined ? [] : filesOf(entry)) {
      const { size } = await Deno.stat(`${dir}/${file}`);
      files.push({ file, sha256: sums.get(file) ?? "", size });
    }
    return { status, distroVersion, arch, dir, files, reasons };
  }
}

/** A result as one line for people; a plan has several. */
export function renderResult(result: CollectResult): string {
  switch (result.status) {
    case "planned":
      return renderCollectPlan(result.plan, result.dir, result.reasons);
    case "failed":
      return `${result.distroVersion}  failed`;
    case "collected":
    case "up-to-date": {
      const { distroVersion, status, files, dir } = result;
      const bytes = files.reduce((sum, { size }) => sum + size, 0);
      return [
        distroVersion,
        status,
        `${files.length} files`,
        formatSize(bytes),
        dir,
      ].join("  ");
    }
  }
}

/** A result as one JSON document. */
export function resultToJson(result: CollectResult): object {
  return result.status === "planned"
    ? collectPlanToJson(result.plan, result.dir, result.reasons)
    : result;
}
