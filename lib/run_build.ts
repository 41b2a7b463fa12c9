/**
 * Carries out a plan: base image, sources, stages, volume, and at the end all
 * outputs at once.
 *
 * @module
 */

import { Build } from "./build/build.ts";
import { lockBuild, removeLeftovers } from "./build/exclusive.ts";
import { makeOutputs } from "./build/outputs.ts";
import type { BuildRun } from "./build/run.ts";
import { CancelledError } from "./errors.ts";
import { sha256 } from "./inputs.ts";
import type { Manifest } from "./manifest.ts";
import type { BuildPlan } from "./plan.ts";

/**
 * Carries out one plan and returns the new manifest. The old outputs stay as they
 * are until all new ones are complete.
 *
 * @throws {StageError} If a stage's build fails.
 * @throws {KrunnerError} If anything else does.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function runBuild(
  plan: BuildPlan,
  run: BuildRun,
): Promise<Manifest> {
  return await withBuild(plan, run, async (build) => {
    await build.prepare();
    await build.buildStages(plan.stages);
    return await makeOutputs(build);
  });
}

/**
 * Lets `work` use a build that no other one disturbs. Whatever a killed one left
 * is removed before, and this one's containers after it.
 *
 * @throws {KrunnerError} If another build of it is running, or `work` fails so.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function withBuild<T>(
  plan: BuildPlan,
  run: BuildRun,
  work: (build: Build) => Promise<T>,
): Promise<T> {
  const { target: { pkg, distroVersion }, arch } = plan;
  const dir = await Deno.realPath(pkg.dir);
  const key = (await sha256(`${dir}\n${distroVersion}\n${arch}`)).slice(0, 16);
  using _locks = await lockBuild(plan, run, dir);
  try {
    await removeLeftovers(plan, run, key);
    return await work(new Build(plan, run, key));
  } catch (error) {
    if (run.signal.aborted) {
      throw new CancelledError(`Cancelled the build of "${distroVersion}"`, {
        cause: error,
      });
    }
    throw error;
  } finally {
    // An engine that is gone cannot clean up: the next build will.
    await run.engine.forCleanup().removeContainers(key).catch(() => {});
  }
}
