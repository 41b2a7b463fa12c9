/**
 * Puts what a collected folder holds into a build's plan, if it fits.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import { changedInputs, type Inputs } from "../inputs.ts";
import type { Stage } from "../package_dir.ts";
import type { BuildPlan } from "../plan.ts";
import {
  planWheelhouse,
  type StagePlan,
  uniqueSources,
} from "../plan/stages.ts";
import { toWheelFiles } from "../wheelhouse.ts";
import { checksumOf, type CollectedFolder } from "./folder.ts";
import {
  archiveFile,
  type CollectedEntry,
  type CollectedImage,
  entryKey,
  type ImageEntry,
  wheelFolder,
} from "./index_file.ts";
import { stageInputs, stagesBelow } from "./stage_inputs.ts";

/**
 * The stage whose image is collected, since no network stands behind what is
 * above it: `toolchain`; where a family has none, its compiler and its Python
 * come of one stage.
 */
export function imageStage(plan: BuildPlan): Stage | undefined {
  return (["toolchain", "python"] as const).find((name) =>
    plan.stages.some(({ stage }) => stage === name)
  );
}

/** The stages that a folder stands in for, and those that are left to build. */
export function offlineStages(plan: BuildPlan): StagePlan[] {
  const kept = imageStage(plan);
  const stages = plan.stages.map((stage) =>
    stage.stage === kept || stage.stage === "wheels"
      ? { ...stage, from: [] }
      : stage
  );
  return stagesBelow(stages, ["env"]);
}

/**
 * Images that these stages name, and the one that the volume is made on and will
 * be tried in, that neither a stage nor the base image is.
 */
export function otherImages(plan: BuildPlan): string[] {
  const known = [
    ...plan.stages.map(({ image }) => image),
    plan.base?.reference,
  ];
  const { madeOn } = plan;
  const images = [
    ...offlineStages(plan).flatMap(({ from }) => from),
    // An engine gives no image that it loads a name with a digest.
    ...madeOn === undefined || madeOn.includes("@") ? [] : [madeOn],
  ];
  return [...new Set(images)].filter((image) => !known.includes(image)).sort();
}

/**
 * Why a folder's entry does not stand in for what the plan would get from the
 * network, in words; empty where it does.
 */
export function misfits(plan: BuildPlan, entry: CollectedEntry): string[] {
  const { base, others, stages, wheels } = entry;
  const words: string[] = [];
  for (const { stage, wheelhouse } of offlineStages(plan)) {
    if (stage === imageStage(plan)) {
      words.push(...changesOf(plan, stage, stages[stage]));
    } else if (stage === "wheels" && wheelhouse === undefined) {
      words.push(...changesOf(plan, stage, wheels ?? stages[stage]));
    }
  }
  const reference = plan.base?.reference;
  if (reference !== undefined && reference !== base?.reference) {
    words.push(`base image ${base?.reference ?? "none"} → ${reference}`);
  }
  for (const image of otherImages(plan)) {
    if (others[image] === undefined) words.push(`image ${image} (new)`);
  }
  return [...new Set(words)];
}

function changesOf(
  plan: BuildPlan,
  stage: Stage,
  recorded: { readonly inputs: Inputs } | undefined,
): string[] {
  return recorded === undefined
    ? [`stage ${stage} (new)`]
    : changedInputs(recorded.inputs, stageInputs(plan, stage));
}

/**
 * The plan with images and wheels of a folder in place of what needs a network.
 * Its inputs stay those of a build from the network: what stands in for a stage
 * was made from the same.
 *
 * @throws {KrunnerError} If the folder holds something for this distro version
 * that does not fit the plan.
 */
export function applyFolder(
  plan: BuildPlan,
  folder: CollectedFolder,
): BuildPlan {
  if (folder.index === undefined) return plan;
  const { distroVersion } = plan.target;
  const { arch } = plan;
  const entry = folder.index[entryKey({ distroVersion, arch })];
  if (entry === undefined) {
    const notice =
      `"${folder.dir}" holds only sources for "${distroVersion}" (${arch}): images and wheels come from elsewhere; collect it there, too, with "sources.ts --to ${folder.dir} ${distroVersion}"`;
    return { ...plan, notices: [...plan.notices, notice] };
  }
  const changes = misfits(plan, entry);
  if (changes.length > 0) {
    throw new KrunnerError(
      `Cannot build "${distroVersion}" from "${folder.dir}": it was collected before a change of ${
        changes.join(", ")
      }; collect it again on a host with a network, with the same options and "sources.ts --to DIR ${distroVersion}"`,
    );
  }
  return useEntry(plan, folder, entry);
}

function useEntry(
  plan: BuildPlan,
  folder: CollectedFolder,
  entry: CollectedEntry,
): BuildPlan {
  const image = ({ name, id }: ImageEntry): CollectedImage => ({
    archive: `${folder.dir}/${archiveFile(entry)}`,
    sha256: checksumOf(folder, archiveFile(entry)),
    name,
    id,
  });
  const stages = offlineStages(plan).map((stage): StagePlan => {
    if (stage.wheelhouse !== undefined) return stage;
    if (stage.stage === "wheels" && entry.wheels !== undefined) {
      return wheelsOf(stage, folder, entry, entry.wheels.files);
    }
    const recorded = entry.stages[stage.stage];
    return recorded === undefined
      ? stage
      : { ...stage, context: [], collected: image(recorded) };
  });
  const others = new Set(otherImages(plan));
  const images = plan.images
    .filter(({ reference }) => others.has(reference))
    .map((foreign) => ({
      ...foreign,
      collected: image(entry.others[foreign.reference]!),
    }));
  return {
    ...plan,
    ...plan.base === undefined || entry.base === undefined
      ? {}
      : { base: { ...plan.base, collected: image(entry.base) } },
    stages,
    sources: uniqueSources(stages),
    images,
  };
}

function wheelsOf(
  { image }: StagePlan,
  folder: CollectedFolder,
  entry: CollectedEntry,
  names: readonly string[],
): StagePlan {
  const dir = wheelFolder(entry);
  const wheels = toWheelFiles(names).map((wheel) => ({
    ...wheel,
    sha256: checksumOf(folder, `${dir}/${wheel.name}`),
  }));
  return planWheelhouse(image, `${folder.dir}/${dir}`, wheels);
}
