/**
 * Distro versions that can be built in more than one way: which way is taken.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";
import { changedInputs } from "./inputs.ts";
import { readManifest } from "./manifest.ts";
import type { Target } from "./package_dir.ts";
import { type BuildPlan, makePlan, readDistroData } from "./plan.ts";
import type { PlanOptions } from "./plan/options.ts";
import type { SourceRow } from "./sources.ts";

/** What choosing a way takes beside the plans. */
export interface Choice {
  /** Whether a source can be had; asked only where there is a choice. */
  readonly canHave: (row: SourceRow) => Promise<boolean>;
  /** Whether to take the best way even where another one's build is up to date. */
  readonly force: boolean;
}

/**
 * The plans of a distro version by each of its alternatives, best first; one plan
 * where it has none. A way that cannot be planned, as with a version that it has no
 * source of, is left out, and the others say so.
 *
 * @throws {KrunnerError} As `makePlan`, if there is no way at all.
 */
export async function makePlans(
  target: Target,
  options: PlanOptions,
): Promise<[BuildPlan, ...BuildPlan[]]> {
  const { alternatives = [] } = await readDistroData(target);
  const plans: BuildPlan[] = [];
  const failures: KrunnerError[] = [];
  for (const alternative of [0, ...alternatives.keys().drop(1)]) {
    try {
      plans.push(await makePlan(target, { ...options, alternative }));
    } catch (error) {
      if (!(error instanceof KrunnerError)) throw error;
      failures.push(error);
    }
  }
  const notices = failures.map(({ message }) => `Not taken: ${message}`);
  const [first, ...others] = plans.map((plan) => withNotices(plan, notices));
  if (first === undefined) throw failures.at(-1);
  return [first, ...others];
}

/**
 * The plan to carry out: that of the last build where its inputs are the same
 * still, else the first whose sources can all be had, else the last.
 */
export async function choosePlan(
  plans: readonly [BuildPlan, ...BuildPlan[]],
  { canHave, force }: Choice,
): Promise<BuildPlan> {
  if (plans.length === 1) return plans[0];
  const built = force ? undefined : await findBuilt(plans);
  if (built !== undefined) return built;
  const notices: string[] = [];
  for (const plan of plans.slice(0, -1)) {
    const missing = await findMissing(plan.sources, canHave);
    if (missing === undefined) return withNotices(plan, notices);
    notices.push(
      `Source "${missing.file}" of ${missing.name} cannot be had: building "${plan.target.distroVersion}" another way`,
    );
  }
  return withNotices(plans.at(-1)!, notices);
}

/** What {@linkcode planBestWay} takes beside the plan's options. */
export interface WayOptions {
  /** A folder for downloads. */
  readonly cache: string;
  /** Ends the questions. */
  readonly signal: AbortSignal;
  /** As {@linkcode Choice} has it. */
  readonly force: boolean;
}

/**
 * Plans a distro version by the way that {@linkcode choosePlan} takes: sources are
 * looked for in the folder of the options, else in the cache and at their origins.
 *
 * @throws {KrunnerError} As `makePlan`.
 */
export async function planBestWay(
  target: Target,
  options: PlanOptions,
  { cache, signal, force }: WayOptions,
): Promise<BuildPlan> {
  return await choosePlan(await makePlans(target, options), {
    force,
    canHave: async (row) => {
      const { canHaveSource } = await import("./source_reach.ts");
      const { sources } = options;
      return await canHaveSource(row, {
        cache: `${cache}/sources`,
        sources,
        signal,
      });
    },
  });
}

async function findBuilt(
  plans: readonly BuildPlan[],
): Promise<BuildPlan | undefined> {
  const [{ target, arch }] = plans as [BuildPlan];
  // One that cannot be read is a reason to build, which is said then.
  const manifest = await readManifest(target, arch).catch(() => undefined);
  return manifest &&
    plans.find(({ inputs }) =>
      changedInputs(manifest.inputs, inputs).length === 0
    );
}

async function findMissing(
  rows: readonly SourceRow[],
  canHave: (row: SourceRow) => Promise<boolean>,
): Promise<SourceRow | undefined> {
  for (const row of rows) if (!await canHave(row)) return row;
  return undefined;
}

function withNotices(plan: BuildPlan, notices: readonly string[]): BuildPlan {
  return { ...plan, notices: [...notices, ...plan.notices] };
}
