/**
 * The dockerfiles that a build needs, as they were read.
 *
 * @module
 */

import { fileError, KrunnerError } from "../errors.ts";
import { readVolumeVersion } from "../labels.ts";
import {
  inPackage,
  type Stage,
  stageDockerfile,
  type Target,
} from "../package_dir.ts";
import { readStageFile, type StageFile } from "../stage_file.ts";
import { stageOfImage } from "./image_names.ts";
import type { PlanOptions } from "./options.ts";

/** A stage's dockerfile as it was read. */
export interface StageDraft {
  /** The stage. */
  readonly stage: Stage;
  /** The file's name in the package directory. */
  readonly name: string;
  /** Its text. */
  readonly text: string;
  /** What the text says. */
  readonly file: StageFile;
}

/** The dockerfiles of one distro version. */
export interface Draft {
  /** In the order to build. */
  readonly stages: readonly StageDraft[];
  /** The volume version of the env stage's label. */
  readonly volumeVersion: number;
}

/**
 * Reads the env stage and, before it, all stages whose images it is made from.
 *
 * @param args Build arguments by name: names of images may be written with them.
 * @throws {KrunnerError} If a dockerfile is missing, unreadable or broken, stages
 * are made from each other in a circle, or the label is wrong.
 * @throws {UsageError} If a dockerfile names an image without the user's prefix.
 */
export async function readStages(
  target: Target,
  options: PlanOptions,
  args: Readonly<Record<string, string>>,
): Promise<Draft> {
  const stages: StageDraft[] = [];
  let volumeVersion = 0;
  const visit = async (stage: Stage, wantedBy: readonly Stage[]) => {
    if (stages.some((draft) => draft.stage === stage)) return;
    if (wantedBy.includes(stage)) {
      throw new KrunnerError(
        `Cannot build "${target.distroVersion}": its stage "${stage}" is made from itself (${
          [...wantedBy, stage].join(" ← ")
        }); correct a FROM line`,
      );
    }
    const draft = await readStage(target, stage, wantedBy.at(-1), args);
    if (stage === "env") {
      volumeVersion = readVolumeVersion(
        draft.text,
        inPackage(target, draft.name),
      );
    }
    for (const image of draft.file.images) {
      const other = stageOfImage(image, target, options.imagePrefix);
      if (other === undefined) continue;
      if (other === "wheels" && options.wheelhouse !== undefined) continue;
      await visit(other, [...wantedBy, stage]);
    }
    stages.push(draft);
  };
  await visit("env", []);
  return { stages, volumeVersion };
}

async function readStage(
  target: Target,
  stage: Stage,
  wantedBy: Stage | undefined,
  args: Readonly<Record<string, string>>,
): Promise<StageDraft> {
  const name = stageDockerfile(target, stage);
  if (name === undefined) {
    const { pkg, distroVersion } = target;
    throw new KrunnerError(
      `Cannot build "${distroVersion}": stage "${wantedBy}" is made from stage "${stage}", which has no dockerfile; add "${pkg.dir}/krunner-${stage}.${distroVersion}.dockerfile" or "krunner-${stage}.${pkg.family}.dockerfile"`,
    );
  }
  const path = inPackage(target, name);
  const text = await Deno.readTextFile(path).catch((error) => {
    throw fileError("read", path, error);
  });
  const file = readStageFile(text, path, args);
  if (file.parent === "") {
    throw new KrunnerError(
      `Cannot build with "${path}": it has no FROM line; add one`,
    );
  }
  return { stage, name, text, file };
}
