/**
 * Collects what one distro version needs into a folder: made on a host with a
 * network, used by builds on one without.
 *
 * @module
 */

import { provideBase } from "../base_image.ts";
import type { Build } from "../build/build.ts";
import type { BuildRun } from "../build/run.ts";
import { fileError } from "../errors.ts";
import type { Stage } from "../package_dir.ts";
import type { BuildPlan } from "../plan.ts";
import { type StagePlan, uniqueSources } from "../plan/stages.ts";
import { withBuild } from "../run_build.ts";
import type { SourceRow } from "../sources.ts";
import { commitFolder, makeParent, STAGING } from "./commit_folder.ts";
import { imageStage, otherImages } from "./fit.ts";
import type { CollectedFolder } from "./folder.ts";
import {
  archiveFile,
  type CollectedEntry,
  type ImageEntry,
  imagesOf,
  type StageEntry,
  wheelFolder,
} from "./index_file.ts";
import { absentSources, isRight, keyOf } from "./missing.ts";
import { collectedName, saveImages } from "./save_images.ts";
import { stageInputs, stagesBelow } from "./stage_inputs.ts";
import { takeWheels } from "./take_wheels.ts";

/**
 * Collects what a plan needs into a folder, all at once at the end: until then the
 * folder is as it was.
 *
 * @returns The folder as it is now.
 * @throws {StageError} If a stage's build fails.
 * @throws {KrunnerError} If anything else does.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function collectOne(
  plan: BuildPlan,
  folder: CollectedFolder,
  run: BuildRun,
): Promise<CollectedFolder> {
  const absent = await absentSources(plan, folder);
  const stages = stagesBelow(plan.stages, collectedStages(plan));
  const part: BuildPlan = {
    ...plan,
    sources: [...new Set([...uniqueSources(stages), ...absent])],
    // They are about the volume.
    notices: [],
  };
  const staging = `${folder.dir}/${STAGING}`;
  try {
    return await withBuild(part, run, async (build) => {
      await build.prepare();
      await build.buildStages(stages);
      const collector = new Collector(plan, folder, run, build);
      return await collector.collect(absent);
    });
  } finally {
    await Deno.remove(staging, { recursive: true }).catch(() => {});
  }
}

function collectedStages(plan: BuildPlan): Stage[] {
  const stage = imageStage(plan);
  return stage === undefined ? ["wheels"] : [stage, "wheels"];
}

class Collector {
  readonly #plan: BuildPlan;
  readonly #folder: CollectedFolder;
  readonly #run: BuildRun;
  readonly #build: Build;
  /** Files that are complete in the staging folder. */
  readonly #files: string[] = [];

  constructor(
    plan: BuildPlan,
    folder: CollectedFolder,
    run: BuildRun,
    build: Build,
  ) {
    this.#plan = plan;
    this.#folder = folder;
    this.#run = run;
    this.#build = build;
  }

  async collect(absent: readonly SourceRow[]): Promise<CollectedFolder> {
    for (const { file } of absent) {
      await this.#copy(this.#build.sources.get(file)!, file);
    }
    const wheels = await this.#takeWheels();
    const { entry, names } = await this.#describe(wheels);
    await this.#saveImages(entry, names);
    return await commitFolder(this.#folder, {
      entry,
      files: this.#files,
      sources: this.#plan.sources,
    }, () => this.#run.engine.throwIfCancelled());
  }

  /** The place of a new file until it is committed; its folder is made. */
  async #stage(file: string): Promise<string> {
    const path = `${this.#folder.dir}/${STAGING}/${file}`;
    await makeParent(path);
    this.#files.push(file);
    return path;
  }

  async #copy(from: string, file: string): Promise<void> {
    const path = await this.#stage(file);
    await Deno.copyFile(from, path).catch((error) => {
      throw fileError("write", path, error);
    });
  }

  #stageOf(name: Stage | undefined): StagePlan | undefined {
    return this.#plan.stages.find(({ stage }) => stage === name);
  }

  async #takeWheels(): Promise<CollectedEntry["wheels"]> {
    const stage = this.#stageOf("wheels");
    if (stage === undefined) return undefined;
    this.#build.begin("wheels");
    const { target: { distroVersion }, arch } = this.#plan;
    const dir = wheelFolder({ distroVersion, arch });
    const parent = `${this.#folder.dir}/${STAGING}/${dir}`;
    await makeParent(`${parent}/x`);
    const files = await takeWheels(this.#run.engine, {
      image: stage.image,
      label: this.#build.label,
      platform: this.#build.platform,
    }, parent);
    if (files.length === 0) return undefined;
    this.#files.push(...files.map((name) => `${dir}/${name}`));
    return { files, inputs: stageInputs(this.#plan, "wheels") };
  }

  /** What was made, with the images by their names in the engine. */
  async #describe(
    wheels: CollectedEntry["wheels"],
  ): Promise<{ entry: CollectedEntry; names: Map<string, string> }> {
    const { target: { distroVersion }, arch, sources } = this.#plan;
    const names = new Map<string, string>();
    const image = async (reference: string): Promise<ImageEntry> => {
      const id = await this.#run.engine.imageId(reference) ?? "";
      const name = await collectedName(keyOf(this.#plan), id);
      names.set(reference, name);
      return { name, id };
    };
    const stages: [Stage, StageEntry][] = [];
    for (const name of collectedStages(this.#plan)) {
      const stage = this.#stageOf(name);
      // Wheels in a folder of their own need the stage's image no more.
      if (stage === undefined || name === "wheels" && wheels) continue;
      const inputs = stageInputs(this.#plan, name);
      stages.push([name, { ...await image(stage.image), inputs }]);
    }
    const others: [string, ImageEntry][] = [];
    for (const reference of otherImages(this.#plan)) {
      await this.#pull(reference);
      others.push([reference, await image(reference)]);
    }
    const base = this.#plan.base && this.#build.base && {
      reference: this.#plan.base.reference,
      ...await image(this.#build.base.reference),
    };
    const entry = {
      distroVersion,
      arch,
      sources: sources.map(({ file }) => file).sort(),
      ...base === undefined ? {} : { base },
      stages: Object.fromEntries(stages),
      others: Object.fromEntries(others),
      ...wheels === undefined ? {} : { wheels },
    };
    return { entry, names };
  }

  async #saveImages(
    entry: CollectedEntry,
    names: ReadonlyMap<string, string>,
  ): Promise<void> {
    if (names.size === 0 || await this.#hasImages(entry)) return;
    this.#build.begin("images");
    const target = await this.#stage(archiveFile(entry));
    await saveImages(this.#run.engine, names, target, this.#run);
  }

  async #pull(reference: string): Promise<void> {
    await provideBase(this.#run.engine, {
      reference,
      policy: "registry",
      bootstrapped: reference,
    }, {
      onNotice: (message) => this.#run.onEvent({ type: "notice", message }),
      log: "",
      platform: this.#build.platform,
      signal: this.#run.signal,
    });
  }

  /** Whether the archive that is there holds these very images. */
  async #hasImages(entry: CollectedEntry): Promise<boolean> {
    const old = this.#folder.index?.[keyOf(this.#plan)];
    const names = (images: CollectedEntry) =>
      imagesOf(images).map(({ name }) => name).sort().join();
    return old !== undefined && names(old) === names(entry) &&
      await isRight(this.#folder, archiveFile(entry));
  }
}
