/**
 * Which stages of a plan another one stands on, and what those are made from.
 *
 * @module
 */

import type { Inputs } from "../inputs.ts";
import type { Stage } from "../package_dir.ts";
import type { BuildPlan } from "../plan.ts";
import type { StagePlan } from "../plan/stages.ts";

/** The stages that one of these is made from, directly or not, and these; in the order to build. */
export function stagesBelow(
  stages: readonly StagePlan[],
  tops: readonly Stage[],
): StagePlan[] {
  const needed = new Set<Stage>();
  const visit = (stage: StagePlan) => {
    if (needed.has(stage.stage)) return;
    needed.add(stage.stage);
    for (const other of stages) {
      if (stage.from.includes(other.image)) visit(other);
    }
  };
  for (const stage of stages) if (tops.includes(stage.stage)) visit(stage);
  return stages.filter(({ stage }) => needed.has(stage));
}

/**
 * What a stage and all below it are made from: the part of the plan's inputs that
 * has a share in its image. The images' prefix is none of it.
 */
export function stageInputs(plan: BuildPlan, stage: Stage): Inputs {
  const stages = stagesBelow(plan.stages, [stage]);
  const context = stages.flatMap((below) => below.context);
  const files = context.flatMap((file) =>
    file.kind === "package" ? [file.path] : []
  );
  const sources = context.flatMap((file) =>
    file.kind === "source" ? [file.row.file] : []
  );
  const args = stages.flatMap(({ buildArgs }) => Object.keys(buildArgs));
  const { inputs } = plan;
  return {
    files: pick(inputs.files, files),
    sources: pick(inputs.sources, sources),
    args: pick(inputs.args, args),
    ...inputs.base !== undefined && args.includes("BASE_IMAGE")
      ? { base: inputs.base }
      : {},
  };
}

function pick(
  record: Readonly<Record<string, string>>,
  keys: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).filter(([key]) => keys.includes(key)),
  );
}
