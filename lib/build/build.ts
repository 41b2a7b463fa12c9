/**
 * The way from a plan to images: base image, sources, stages.
 *
 * @module
 */

import { type BasePlan, provideBase } from "../base_image.ts";
import { type Builder, buildImage, parseStep } from "../builder.ts";
import { verifyFile } from "../collect/checksums.ts";
import { ImageLoader } from "../collect/load_images.ts";
import { type ContextFile, contextStream } from "../context.ts";
import { openDebianSource } from "../debian_source.ts";
import { withoutSyntax } from "../dockerfile.ts";
import { BUILD_LABEL, platformOf } from "../engine.ts";
import { KrunnerError } from "../errors.ts";
import { settleFrontend } from "../frontend.ts";
import { askGlibc } from "../glibc.ts";
import type { BaseRecord } from "../manifest.ts";
import { inPackage } from "../package_dir.ts";
import type { BuildPlan } from "../plan.ts";
import type { StagePlan } from "../plan/stages.ts";
import { provideForeignImage } from "../provide_foreign.ts";
import { provideSource, STALL_TIMEOUT } from "../source_cache.ts";
import type { DebianOrigin } from "../sources.ts";
import { WHEELHOUSE_DOCKERFILE, wheelhouseDockerfile } from "../wheelhouse.ts";
import type { BuildRun } from "./run.ts";

/** The parts of carrying out one plan. */
export class Build {
  /** What is built. */
  readonly plan: BuildPlan;
  /** What it needs. */
  readonly run: BuildRun;
  readonly #key: string;
  #base: BaseRecord | undefined;
  #platform: string | undefined;
  readonly #sources = new Map<string, string>();
  /** Texts of dockerfiles that the builder does not get as they are on disk. */
  readonly #texts = new Map<string, string>();

  constructor(plan: BuildPlan, run: BuildRun, key: string) {
    this.plan = plan;
    this.run = run;
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

  /** Brings images and sources. */
  async prepare(): Promise<void> {
    for (const message of this.plan.notices) this.notice(message);
    const { arch } = await this.run.engine.info();
    if (arch !== this.plan.arch) this.#platform = platformOf(this.plan.arch);
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
    const builder = await this.run.builder();
    for (const stage of missing) await this.#settleFrontend(stage, builder);
    for (const stage of missing) await this.#buildStage(stage, builder);
  }

  #log(stage: string): string {
    const { target } = this.plan;
    return inPackage(target, `logs/${target.distroVersion}.${stage}.log`);
  }

  /** A new part of the work begins. */
  begin(stage: string): void {
    this.run.engine.throwIfCancelled();
    this.run.onEvent({ type: "stage", stage });
  }

  /** Tells of something worth knowing. */
  readonly notice = (message: string): void => {
    this.run.onEvent({ type: "notice", message });
  };

  /** Images of a collected folder, so that no other way to them is tried. */
  async #loadImages(): Promise<void> {
    const { base, stages, images } = this.plan;
    if (
      [base, ...stages, ...images].every((one) => one?.collected === undefined)
    ) return;
    this.begin("images");
    const { engine, signal } = this.run;
    await using loader = new ImageLoader(engine, signal, this.notice);
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
        this.notice(
          `Using the engine's own image "${reference}" (${id}), which is not the collected one (${collected.id})`,
        );
      }
    }
  }

  async #findBase(base: BasePlan): Promise<BaseRecord> {
    this.begin("base image");
    return await provideBase(this.run.engine, base, {
      onNotice: this.notice,
      log: this.#log("base"),
      platform: this.#platform,
      signal: this.run.signal,
    });
  }

  async #provideBase(): Promise<void> {
    const { base } = this.plan;
    if (base === undefined) return;
    this.#base ??= await this.#findBase(base);
  }

  async #provideImages(): Promise<void> {
    const { images, madeOn, target } = this.plan;
    const missing = images.filter(({ collected }) => collected === undefined);
    if (missing.length > 0) this.begin("base image");
    const { engine } = this.run;
    for (const { reference, dockerfile } of missing) {
      await provideForeignImage(engine, reference, {
        where: inPackage(target, dockerfile),
        platform: this.#platform,
        onNotice: this.notice,
      });
    }
    if (madeOn === undefined) return;
    const id = await engine.imageId(madeOn) ?? "";
    this.#base ??= { reference: madeOn, id };
  }

  async #askGlibc(): Promise<void> {
    if (this.#base === undefined) return;
    const glibc = await askGlibc(this.run.engine, {
      image: this.#base.reference,
      label: this.label,
      platform: this.#platform,
    });
    if (glibc !== undefined) this.#base = { ...this.#base, glibc };
  }

  async #provideSources(): Promise<void> {
    if (this.plan.sources.length === 0) return;
    this.begin("sources");
    for (const row of this.plan.sources) {
      const path = await provideSource(row, {
        cache: `${this.run.cache}/sources`,
        sources: this.run.sources,
        signal: this.run.signal,
        stallTimeout: STALL_TIMEOUT,
        onNotice: this.notice,
        openDebianSource: (origin) => this.#openDebianSource(origin),
      });
      this.#sources.set(row.file, path);
    }
  }

  #openDebianSource(origin: DebianOrigin): ReadableStream<Uint8Array> {
    if (this.#base === undefined) {
      throw new KrunnerError("no base image is known to run apt in");
    }
    const { engine } = this.run;
    return openDebianSource(
      engine,
      this.#base.reference,
      this.#key,
      origin,
    );
  }

  async #settleFrontend(stage: StagePlan, builder: Builder): Promise<void> {
    if (stage.wheelhouse !== undefined) return;
    const where = inPackage(this.plan.target, stage.dockerfile);
    const { engine } = this.run;
    const needs = { ...stage, where, key: this.#key };
    const how = await settleFrontend(engine, builder, needs, this.notice);
    if (how === "as written") return;
    const text = withoutSyntax(await Deno.readTextFile(where));
    this.#texts.set(stage.dockerfile, text);
  }

  async #buildStage(stage: StagePlan, builder: Builder): Promise<void> {
    this.begin(stage.stage);
    await verifyWheels(stage);
    const { distroVersion } = this.plan.target;
    await buildImage(this.run.engine, builder, {
      what: `"${distroVersion}", stage "${stage.stage}"`,
      dockerfile: stage.dockerfile,
      image: stage.image,
      buildArgs: this.#withBase(stage.buildArgs),
      platform: this.#platform,
      network: this.run.network,
      noCache: this.run.noCache,
      context: () => this.#context(stage),
      log: this.#log(stage.stage),
      onLine: (line) => {
        this.run.onEvent({ type: "line", line });
        const step = parseStep(line);
        if (step !== undefined) this.run.onEvent({ type: "step", ...step });
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
    const { target } = this.plan;
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
}

/** Wheels of a collected folder must be what was collected. */
async function verifyWheels({ context, wheelhouse }: StagePlan): Promise<void> {
  for (const file of context) {
    if (file.kind === "wheel" && file.sha256 !== undefined) {
      await verifyFile(`${wheelhouse}/${file.name}`, file.sha256);
    }
  }
}
