/**
 * Containers and volumes that live no longer than the run that made them.
 *
 * All carry the run's label, and a lock file stands for the run: the system lets
 * go of the lock when the process ends, however it ends. So the next run knows
 * what a killed one left, and removes it.
 *
 * @module
 */

import type { Engine } from "./engine.ts";
import { KrunnerError } from "./errors.ts";
import { takeLock } from "./lock.ts";
import { makeFolder } from "./make_folder.ts";
import { capture } from "./process.ts";

/** The label on everything that a run makes for itself; its value is the run's id. */
export const RUN_LABEL = "ai.backend.krunner.run";

/** Milliseconds that a container gets where nothing else is said. */
const TIME_LIMIT = 120_000;

/** How much of a container's stdout and stderr is kept, in characters each. */
const OUTPUT_LIMIT = 4 << 20;

/** What may be different about running a container. */
export interface RunOptions {
  /** Milliseconds until it is stopped. */
  readonly timeLimit?: number;
  /** Done between making and starting it; gets its id. */
  readonly prepare?: (id: string) => Promise<void>;
}

/** How a container ended. */
export interface ContainerEnd {
  /** All of stdout, up to a limit that no honest program reaches. */
  readonly stdout: string;
  /** All of stderr, likewise. */
  readonly stderr: string;
  /** The exit code of its program. */
  readonly code: number;
  /** Why its program could not be started, where it could not. */
  readonly fault?: string;
  /** Whether it was stopped because it took too long. */
  readonly timedOut: boolean;
}

/** The containers and volumes of one run. */
export class Scratch implements AsyncDisposable {
  /** The engine that they are in. */
  readonly engine: Engine;
  /** `key=value` of the label that all of them carry. */
  readonly label: string;
  readonly #lock: Disposable;
  readonly #lockFile: string;

  private constructor(
    engine: Engine,
    id: string,
    lock: Disposable,
    lockFile: string,
  ) {
    this.engine = engine;
    this.label = `${RUN_LABEL}=${id}`;
    this.#lock = lock;
    this.#lockFile = lockFile;
  }

  /**
   * Removes what killed runs left, and begins a new one.
   *
   * @param cache A folder of this user's that outlives the process
   * @throws {KrunnerError} If the engine does not answer, or `cache` cannot be
   * written to.
   */
  static async open(
    engine: Engine,
    cache: string,
    pid: number,
  ): Promise<Scratch> {
    const dir = `${cache}/runs`;
    await makeFolder(dir);
    await removeLeftovers(engine, dir, pid);
    for (;;) {
      const id = crypto.randomUUID();
      const lockFile = `${dir}/${engine.name}-${id}`;
      const lock = await takeLock(lockFile, pid, () => `"${lockFile}" is new`);
      if (await exists(lockFile)) {
        return new Scratch(engine, id, lock, lockFile);
      }
      // Another run took it for a leftover before it was locked.
      lock[Symbol.dispose]();
    }
  }

  /** Makes an empty volume and returns its name. */
  async createVolume(): Promise<string> {
    return await createVolume(
      this.engine,
      `krunner-${crypto.randomUUID()}`,
      [this.label],
    );
  }

  /**
   * Makes a container, started by nobody yet, and returns its id.
   *
   * Its output is logged nowhere: a log of a whole tar stream would fill the
   * engine's disk.
   */
  async createContainer(
    args: readonly string[],
    image: string,
  ): Promise<string> {
    return await this.engine.create(
      ["--label", this.label, "--log-driver", "none", ...args],
      image,
    );
  }

