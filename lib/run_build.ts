/**
 * Carries out a plan: base image, sources, stages, volume, and at the end all
 * outputs at once.
 *
 * @module
 */

import { type BasePlan, provideBase } from "./base_image.ts";
import {
  type Builder,
  buildImage,
  type NetworkMode,
  parseStep,
} from "./builder.ts";
import { krunnerVersion } from "./cli.ts";
import { verifyFile } from "./collect/checksums.ts";
import { ImageLoader } from "./collect/load_images.ts";
import { commitFiles } from "./commit_files.ts";
import { type ContextFile, contextStream } from "./context.ts";
import { openDebianSource } from "./debian_source.ts";
import { askGlibc } from "./glibc.ts";
import { BUILD_LABEL, type Engine, platformOf } from "./engine.ts";
import { withoutSyntax } from "./dockerfile.ts";
import { CancelledError, fileError, KrunnerError } from "./errors.ts";
import { type Extraction, extractVolume } from "./extract.ts";
import { settleFrontend } from "./frontend.ts";
import { changedInputs, sha256 } from "./inputs.ts";
import { VOLUME_VERSION_LABEL } from "./labels.ts";
import { takeLock } from "./lock.ts";
import {
  type BaseRecord,
  formatManifest,
  type Manifest,
  readManifest,
  type TerminalRecord,
} from "./manifest.ts";
import { inPackage } from "./package_dir.ts";
import { findPackages, type FoundPackages } from "./packages.ts";
import type { BuildPlan } from "./plan.ts";
import type { StagePlan } from "./plan/stages.ts";
import { provideForeignImage } from "./provide_foreign.ts";
import { provideSource } from "./source_cache.ts";
import type { DebianOrigin } from "./sources.ts";
import { formatSpdx, toSpdx } from "./spdx.ts";
import { ttydOutputs } from "./ttyd/plan.ts";
import { parseRecord } from "./ttyd/record.ts";
import { messageAsTyped } from "./typed.ts";
import { WHEELHOUSE_DOCKERFILE, wheelhouseDockerfile } from "./wheelhouse.ts";

/** A thing that happens during a build. */
export type BuildEvent =
  | {
    /** A new part of the work begins: `base image`, `sources`, a stage, … */
    readonly type: "stage";
    readonly stage: string;
  }
  | { readonly type: "step"; readonly step: number; readonly total: number }
  | { readonly type: "line"; readonly line: string }
  | { readonly type: "notice"; readonly message: string };

/** What carrying out a plan needs. */
export interface BuildRun {
  /** The engine; its signal is {@linkcode signal}. */
  readonly engine: Engine;
  /** Finds the builder, once for all plans. */
  readonly builder: () => Promise<Builder>;
  /** Cancels the build. */
  readonly signal: AbortSignal;
  /** What the steps of the stages reach. */
  readonly network?: NetworkMode | undefined;
  /** Whether cached layers are ignored. */
  readonly noCache: boolean;
  /** Whether a volume is judged before it replaces the old one. */
  readonly verify: boolean;
  /** A folder for downloads and locks; made where it is missing. */
  readonly cache: string;
  /** A folder of the user's with all sources. */
  readonly sources?: string | undefined;
  /** The time stamp of all entries of the archive, in seconds since 1970. */
  readonly mtime: number;
  /** Compression threads. */
  readonly threads: number;
  /** This process's id, for the lock's holder. */
  readonly pid: number;
  /** Gets everything that happens. */
  readonly onEvent: (event: BuildEvent) => void;
}

/** Milliseconds without a byte after which a download's origin is given up. */
const STALL_TIMEOUT = 10_000;

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
  return await withBuild(plan, run, (build) => build.run());
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
  await makeLogFolder(`${dir}/logs`);
  await makeFolder(`${run.cache}/locks`);
  using _outputs = await lock(`${dir}/logs/.${distroVersion}.lock`, plan, run);
  // Another copy of the family writes other files, but the same image names.
  using _images = await lock(
    `${run.cache}/locks/${run.engine.name}-${
      plan.stages.at(-1)?.image.replaceAll(/[^\w.-]/g, "_")
    }`,
    plan,
    run,
  );
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

async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw fileError("write", path, error);
  }
}

