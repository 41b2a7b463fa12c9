/**
 * Builds ttyd in containers: the toolchain's image, then an image a step, each on
 * top of the one before, so that what follows a change is all that is built again.
 *
 * @module
 */

import { provideBase } from "../base_image.ts";
import { type Builder, buildImage, parseStep } from "../builder.ts";
import { type ContextFile, contextStream } from "../context.ts";
import { openDebianSource } from "../debian_source.ts";
import { BUILD_LABEL, type Engine } from "../engine.ts";
import { CancelledError, KrunnerError } from "../errors.ts";
import { sha256 } from "../inputs.ts";
import { takeLock } from "../lock.ts";
import { makeFolder } from "../make_folder.ts";
import type { BuildEvent } from "../build/run.ts";
import { provideSource, STALL_TIMEOUT } from "../source_cache.ts";
import type { DebianOrigin } from "../sources.ts";
import { readTar } from "../tar_reader.ts";
import type { StepPlan, TtydPlan } from "./plan.ts";
import type { TtydProduct } from "./record.ts";

/** What carrying out a plan needs. */
export interface TtydRun {
  /** The engine; its signal is {@linkcode signal}. */
  readonly engine: Engine;
  /** Finds the builder, once for all plans. */
  readonly builder: () => Promise<Builder>;
  /** Cancels the build. */
  readonly signal: AbortSignal;
  /** Whether cached layers are ignored, and the toolchain is made again. */
  readonly noCache: boolean;
  /** A folder for downloads and locks; made where it is missing. */
  readonly cache: string;
  /** A folder of the user's with all sources. */
  readonly sources?: string | undefined;
  /** The folder with the dockerfiles and scripts. */
  readonly recipes: string;
  /** The folder of the logs, which is there. */
  readonly logs: string;
  /** This process's id, for the lock's holder. */
  readonly pid: number;
  /** Makes the toolchain's image, or waits for another build that does. */
  readonly onceForAll: (make: () => Promise<void>) => Promise<void>;
  /** Gets everything that happens. */
  readonly onEvent: (event: BuildEvent) => void;
}

/** The toolchain's files in the folder with the recipes; their texts tell its image. */
export const TOOLCHAIN_FILES = ["toolchain.dockerfile", "toolchain.sh"];

/** What the last step leaves in its image. */
const OUT = "/opt/ttyd/out";

