/**
 * Builds images with whatever builder the engine's client really has.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";
import { type Engine, engineFault } from "./engine.ts";

/** The ways to build: buildx, BuildKit of an old client, the classic builder, or
 * the one builder of another engine. */
export type BuilderKind = "buildx" | "buildkit" | "classic" | "native";

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
  const imported = await feed(engine, ["import", "-", base], {}, empty);
  if (imported.code !== 0) {
    throw engine.failure("import an image", imported.stderr);
  }
  try {
    for (const builder of [BUILDERS.buildx, BUILDERS.buildkit]) {
      const { code } = await feed(
        engine,
        [...builder.args, "--tag", built, "-"],
        builder.env,
        new TextEncoder().encode(`FROM ${base}\nLABEL krunner.probe=1\n`),
      );
      if (code === 0) return builder;
    }
    return BUILDERS.classic;
  } finally {
    await removeImages(engine.forCleanup(), [built, base]);
  }
}

async function removeImages(
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
  const [, { code, stderr }] = await Promise.all([
    pourInto(ReadableStream.from([input]), child.stdin),
    child.output(),
  ]);
  engine.throwIfCancelled();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

/**
 * Pours a stream into a child's stdin. A child that stops reading is no error here:
 * its exit code tells why.
 */
export async function pourInto(
  input: ReadableStream<Uint8Array>,
  stdin: WritableStream<Uint8Array>,
): Promise<void> {
  try {
    await input.pipeTo(stdin);
  } catch (error) {
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
  /** Whether cached layers are ignored. */
  readonly noCache: boolean;
  /** The context as a tar stream. */
  readonly context: ReadableStream<Uint8Array>;
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
    ...build.noCache ? ["--no-cache"] : [],
    "-",
  ];
}

/** A build that failed, with what its log ends with. */
export class StageError extends KrunnerError {
  /** The path of the log. */
  readonly log: string;
  /** The last lines of the log. */
  readonly lastLines: readonly string[];

  /** @param message What failed, and why if that is known. */
  constructor(message: string, log: string, lastLines: readonly string[]) {
    super(message);
    this.log = log;
    this.lastLines = lastLines;
  }
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
  const child = engine.spawn(buildArgv(builder, build), {
    env: builder.env,
    stdin: "piped",
  });
  const lastLines: string[] = [];
  using log = await Deno.open(build.log, {
    write: true,
    create: true,
    truncate: true,
  });
  const writer = log.writable.getWriter();
  const encoder = new TextEncoder();
  const onLine = async (line: string): Promise<void> => {
    if (!isNoise(line)) lastLines.push(line);
    if (lastLines.length > LAST_LINES) lastLines.shift();
    build.onLine?.(line);
    await writer.write(encoder.encode(`${line}\n`));
  };
  const [status] = await Promise.all([
    child.status,
    pourInto(build.context, child.stdin),
    eachLine(child.stdout, onLine),
    eachLine(child.stderr, onLine),
  ]);
  await writer.close();
  if (status.success) return;
  engine.throwIfCancelled();
  const fault = engineFault(engine.name, lastLines.join("\n"));
  throw new StageError(
    `Cannot build ${build.what}: ${
      fault ?? `${builder.kind} builder ended with exit code ${status.code}`
    }`,
    build.log,
    lastLines,
  );
}

/** What the client says of itself and not of the build; the log has it all. */
function isNoise(line: string): boolean {
  return line.trim() === "" ||
    /^(DEPRECATED: The legacy builder| +(Install the buildx component|https:\/\/docs\.docker\.com\/go\/buildx|BuildKit is currently disabled|environment-variable\.))/
      .test(line);
}

async function eachLine(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => Promise<void>,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    // A progress bar overwrites its line with carriage returns: keep its last state.
    for (const line of lines) await onLine(lastState(line));
  }
  if (rest !== "") await onLine(lastState(rest));
}

function lastState(line: string): string {
  return line.replace(/\r$/, "").split("\r").at(-1) ?? "";
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
    /^#\d+ \[(?:\S+ +)?(\d+)\/(\d+)\] /.exec(line) ?? // BuildKit
    /^STEP (\d+)\/(\d+): /.exec(line); // podman
  return match === null
    ? undefined
    : { step: Number(match[1]), total: Number(match[2]) };
}
