/**
 * What `sources.ts` would collect, as text for people (`--dry-run`) and as JSON
 * for machines.
 *
 * @module
 */

import type { Stage } from "../package_dir.ts";
import type { BuildPlan } from "../plan.ts";
import { renderBase, renderSource } from "../plan_text.ts";
import { describeOrigin, withoutSecrets } from "../sources.ts";
import { imageStage, otherImages } from "./fit.ts";

/** The plan as a person reads it, without a line break at the end. */
export function renderCollectPlan(
  plan: BuildPlan,
  dir: string,
  reasons: readonly string[],
): string {
  const { target, arch, base, sources } = plan;
  const kept = stageImage(plan, imageStage(plan));
  const wheels = stageImage(plan, "wheels");
  return [
    `${target.distroVersion} (${arch}) into ${dir}`,
    `  collect: ${
      reasons.length === 0 ? "up to date, nothing to do" : reasons.join(", ")
    }`,
    ...sources.flatMap((row) =>
      renderSource(row, row.origins.map(describeOrigin))
    ),
    ...base === undefined ? [] : [renderBase(base)],
    ...kept === undefined ? [] : [`  image: ${kept}`],
    ...otherImages(plan).map((image) => `  image: ${image}`),
    ...wheels === undefined ? [] : [`  wheels: of ${wheels}`],
  ].join("\n");
}

/** The plan as one JSON document. */
export function collectPlanToJson(
  plan: BuildPlan,
  dir: string,
  reasons: readonly string[],
): object {
  const { target: { distroVersion }, arch, base, sources } = plan;
  const kept = stageImage(plan, imageStage(plan));
  return {
    status: "planned",
    distroVersion,
    arch,
    dir,
    reasons,
    sources: sources.map(withoutSecrets),
    base,
    images: [...kept === undefined ? [] : [kept], ...otherImages(plan)],
    wheels: stageImage(plan, "wheels"),
  };
}

function stageImage(
  { stages }: BuildPlan,
  name: Stage | undefined,
): string | undefined {
  return stages.find(({ stage }) => stage === name)?.image;
}