/** Logs and locks are nothing to commit, in whoever's repository they are. */
async function makeLogFolder(path: string): Promise<void> {
  await makeFolder(path);
  const ignore = `${path}/.gitignore`;
  try {
    await Deno.writeTextFile(ignore, "*\n", { createNew: true });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    throw fileError("write", ignore, error);
  }
}

async function lock(
  path: string,
  { target: { distroVersion } }: BuildPlan,
  { pid }: BuildRun,
): Promise<Disposable> {
  return await takeLock(
    path,
    pid,
    (holder) =>
      `Cannot build "${distroVersion}": another build of it is running (process ${holder}); wait for its end`,
  );
}

/** What a killed build left: containers, and files that were not complete yet. */
async function removeLeftovers(
  { target, outputs }: BuildPlan,
  { engine, onEvent }: BuildRun,
  key: string,
): Promise<void> {
  const count = await engine.removeContainers(key);
  if (count > 0) {
    onEvent({
      type: "notice",
      message: `Removed ${count} container(s) of a build that was killed`,
    });
  }
  const prefixes = Object.values(outputs).map((name) => `.${name}.`);
  for await (const { name } of Deno.readDir(target.pkg.dir)) {
    if (prefixes.some((prefix) => name.startsWith(prefix))) {
      await Deno.remove(inPackage(target, name));
    }
  }
}

/** The parts of carrying out one plan. */
export class Build {
  readonly #plan: BuildPlan;
  readonly #run: BuildRun;
  readonly #key: string;
  #base: BaseRecord | undefined;
  #platform: string | undefined;
  readonly #sources = new Map<string, string>();
  /** Texts of dockerfiles that the builder does not get as they are on disk. */
  readonly #texts = new Map<string, string>();

  constructor(plan: BuildPlan, run: BuildRun, key: string) {
    this.#plan = plan;
    this.#run = run;
    this.#key = key;
  }

  /** `key=value` of the label on containers, which are removed at the end. */
  get label(): string {
    return `${BUILD_LABEL}=${this.#key}`;
  }

  /** The docker platform, where it is not the engine's own. */
  get platform(): string | undefined {
    return this.#platform;
  }

  /** The base image, once it is there. */
  get base(): BaseRecord | undefined {
    return this.#base;
  }

  /** Paths of the sources by file name, once they are there. */
  get sources(): ReadonlyMap<string, string> {
    return this.#sources;
  }

