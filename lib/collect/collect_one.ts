/**
 * Collects what one distro version needs into a folder: made on a host with a
 * network, used by builds on one without.
 *
 * @module
 */

import { provideBase } from "../base_image.ts";
import { commitFiles } from "../commit_files.ts";
import { fileError, KrunnerError } from "../errors.ts";
import { sha256 } from "../inputs.ts";
import type { Stage } from "../package_dir.ts";
import { type BuildPlan, type StagePlan, uniqueSources } from "../plan.ts";
import { type Build, type BuildRun, withBuild } from "../run_build.ts";
import { hashOf } from "../part_file.ts";
import type { SourceRow } from "../sources.ts";
import { CHECKSUM_FILE, formatChecksums } from "./checksums.ts";
import { imageStage, misfits, otherImages } from "./fit.ts";
import type { CollectedFolder } from "./folder.ts";
import {
  archiveFile,
  type CollectedEntry,
  type CollectedIndex,
  entryKey,
  filesOf,
  formatIndex,
  type ImageEntry,
  imagesOf,
  INDEX_FILE,
  wheelFolder,
} from "./index_file.ts";
import { collectedName, saveImages } from "./save_images.ts";
import { stageInputs, stagesBelow } from "./stage_inputs.ts";
import { takeWheels } from "./take_wheels.ts";

/** New files are complete in this folder of the collected one before they get their places. */
export const STAGING = ".collecting";

/**
 * Why a folder lacks something that the plan needs, in words; empty where all of
 * it is there and right.
 */
export async function missing(
  plan: BuildPlan,
  folder: CollectedFolder,
): Promise<string[]> {
  const entry = folder.index?.[keyOf(plan)];
  if (entry === undefined) return ["it was not collected there yet"];
  const reasons = misfits(plan, entry);
  for (const { file } of plan.sources) {
    if (!entry.sources.includes(file)) reasons.push(`source ${file} (new)`);
  }
  for (const file of filesOf(entry)) {
    if (!await isRight(folder, file)) {
      reasons.push(`${file} is missing or was changed`);
    }
  }
  return reasons;
}

function keyOf({ target: { distroVersion }, arch }: BuildPlan): string {
  return entryKey({ distroVersion, arch });
}

async function isRight(
  { dir, sums }: CollectedFolder,
  file: string,
): Promise<boolean> {
  const expected = sums.get(file);
  return expected !== undefined && await hashOf(`${dir}/${file}`) === expected;
}

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
    stages,
    sources: [...new Set([...uniqueSources(stages), ...absent])],
    // They are about the volume.
    notices: [],
  };
  const staging = `${folder.dir}/${STAGING}`;
  try {
    return await withBuild(part, run, async (build) => {
      await build.prepare();
      await build.buildStages();
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

/**
 * The rows whose files are not there, or are there and were damaged since.
 *
 * @throws {KrunnerError} If another file has a row's name.
 */
async function absentSources(
  plan: BuildPlan,
  { dir, index = {} }: CollectedFolder,
): Promise<SourceRow[]> {
  const own = new Set(Object.values(index).flatMap(filesOf));
  const absent: SourceRow[] = [];
  for (const row of plan.sources) {
    const path = `${dir}/${row.file}`;
    const actual = await hashOf(path);
    if (actual === row.sha256) continue;
    if (actual !== undefined && !own.has(row.file)) {
      throw new KrunnerError(
        `Cannot write "${path}": a file that was not collected is there (SHA-256 ${actual}, not ${row.sha256}); move it away`,
      );
    }
    absent.push(row);
  }
  return absent;
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
    const entry = await this.#saveImages(wheels);
    return await this.#commit(entry);
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

  async #saveImages(wheels: CollectedEntry["wheels"]): Promise<CollectedEntry> {
    const { base } = this.#build;
    const stages: [Stage, StagePlan][] = [];
    for (const name of collectedStages(this.#plan)) {
      const stage = this.#stageOf(name);
      // Wheels in a folder of their own need the stage's image no more.
      if (stage === undefined || name === "wheels" && wheels) continue;
      stages.push([name, stage]);
    }
    const others = otherImages(this.#plan);
    const names = new Map<string, string>();
    const image = async (reference: string): Promise<ImageEntry> => {
      const id = await this.#run.engine.imageId(reference) ?? "";
      const name = await collectedName(keyOf(this.#plan), id);
      names.set(reference, name);
      return { name, id };
    };
    for (const reference of others) await this.#pull(reference);
    const entry: CollectedEntry = {
      distroVersion: this.#plan.target.distroVersion,
      arch: this.#plan.arch,
      sources: this.#plan.sources.map(({ file }) => file).sort(),
      ...base === undefined || this.#plan.base === undefined ? {} : {
        base: {
          reference: this.#plan.base.reference,
          ...await image(base.reference),
        },
      },
      stages: Object.fromEntries(
        await Promise.all(stages.map(async ([name, stage]) => [name, {
          ...await image(stage.image),
          inputs: stageInputs(this.#plan, name),
        }])),
      ),
      others: Object.fromEntries(
        await Promise.all(
          others.map(async (reference) => [reference, await image(reference)]),
        ),
      ),
      ...wheels === undefined ? {} : { wheels },
    };
    if (names.size > 0 && !await this.#hasImages(entry)) {
      this.#build.begin("images");
      await saveImages(
        this.#run.engine,
        names,
        await this.#stage(archiveFile(entry)),
        this.#run,
      );
    }
    return entry;
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

  async #commit(entry: CollectedEntry): Promise<CollectedFolder> {
    const { dir, sums: oldSums, index: oldIndex = {} } = this.#folder;
    const index: CollectedIndex = { ...oldIndex, [keyOf(this.#plan)]: entry };
    const text = formatIndex(index);
    const sums = new Map(oldSums);
    for (const row of this.#plan.sources) sums.set(row.file, row.sha256);
    for (const file of this.#files) {
      sums.set(file, await hashOf(`${dir}/${STAGING}/${file}`) ?? "");
    }
    const stale = staleFiles(oldIndex, index);
    for (const file of stale) sums.delete(file);
    sums.set(INDEX_FILE, await sha256(text));
    this.#run.engine.throwIfCancelled();
    for (const file of this.#files) await makeParent(`${dir}/${file}`);
    // The checksums last: until they are there the index is not believed.
    await commitFiles([
      ...this.#files.map((file) => ({
        path: `${dir}/${file}`,
        from: `${dir}/${STAGING}/${file}`,
      })),
      { path: `${dir}/${INDEX_FILE}`, content: text },
      { path: `${dir}/${CHECKSUM_FILE}`, content: formatChecksums(sums) },
    ]);
    for (const file of stale) {
      await Deno.remove(`${dir}/${file}`).catch(() => {});
    }
    return { dir, index, sums };
  }
}

/** Files of the old index that nothing of the new one needs. */
function staleFiles(old: CollectedIndex, fresh: CollectedIndex): string[] {
  const needed = new Set(Object.values(fresh).flatMap(filesOf));
  return Object.values(old).flatMap(filesOf).filter((file) =>
    !needed.has(file)
  );
}

async function makeParent(path: string): Promise<void> {
  const parent = path.slice(0, path.lastIndexOf("/"));
  await Deno.mkdir(parent, { recursive: true }).catch((error) => {
    throw fileError("write", parent, error);
  });
}
