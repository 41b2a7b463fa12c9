/**
 * Builds images with whatever builder the engine's client really has.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import type { Engine } from "./engine.ts";
import { fileError, StageError } from "./errors.ts";
import type { NETWORKS } from "./options.ts";
import { finish } from "./process.ts";
import { writeAllSync } from "./write_all.ts";

/** The ways to build: buildx, BuildKit of an old client, the classic builder, or
 * the one builder of another engine. */
export type BuilderKind = "buildx" | "buildkit" | "classic" | "native";

/** What the steps of a build reach. */
export type NetworkMode = typeof NETWORKS[number];

/** A builder that was seen to work. */
export interface Builder {
  /** What it is. */
  readonly kind: BuilderKind;
  /** The engine's arguments in front of a build's own. */
  readonly args: readonly string[];
  /** Variables that make the client choose it. */
  readonly env: Readonly<Record<string, string>>;
}

const BUILDERS: Readonly<Record<BuilderKind, Builder>> = {
  buildx: {
    kind: "buildx",
    args: ["buildx", "build", "--load", "--progress=plain"],
    // Attestations carry a time stamp and turn the image into an index.
    env: { BUILDX_NO_DEFAULT_ATTESTATIONS: "1" },
  },
  buildkit: {
    kind: "buildkit",
    args: ["build", "--progress=plain"],
    env: { DOCKER_BUILDKIT: "1" },
  },
  classic: {
    kind: "classic",
    // Without it a failed or cancelled build leaves its last container behind.
    args: ["build", "--force-rm"],
    env: { DOCKER_BUILDKIT: "0" },
  },
  native: { kind: "native", args: ["build"], env: {} },
};

/**
 * Finds the best builder that works, by building with it: a client may announce
 * BuildKit and lack the plugin for it, and a builder in a container of its own does
 * not see the images that earlier stages left in the engine.
 *
 * @param key Makes the probe's image names unique.
 */
export async function findBuilder(
  engine: Engine,
  key: string,
): Promise<Builder> {
  if (engine.name !== "docker") return BUILDERS.native;
  const base = `krunner-probe:${key}`;
  const built = `${base}-built`;
  const empty = new Uint8Array(1024); // An empty tar archive: two blocks of zeros.
  try {
    // Inside: a cancelled import may have made its image all the same.
    const imported = await feed(engine, ["import", "-", base], {}, empty);
    if (imported.code !== 0) {
      throw engine.failure("import an image", imported.stderr);
    }
    for (const builder of [BUILDERS.buildx, BUILDERS.buildkit]) {
      const dockerfile = `FROM ${base}\nLABEL krunner.probe=1\n`;
      if (await tryBuild(engine, builder, built, dockerfile)) return builder;
    }
    return BUILDERS.classic;
  } finally {
    await removeImages(engine.forCleanup(), [base]);
  }
}

/**
 * Whether a builder can build a dockerfile that copies nothing from a context.
 *
 * @param image A name for the image, which is removed again
 * @throws {CancelledError} If the run was cancelled.
 */
export async function tryBuild(
  engine: Engine,
  { args, env }: Builder,
  image: string,
  dockerfile: string,
): Promise<boolean> {
  try {
    const { code } = await feed(
      engine,
      [...args, "--tag", image, "-"],
      env,
      new TextEncoder().encode(dockerfile),
    );
    return code === 0;
  } finally {
    await removeImages(engine.forCleanup(), [image]);
  }
}

/** Removes images, or names of images, as far as that is possible. */
export async function removeImages(
  engine: Engine,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    // One that was never made is no fault, and a dead engine shows itself next.
    await engine.run(["image", "rm", name], `remove the image "${name}"`)
      .catch(() => {});
  }
}

async function feed(
  engine: Engine,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input: Uint8Array<ArrayBuffer>,
): Promise<{ code: number; stderr: string }> {
  const child = engine.spawn(args, { env, stdin: "piped" });
  const stderr = new Response(child.stderr).text();
  const { code } = await finish(child, [
    pourInto(ReadableStream.from([input]), child.stdin),
    new Response(child.stdout).text(),
    stderr,
  ]);
  engine.throwIfCancelled();
  return { code, stderr: await stderr };
}

/**
 * Pours a stream into a child's stdin. A child that stops reading is no error here:
 * its exit code tells why.
 */
export async function pourInto(
  input: ReadableStream<Uint8Array> | Promise<ReadableStream<Uint8Array>>,
  stdin: WritableStream<Uint8Array>,
): Promise<void> {
  try {
    await (await input).pipeTo(stdin);
  } catch (error) {
    await stdin.abort();
    if (
      !(error instanceof Deno.errors.BrokenPipe) &&
      !(error instanceof Deno.errors.ConnectionReset) &&
      !(error instanceof Deno.errors.Interrupted)
    ) throw error;
  }
}