/**
 * Carries out one plan.
 *
 * @throws {StageError} If a step fails.
 * @throws {KrunnerError} If anything else does.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function buildTtyd(
  plan: TtydPlan,
  run: TtydRun,
): Promise<TtydProduct> {
  const last = plan.steps.at(-1)!.image;
  const key = (await sha256(last)).slice(0, 16);
  await makeFolder(`${run.cache}/locks`);
  // Another build would give the same names to other images.
  using _lock = await takeLock(
    `${run.cache}/locks/${run.engine.name}-${last.replaceAll(/[^\w.-]/g, "_")}`,
    run.pid,
    (holder) =>
      `Cannot build ttyd for ${plan.arch}: another build of it is running (process ${holder}); wait for its end`,
  );
  try {
    await run.engine.removeContainers(key);
    return await new Build(plan, run, key).run();
  } catch (error) {
    if (!run.signal.aborted) throw error;
    throw new CancelledError(`Cancelled the build of ttyd for ${plan.arch}`, {
      cause: error,
    });
  } finally {
    // An engine that is gone cannot clean up: the next build will.
    await run.engine.forCleanup().removeContainers(key).catch(() => {});
  }
}

class Build {
  readonly #plan: TtydPlan;
  readonly #run: TtydRun;
  readonly #key: string;
  #base: Promise<string> | undefined;

  constructor(plan: TtydPlan, run: TtydRun, key: string) {
    this.#plan = plan;
    this.#run = run;
    this.#key = key;
  }

  async run(): Promise<TtydProduct> {
    const { steps, toolchain } = this.#plan;
    // All of them first: a missing one is known before anything is compiled.
    this.#begin("sources");
    const sources: string[] = [];
    for (const step of steps) sources.push(await this.#provideSource(step));
    this.#begin("toolchain");
    await this.#run.onceForAll(() => this.#provideToolchain());
    let parent = toolchain.image;
    for (const [index, step] of steps.entries()) {
      await this.#buildStep(step, parent, sources[index]!);
      parent = step.image;
    }
    return await this.#takeOut(parent);
  }

  #begin(stage: string): void {
    this.#run.engine.throwIfCancelled();
    this.#run.onEvent({ type: "stage", stage });
  }

  #log(name: string): string {
    return `${this.#run.logs}/ttyd.${this.#plan.arch}.${name}.log`;
  }

  #notice = (message: string): void => {
    this.#run.onEvent({ type: "notice", message });
  };

  /** Wanted by a toolchain that is not there yet, and by sources of Debian's. */
  async #provideBase(): Promise<string> {
    const { engine, signal } = this.#run;
    this.#base ??= provideBase(engine, this.#plan.toolchain.base, {
      onNotice: this.#notice,
      log: this.#log("base"),
      signal,
    }).then(({ reference }) => reference);
    return await this.#base;
  }

  async #provideSource({ row }: StepPlan): Promise<string> {
    const { cache, sources, signal } = this.#run;
    return await provideSource(row, {
      cache: `${cache}/sources`,
      sources,
      signal,
      stallTimeout: STALL_TIMEOUT,
      onNotice: this.#notice,
      openDebianSource: (origin) =>
        ReadableStream.from(this.#readDebianSource(origin)),
    });
  }

  async *#readDebianSource(origin: DebianOrigin): AsyncGenerator<Uint8Array> {
    yield* openDebianSource(
      this.#run.engine,
      await this.#provideBase(),
      this.#key,
      origin,
    );
  }

  async #provideToolchain(): Promise<void> {
    const { engine, noCache } = this.#run;
    const { image } = this.#plan.toolchain;
    if (!noCache && await engine.imageId(image) !== undefined) return;
    this.#notice(`Making the toolchain "${image}"`);
    await this.#buildImage({
      name: "toolchain",
      image,
      buildArgs: { BASE_IMAGE: await this.#provideBase() },
      files: Object.fromEntries(
        TOOLCHAIN_FILES.map((name) => [name, `${this.#run.recipes}/${name}`]),
      ),
    });
  }

  async #buildStep(
    step: StepPlan,
    parent: string,
    source: string,
  ): Promise<void> {
    const { recipes } = this.#run;
    this.#begin(step.name);
    await this.#buildImage({
      name: step.name,
      image: step.image,
      buildArgs: { PARENT: parent },
      files: {
        "step.dockerfile": `${recipes}/step.dockerfile`,
        "step.sh": `${recipes}/step.sh`,
        "build.sh": `${recipes}/steps/${step.script}.sh`,
        "source.tar": source,
      },
      texts: {
        "step.env": lines([
          `ARCH=${this.#plan.arch}`,
          `NAME=${step.name}`,
          `VERSION=${step.version}`,
        ]),
        "edits.tsv": lines(
          step.edits.map(({ file, sed, what }) => [file, sed, what].join("\t")),
        ),
        "flags.txt": lines(step.flags),
        "licences.txt": lines(step.licences),
      },
    });
  }

  async #buildImage(
    { name, image, buildArgs, files, texts }: {
      name: string;
      image: string;
      buildArgs: Readonly<Record<string, string>>;
      /** Paths on this host, by name in the context. */
      files: Readonly<Record<string, string>>;
      texts?: Readonly<Record<string, string>>;
    },
  ): Promise<void> {
    const { engine, noCache, onEvent, builder } = this.#run;
    const isToolchain = name === "toolchain";
    await buildImage(engine, await builder(), {
      what: `ttyd for ${this.#plan.arch}, step "${name}"`,
      dockerfile: isToolchain ? "toolchain.dockerfile" : "step.dockerfile",
      image,
      buildArgs,
      // All that a step needs is in its context: what it looked up elsewhere
      // would be in no record.
      network: isToolchain ? undefined : "none",
      noCache,
      log: this.#log(name),
      context: () =>
        contextStream(
          Object.keys(files).map((path): ContextFile => ({
            kind: "package",
            path,
          })),
          ({ path }) => files[path]!,
          texts,
        ),
      onLine: (line) => {
        onEvent({ type: "line", line });
        const step = parseStep(line);
        if (step !== undefined) onEvent({ type: "step", ...step });
      },
    });
  }

  async #takeOut(image: string): Promise<TtydProduct> {
    this.#begin("binary");
    const { engine } = this.#run;
    const container = await engine.create([
      "--label",
      `${BUILD_LABEL}=${this.#key}`,
      "--network=none",
      image,
      "true",
    ], image);
    const child = engine.spawn(["cp", `${container}:${OUT}/.`, "-"]);
    const complaint = new Response(child.stderr).text();
    const files = await readFiles(child.stdout);
    const { success } = await child.status;
    if (!success) {
      throw engine.failure(`read "${OUT}" of "${image}"`, await complaint);
    }
    return productOf(files, image);
  }
}

function lines(list: readonly string[]): string {
  return list.map((line) => `${line}\n`).join("");
}

async function readFiles(
  stream: ReadableStream<Uint8Array>,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for await (const { header, body } of readTar(stream)) {
    if (header.type !== "file") continue;
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for await (const chunk of body) chunks.push(new Uint8Array(chunk));
    const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
    files.set(header.name.replace(/^\.\//, ""), bytes);
  }
  return files;
}

const LICENCES = "licenses/";

function productOf(
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  image: string,
): TtydProduct {
  const decoder = new TextDecoder();
  const binary = files.get("ttyd");
  const list = files.get("toolchain.tsv");
  if (binary === undefined || list === undefined) {
    throw new KrunnerError(
      `Cannot use the image "${image}": it has no "${OUT}/ttyd" with its list of packages; build again with "--no-cache"`,
    );
  }
  return {
    binary,
    licences: Object.fromEntries(
      [...files].filter(([name]) => name.startsWith(LICENCES)).sort()
        .map(([name, bytes]) => [
          name.slice(LICENCES.length),
          decoder.decode(bytes),
        ]),
    ),
    toolchain: Object.fromEntries(
      decoder.decode(list).trimEnd().split("\n").map((line) =>
        line.split("\t", 2)
      ),
    ),
  };
}