  /** Brings images and sources, builds all stages, and makes the outputs. */
  async run(): Promise<Manifest> {
    await this.prepare();
    await this.buildStages(this.#plan.stages);
    const image = this.#plan.stages.at(-1)!.image;
    await this.#checkLabel(image);
    return await this.#extract(image);
  }

  /** Brings images and sources. */
  async prepare(): Promise<void> {
    for (const message of this.#plan.notices) this.#notice(message);
    const { arch } = await this.#run.engine.info();
    if (arch !== this.#plan.arch) this.#platform = platformOf(this.#plan.arch);
    await this.#loadImages();
    await this.#provideBase();
    await this.#provideImages();
    await this.#askGlibc();
    await this.#provideSources();
  }

  /** Builds those of the plan's stages that no image stands in for. */
  async buildStages(stages: readonly StagePlan[]): Promise<void> {
    const missing = stages.filter(({ collected }) => collected === undefined);
    if (missing.length === 0) return;
    const builder = await this.#run.builder();
    for (const stage of missing) await this.#settleFrontend(stage, builder);
    for (const stage of missing) await this.#buildStage(stage, builder);
  }

  #log(stage: string): string {
    const { target } = this.#plan;
    return inPackage(target, `logs/${target.distroVersion}.${stage}.log`);
  }

  /** A new part of the work begins. */
  begin(stage: string): void {
    this.#run.engine.throwIfCancelled();
    this.#run.onEvent({ type: "stage", stage });
  }

  #notice = (message: string): void => {
    this.#run.onEvent({ type: "notice", message });
  };

  /** Images of a collected folder, so that no other way to them is tried. */
  async #loadImages(): Promise<void> {
    const { base, stages, images } = this.#plan;
    if (
      [base, ...stages, ...images].every((one) => one?.collected === undefined)
    ) return;
    this.begin("images");
    const { engine, signal } = this.#run;
    await using loader = new ImageLoader(engine, signal, this.#notice);
    if (base?.collected !== undefined) {
      this.#base = await loader.provide(base.collected, [
        base.reference,
        base.bootstrapped,
      ]);
    }
    for (const { image, collected } of stages) {
      if (collected !== undefined) await loader.provide(collected, [image]);
    }
    for (const { reference, collected } of images) {
      if (collected === undefined) continue;
      const id = await engine.imageId(reference);
      if (id === undefined) await loader.provide(collected, [reference]);
      else if (id !== collected.id) {
        this.#notice(
          `Using the engine's own image "${reference}" (${id}), which is not the collected one (${collected.id})`,
        );
      }
    }
  }

  async #findBase(base: BasePlan): Promise<BaseRecord> {
    this.begin("base image");
    return await provideBase(this.#run.engine, base, {
      onNotice: this.#notice,
      log: this.#log("base"),
      platform: this.#platform,
      signal: this.#run.signal,
    });
  }

  async #provideBase(): Promise<void> {
    const { base } = this.#plan;
    if (base === undefined) return;
    this.#base ??= await this.#findBase(base);
  }

  async #provideImages(): Promise<void> {
    const { images, madeOn, target } = this.#plan;
    const missing = images.filter(({ collected }) => collected === undefined);
    if (missing.length > 0) this.begin("base image");
    const { engine } = this.#run;
    for (const { reference, dockerfile } of missing) {
      await provideForeignImage(engine, reference, {
        where: inPackage(target, dockerfile),
        platform: this.#platform,
        onNotice: this.#notice,
      });
    }
    if (madeOn === undefined) return;
    const id = await engine.imageId(madeOn) ?? "";
    this.#base ??= { reference: madeOn, id };
  }

  async #askGlibc(): Promise<void> {
    if (this.#base === undefined) return;
    const glibc = await askGlibc(this.#run.engine, {
      image: this.#base.reference,
      label: this.label,
      platform: this.#platform,
    });
    if (glibc !== undefined) this.#base = { ...this.#base, glibc };
  }

  async #provideSources(): Promise<void> {
    if (this.#plan.sources.length === 0) return;
    this.begin("sources");
    for (const row of this.#plan.sources) {
      const path = await provideSource(row, {
        cache: `${this.#run.cache}/sources`,
        sources: this.#run.sources,
        signal: this.#run.signal,
        stallTimeout: STALL_TIMEOUT,
        onNotice: this.#notice,
        openDebianSource: (origin) => this.#openDebianSource(origin),
      });
      this.#sources.set(row.file, path);
    }
  }

  #openDebianSource(origin: DebianOrigin): ReadableStream<Uint8Array> {
    if (this.#base === undefined) {
      throw new KrunnerError("no base image is known to run apt in");
    }
    const { engine } = this.#run;
    return openDebianSource(
      engine,
      this.#base.reference,
      this.#key,
      origin,
    );
  }

  async #settleFrontend(stage: StagePlan, builder: Builder): Promise<void> {
    if (stage.wheelhouse !== undefined) return;
    const where = inPackage(this.#plan.target, stage.dockerfile);
    const { engine } = this.#run;
    const needs = { ...stage, where, key: this.#key };
    const how = await settleFrontend(engine, builder, needs, this.#notice);
    if (how === "as written") return;
    const text = withoutSyntax(await Deno.readTextFile(where));
    this.#texts.set(stage.dockerfile, text);
  }

  async #buildStage(stage: StagePlan, builder: Builder): Promise<void> {
    this.begin(stage.stage);
    await verifyWheels(stage);
    const { distroVersion } = this.#plan.target;
    await buildImage(this.#run.engine, builder, {
      what: `"${distroVersion}", stage "${stage.stage}"`,
      dockerfile: stage.dockerfile,
      image: stage.image,
      buildArgs: this.#withBase(stage.buildArgs),
      platform: this.#platform,
      network: this.#run.network,
      noCache: this.#run.noCache,
      context: () => this.#context(stage),
      log: this.#log(stage.stage),
      onLine: (line) => {
        this.#run.onEvent({ type: "line", line });
        const step = parseStep(line);
        if (step !== undefined) this.#run.onEvent({ type: "step", ...step });
      },
    });
  }

  /** The base image that was found may have another name than the one asked for. */
  #withBase(
    args: Readonly<Record<string, string>>,
  ): Readonly<Record<string, string>> {
    return this.#base !== undefined && "BASE_IMAGE" in args
      ? { ...args, BASE_IMAGE: this.#base.reference }
      : args;
  }

  async #context(stage: StagePlan): Promise<ReadableStream<Uint8Array>> {
    const { target } = this.#plan;
    const locate = (file: ContextFile): string => {
      switch (file.kind) {
        case "package":
          return inPackage(target, file.path);
        case "wheel":
          return `${stage.wheelhouse}/${file.name}`;
        case "source":
          return this.#sources.get(file.row.file)!;
      }
    };
    const texts = this.#textsOf(stage);
    return await contextStream(
      stage.context.filter(({ path }) => !Object.hasOwn(texts, path)),
      locate,
      texts,
    );
  }

  /** The dockerfile, where it is not the one on disk. */
  #textsOf({ dockerfile, wheelhouse, context }: StagePlan) {
    if (wheelhouse !== undefined) {
      const wheels = context.filter((file) => file.kind === "wheel");
      return { [WHEELHOUSE_DOCKERFILE]: wheelhouseDockerfile(wheels) };
    }
    const text = this.#texts.get(dockerfile);
    return text === undefined ? {} : { [dockerfile]: text };
  }

  /** The version that the agent will see is the image's; a late LABEL may differ. */
  async #checkLabel(image: string): Promise<void> {
    const { volumeVersion } = this.#plan;
    const label = await this.#run.engine.imageLabel(
      image,
      VOLUME_VERSION_LABEL,
    );
    if (label === String(volumeVersion)) return;
    throw new KrunnerError(
      `Cannot use the image "${image}": its label ${VOLUME_VERSION_LABEL} is "${
        label ?? ""
      }", and its dockerfile says "${volumeVersion}"; look for another LABEL or an option of the builder`,
    );
  }

  async #extract(image: string): Promise<Manifest> {
    const { target, outputs } = this.#plan;
    this.begin("archive");
    const temporary = inPackage(
      target,
      `.${outputs.archive}.${this.#run.pid}.tmp`,
    );
    try {
      const extraction = await extractVolume(this.#run.engine, {
        image,
        temporary,
        label: this.label,
        platform: this.#platform,
        mtime: this.#run.mtime,
        threads: this.#run.threads,
        signal: this.#run.signal,
      });
      const { text, terminal } = await this.#readTtyd(extraction);
      const found = this.#findPackages(extraction, text);
      const manifest = await this.#manifest(
        image,
        temporary,
        extraction,
        found,
        terminal,
      );
      if (this.#run.verify) await this.#verify(temporary, manifest);
      await this.#commit(manifest, found, temporary);
      return manifest;
    } finally {
      await Deno.remove(temporary).catch(() => {});
    }
  }

  async #verify(archive: string, manifest: Manifest): Promise<void> {
    this.begin("verify");
    const { judgeBuild } = await import("./verify/judge_build.ts");
    const { engine, cache, pid, signal } = this.#run;
    await judgeBuild(engine, this.#plan.target, {
      archive,
      manifest,
      cache,
      pid,
      signal,
      onNotice: this.#notice,
    });
  }

  /** The record of the volume's terminal, if it is about that one. */
  async #readTtyd(
    { contents: { files } }: Extraction,
  ): Promise<{ text?: string; terminal?: TerminalRecord }> {
    const { target, arch, inputs } = this.#plan;
    if (!files.has("./bin/ttyd")) return {};
    const { binary, record: name } = ttydOutputs(arch);
    const sha256 = inputs.files[binary]?.replace("+x", "");
    const terminal = sha256 === undefined ? {} : { sha256 };
    const text = await readIfThere(inPackage(target, name));
    if (text === undefined) return { terminal };
    const record = parseRecord(text, inPackage(target, name));
    if (record === undefined) return { text, terminal };
    if (record.binary.sha256 !== sha256) {
      this.#notice(
        `"${
          inPackage(target, name)
        }" is not believed: it describes another binary than bin/ttyd; make both again with ttyd.ts, or remove it`,
      );
      return { terminal };
    }
    const { recipe, proof } = record;
    return {
      text,
      terminal: {
        ...terminal,
        recipe,
        ...proof === undefined ? {} : { proof },
      },
    };
  }

  #findPackages(
    { contents }: Extraction,
    ttyd: string | undefined,
  ): FoundPackages {
    const { target: { distroVersion }, arch } = this.#plan;
    const found = findPackages(contents, { distroVersion, arch, ttyd });
    const bare = found.packages
      .filter(({ licenceFiles }) => licenceFiles.length === 0)
      .map(({ name }) => name);
    if (bare.length > 0) {
      this.#notice(
        `The volume has no licence text of ${
          bare.join(", ")
        }: put it into its licenses/ before you give the volume away`,
      );
    }
    return found;
  }

  /** Read from what was packed, for that is what has to run. */
  async #glibcLevel(archive: string): Promise<string | undefined> {
    const [{ readVolume }, { glibcLevel }] = await Promise.all([
      import("./verify/read.ts"),
      import("./verify/linkage.ts"),
    ]);
    const { signal } = this.#run;
    return glibcLevel(await readVolume(archive, { signal }));
  }

  async #manifest(
    image: string,
    temporary: string,
    extraction: Extraction,
    { packages }: FoundPackages,
    terminal: TerminalRecord | undefined,
  ): Promise<Manifest> {
    const { target, arch, inputs, volumeVersion, outputs } = this.#plan;
    const id = await this.#run.engine.imageId(image) ?? "";
    const glibc = await this.#glibcLevel(temporary);
    return {
      schema: 1,
      distroVersion: target.distroVersion,
      family: target.pkg.family,
      arch,
      volumeVersion,
      python: extraction.python,
      archive: { file: outputs.archive, ...extraction.archive },
      packages,
      ...glibc === undefined ? {} : { glibc },
      ...terminal === undefined ? {} : { ttyd: terminal },
      image: { reference: image, id },
      ...this.#base === undefined ? {} : { base: this.#base },
      inputs,
      firstInputs: await this.#firstInputs(),
    };
  }

  /** The inputs of the first build that had this volume version. */
  async #firstInputs(): Promise<Manifest["firstInputs"]> {
    const { target, arch, inputs, volumeVersion } = this.#plan;
    // A manifest that cannot be read is replaced, as its message advises.
    const old = await readManifest(target, arch).catch(() => undefined);
    if (old?.volumeVersion !== volumeVersion) return inputs;
    const changes = changedInputs(old.firstInputs, inputs);
    if (changes.length > 0) {
      this.#notice(messageAsTyped(
        `The volume version is still ${volumeVersion} though ${
          changes.join(", ")
        } changed since its first build: an agent that has it will not read this one; raise it with "bump.ts volume ${target.distroVersion}" before you release`,
      ));
    }
    return old.firstInputs;
  }

  async #commit(
    manifest: Manifest,
    { licenceTexts }: FoundPackages,
    archive: string,
  ): Promise<void> {
    const { target, outputs, volumeVersion } = this.#plan;
    const spdx = toSpdx(manifest, licenceTexts, await krunnerVersion());
    this.#run.engine.throwIfCancelled();
    // The version last: it is what says to an agent that the rest is there.
    await commitFiles([
      { path: inPackage(target, outputs.archive), from: archive },
      {
        path: inPackage(target, outputs.python),
        content: `${manifest.python}\n`,
      },
      {
        path: inPackage(target, outputs.manifest),
        content: formatManifest(manifest),
      },
      { path: inPackage(target, outputs.spdx), content: formatSpdx(spdx) },
      {
        path: inPackage(target, outputs.version),
        content: `${volumeVersion}\n`,
      },
    ]);
  }
}

/** Wheels of a collected folder must be what was collected. */
async function verifyWheels({ context, wheelhouse }: StagePlan): Promise<void> {
  for (const file of context) {
    if (file.kind === "wheel" && file.sha256 !== undefined) {
      await verifyFile(`${wheelhouse}/${file.name}`, file.sha256);
    }
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
