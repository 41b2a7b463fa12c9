/**
 * Plans as text for people (`--dry-run`) and as JSON for machines.
 *
 * @module
 */

import type { BasePlan } from "./base_image.ts";
import type { ForeignImage } from "./foreign_images.ts";
import type { BuildPlan } from "./plan.ts";
import type { StagePlan } from "./plan/stages.ts";
import { describeOrigin, type SourceRow, withoutSecrets } from "./sources.ts";

/** The plan as a person reads it, without a line break at the end. */
export function renderPlan(
  plan: BuildPlan,
  reasons: readonly string[],
): string {
  const { target, arch, volumeVersion, base, images, stages } = plan;
  const { sources, sourceFolder, outputs } = plan;
  return [
    `${target.distroVersion} (${arch}), volume version ${volumeVersion}`,
    `  build: ${
      reasons.length === 0 ? "up to date, nothing to do" : reasons.join(", ")
    }`,
    ...base === undefined ? [] : [renderBase(base)],
    ...images.map(renderImage),
    ...sources.flatMap((row) =>
      renderSource(
        row,
        sourceFolder === undefined
          ? row.origins.map(describeOrigin)
          : [`${sourceFolder}/${row.file}`],
      )
    ),
    ...stages.flatMap(renderStage),
    `  outputs in ${target.pkg.dir}:`,
    ...Object.values(outputs).map((name) => `    ${name}`),
    ...plan.notices.map((notice) => `  notice: ${notice}`),
  ].join("\n");
}

/** The line of a base image. */
export function renderBase(
  { reference, policy, bootstrap, bootstrapped, collected }: BasePlan,
): string {
  if (collected !== undefined) {
    return `  base image: ${reference} from ${collected.archive}`;
  }
  return `  base image: ${reference} (${policy}${
    bootstrap === undefined || policy === "registry"
      ? ""
      : `; suite ${bootstrap.suite}${
        bootstrap.mirror === undefined ? "" : ` of ${bootstrap.mirror}`
      } as ${bootstrapped}`
  })`;
}

/** The lines of a source, and of the places that may have it. */
export function renderSource(
  { file, sha256 }: SourceRow,
  places: readonly string[],
): string[] {
  return [
    `  source: ${file}, SHA-256 ${sha256}`,
    ...places.map((place) => `    from ${place}`),
  ];
}

function renderImage(
  { reference, dockerfile, collected }: ForeignImage,
): string {
  return collected === undefined
    ? `  image: ${reference}, for ${dockerfile}`
    : `  image: ${reference} from ${collected.archive}`;
}

function renderStage(stage: StagePlan): string[] {
  const title = `  stage ${stage.stage}: ${stage.image}`;
  if (stage.collected !== undefined) {
    return [title, `    from ${stage.collected.archive}`];
  }
  return [
    title,
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
    images: plan.images,
    sourceFolder: plan.sourceFolder,
    sources: sources.map(withoutSecrets),
    stages: stages.map(({ context, ...stage }) => ({
      ...stage,
      context: context.map(({ path }) => path),
    })),
    dir: target.pkg.dir,
    outputs,
    inputs: plan.inputs,
    notices: plan.notices,
  };
}
