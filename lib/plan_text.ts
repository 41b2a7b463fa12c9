/**
 * Plans as text for people (`--dry-run`) and as JSON for machines.
 *
 * @module
 */

import type { BuildPlan, StagePlan } from "./plan.ts";
import { describeOrigin, withoutCredentials } from "./sources.ts";

/** The plan as a person reads it, without a line break at the end. */
export function renderPlan(
  plan: BuildPlan,
  reasons: readonly string[],
): string {
  const { target, arch, volumeVersion, base, stages, sources, outputs } = plan;
  return [
    `${target.distroVersion} (${arch}), volume version ${volumeVersion}`,
    `  build: ${
      reasons.length === 0 ? "up to date, nothing to do" : reasons.join(", ")
    }`,
    ...base === undefined ? [] : [
      `  base image: ${base.reference} (${base.policy}${
        base.bootstrap === undefined || base.policy === "registry"
          ? ""
          : `; suite ${base.bootstrap.suite}${
            base.bootstrap.mirror === undefined
              ? ""
              : ` of ${base.bootstrap.mirror}`
          } as ${base.bootstrapped}`
      })`,
    ],
    ...sources.flatMap((row) => [
      `  source: ${row.file}, SHA-256 ${row.sha256}`,
      ...row.origins.map((origin) => `    from ${describeOrigin(origin)}`),
    ]),
    ...stages.flatMap(renderStage),
    `  outputs in ${target.pkg.dir}:`,
    ...Object.values(outputs).map((name) => `    ${name}`),
  ].join("\n");
}

function renderStage(stage: StagePlan): string[] {
  return [
    `  stage ${stage.stage}: ${stage.image}`,
    `    dockerfile: ${stage.wheelhouse ?? stage.dockerfile}`,
    `    context: ${stage.context.map(({ path }) => path).join(", ")}`,
    ...Object.entries(stage.buildArgs).map((
      [name, value],
    ) => `    build argument: ${name}=${value}`),
  ];
}

/** The plan as one JSON document. */
export function planToJson(
  plan: BuildPlan,
  reasons: readonly string[],
): Record<string, unknown> {
  const { target, arch, volumeVersion, base, stages, sources, outputs } = plan;
  return {
    distroVersion: target.distroVersion,
    family: target.pkg.family,
    arch,
    status: "planned",
    reasons,
    volumeVersion,
    base,
    sources: sources.map((row) => ({
      ...row,
      origins: row.origins.map((origin) =>
        "url" in origin ? { url: withoutCredentials(origin.url) } : origin
      ),
    })),
    stages: stages.map(({ context, ...stage }) => ({
      ...stage,
      context: context.map(({ path }) => path),
    })),
    dir: target.pkg.dir,
    outputs,
    inputs: plan.inputs,
  };
}