  /**
   * Runs a container to its end and removes it.
   *
   * @param args Options of the engine's `create`, the image, its arguments
   * @throws {KrunnerError} If the engine cannot make it.
   * @throws {CancelledError} If the run was cancelled meanwhile.
   */
  async runContainer(
    args: readonly string[],
    image: string,
    { timeLimit = TIME_LIMIT, prepare }: RunOptions = {},
  ): Promise<ContainerEnd> {
    const id = await this.createContainer(args, image);
    await prepare?.(id);
    const child = this.engine.spawn(["start", "--attach", id]);
    let timedOut = false;
    const kill = () => {
      this.engine.run(["kill", id], "stop a container").catch(() => {});
    };
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
    }, timeLimit);
    try {
      const [stdout, stderr] = await Promise.all([
        readLimited(child.stdout, kill),
        readLimited(child.stderr, kill),
      ]);
      await child.status;
      return { stdout, stderr, timedOut, ...await this.#end(id) };
    } finally {
      clearTimeout(timer);
      await this.removeContainer(id);
    }
  }

  /** Removes a container. Where that fails, the end of the run tries again. */
  async removeContainer(id: string): Promise<void> {
    await this.engine.forCleanup()
      .run(["rm", "--force", "--volumes", id], "remove a container")
      .catch(() => {});
  }

  /** How the engine says that a container ended. */
  async #end(id: string): Promise<{ code: number; fault?: string }> {
    const json = await this.engine.run(
      ["inspect", "--format", "{{json .State}}", id],
      "read a container's state",
    );
    const { ExitCode = -1, Error = "" }: { ExitCode?: number; Error?: string } =
      JSON.parse(json);
    return Error === ""
      ? { code: ExitCode }
      : { code: ExitCode, fault: Error.trim().split("\n").at(-1) ?? Error };
  }

  /** Removes all of the run's containers and volumes. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // An engine that is gone cannot clean up: the next run will.
      await removeAll(this.engine.forCleanup(), this.label);
      await Deno.remove(this.#lockFile);
    } catch (error) {
      if (!(error instanceof KrunnerError)) throw error;
    } finally {
      this.#lock[Symbol.dispose]();
    }
  }
}

/**
 * Makes a volume with labels, and returns its name. No signal ends that half-way,
 * as with {@linkcode Engine.create}.
 *
 * @throws {KrunnerError} If the engine refuses.
 */
export async function createVolume(
  engine: Engine,
  name: string,
  labels: readonly string[],
): Promise<string> {
  engine.throwIfCancelled();
  const { code, stdout, stderr } = await capture([
    engine.name,
    "volume",
    "create",
    ...labels.flatMap((label) => ["--label", label]),
    name,
  ], { detached: true });
  if (code === 0) return stdout.trim();
  throw engine.failure(`make the volume "${name}"`, stderr);
}

async function removeLeftovers(
  engine: Engine,
  dir: string,
  pid: number,
): Promise<void> {
  for await (const { name } of Deno.readDir(dir)) {
    if (!name.startsWith(`${engine.name}-`)) continue;
    const id = name.slice(engine.name.length + 1);
    let lock: Disposable;
    try {
      lock = await takeLock(`${dir}/${name}`, pid, () => "it is at work");
    } catch (error) {
      if (error instanceof KrunnerError) continue;
      throw error;
    }
    try {
      await removeAll(engine, `${RUN_LABEL}=${id}`);
      await Deno.remove(`${dir}/${name}`).catch(() => {});
    } finally {
      lock[Symbol.dispose]();
    }
  }
}

/** How often, and after how many milliseconds, removing is tried again. */
const ATTEMPTS = 20;
const PAUSE = 250;

/**
 * Removes everything that carries a label. A container that the engine is just
 * starting or removing refuses that for a moment, and so does its volume.
 */
async function removeAll(engine: Engine, label: string): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await removeOnce(engine, label);
    } catch (error) {
      if (!(error instanceof KrunnerError) || attempt === ATTEMPTS) throw error;
      engine.throwIfCancelled();
      await engine.info();
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

async function removeOnce(engine: Engine, label: string): Promise<void> {
  const filter = ["--filter", `label=${label}`];
  const containers = words(
    await engine.run(
      ["ps", "--all", "--quiet", "--no-trunc", ...filter],
      "list containers",
    ),
  );
  if (containers.length > 0) {
    await engine.run(
      ["rm", "--force", "--volumes", ...containers],
      "remove temporary containers",
    );
  }
  const volumes = words(
    await engine.run(["volume", "ls", "--quiet", ...filter], "list volumes"),
  );
  if (volumes.length > 0) {
    await engine.run(["volume", "rm", ...volumes], "remove temporary volumes");
  }
}

function words(text: string): string[] {
  return text.split("\n").filter((word) => word !== "");
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** A stream as text; what goes on beyond the limit is told to `onExcess` once. */
async function readLimited(
  stream: ReadableStream<Uint8Array>,
  onExcess: () => void,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    if (text.length > OUTPUT_LIMIT) continue;
    text += decoder.decode(chunk, { stream: true });
    if (text.length > OUTPUT_LIMIT) onExcess();
  }
  return text;
}