/** One image to build. */
export interface ImageBuild {
  /** What is built, for messages: `stage "python"`. */
  readonly what: string;
  /** The dockerfile's name in the context. */
  readonly dockerfile: string;
  /** The image's name and tag. */
  readonly image: string;
  /** The build arguments. */
  readonly buildArgs: Readonly<Record<string, string>>;
  /** The docker platform, where it is not the engine's own. */
  readonly platform?: string | undefined;
  /** What the steps reach; the builder's own choice where it is not said. */
  readonly network?: NetworkMode | undefined;
  /** Whether cached layers are ignored. */
  readonly noCache: boolean;
  /** Opens the context, a tar stream. */
  readonly context: () => Promise<ReadableStream<Uint8Array>>;
  /** The path of the log. */
  readonly log: string;
  /** Gets each line of the builder's output. */
  readonly onLine?: (line: string) => void;
}

/** The command line of a build, its stdin being the context. */
export function buildArgv(
  builder: Builder,
  build: Omit<ImageBuild, "context" | "log" | "what">,
): string[] {
  return [
    ...builder.args,
    "--file",
    build.dockerfile,
    "--tag",
    build.image,
    ...Object.entries(build.buildArgs).flatMap((
      [name, value],
    ) => ["--build-arg", `${name}=${value}`]),
    ...build.platform === undefined ? [] : ["--platform", build.platform],
    ...build.network === undefined ? [] : ["--network", build.network],
    ...build.noCache ? ["--no-cache"] : [],
    "-",
  ];
}

/** How many of the log's last lines a failure shows. */
const LAST_LINES = 15;

/**
 * Builds one image. Everything that the builder prints goes to the log.
 *
 * @throws {StageError} If the build fails.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function buildImage(
  engine: Engine,
  builder: Builder,
  build: ImageBuild,
): Promise<void> {
  using log = await openLog(build.log);
  const child = engine.spawn(buildArgv(builder, build), {
    env: builder.env,
    stdin: "piped",
  });
  const lastLines: string[] = [];
  const onLine = (line: string): void => {
    if (!isNoise(line)) lastLines.push(line);
    if (lastLines.length > LAST_LINES) lastLines.shift();
    build.onLine?.(line);
    writeLine(log, line, build.log);
  };
  const status = await finish(child, [
    pourInto(build.context(), child.stdin),
    eachLine(child.stdout, onLine),
    eachLine(child.stderr, onLine),
  ]);
  if (status.success) return;
  engine.throwIfCancelled();
  // What a build prints may sound like a dead engine; only the engine knows.
  const fault = await engine.info().then(
    () => `${builder.kind} builder ended with exit code ${status.code}`,
    (error: Error) => error.message,
  );
  throw new StageError(
    `Cannot build ${build.what}: ${fault}`,
    build.log,
    lastLines,
  );
}

/**
 * Opens a log, empty.
 *
 * @throws {KrunnerError} If it cannot be written to.
 */
export async function openLog(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { write: true, create: true, truncate: true });
  } catch (error) {
    throw fileError("write", path, error);
  }
}

/** At once: lines of two streams come at the same time, and none may split another. */
function writeLine(log: Deno.FsFile, line: string, path: string): void {
  writeAllSync(log, new TextEncoder().encode(`${line}\n`), path);
}

/** What the client says of itself and not of the build; the log has it all. */
function isNoise(line: string): boolean {
  return line.trim() === "" ||
    /^(DEPRECATED: The legacy builder| +(Install the buildx component|https:\/\/docs\.docker\.com\/go\/buildx|BuildKit is currently disabled|environment-variable\.))/
      .test(line);
}

async function eachLine(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(plain(line));
  }
  if (rest !== "") onLine(plain(rest));
}

/**
 * The line as it looks in the end: a progress bar overwrites itself with carriage
 * returns, and the classic builder colours what a step writes to stderr.
 */
function plain(line: string): string {
  return stripVTControlCharacters(
    line.replace(/\r$/, "").split("\r").at(-1) ?? "",
  );
}

/** How far a build is. */
export interface Step {
  /** The step that runs, from 1. */
  readonly step: number;
  /** Of how many. */
  readonly total: number;
}

/** The step that a line of a builder's output announces. */
export function parseStep(line: string): Step | undefined {
  const match = /^Step (\d+)\/(\d+) : /.exec(line) ?? // classic
    /^#\d+ \[(?:[^\]]* )?(\d+)\/(\d+)\] /.exec(line) ?? // BuildKit
    /^STEP (\d+)\/(\d+): /.exec(line); // podman
  return match === null
    ? undefined
    : { step: Number(match[1]), total: Number(match[2]) };
}
