/**
 * The container engine, through the docker command line. podman and nerdctl take
 * the same words, so the engine is a name only.
 *
 * @module
 */

import { CancelledError, KrunnerError } from "./errors.ts";
import { capture, type ProcessOptions, spawn } from "./process.ts";

/** Programs that speak docker's command line. */
export const ENGINES = ["docker", "podman", "nerdctl"] as const;

/** The name of an engine's program. */
export type EngineName = typeof ENGINES[number];

/** What the engine says of itself. */
export interface EngineInfo {
  /** Its version, e.g. `20.10.24`. */
  readonly version: string;
  /** Its arch in Python's words, e.g. `x86_64`. */
  readonly arch: string;
}

/** Where the agent mounts the volume, and where the env image has it. */
export const VOLUME_ROOT = "/opt/backend.ai";

/** The label on every container that a build makes; its value is the build's key. */
export const BUILD_LABEL = "ai.backend.krunner.build";

/** Go's names of architectures, as docker platforms use them, to Python's. */
const ARCH_OF_GO: Readonly<Record<string, string>> = {
  amd64: "x86_64",
  arm64: "aarch64",
};

/** The architectures that volumes are made for. */
export const ARCHES: readonly string[] = Object.values(ARCH_OF_GO);

/** The docker platform of an arch: `linux/arm64` for `aarch64`. */
export function platformOf(arch: string): string {
  const go = Object.entries(ARCH_OF_GO).find(([, name]) => name === arch)?.[0];
  return `linux/${go ?? arch}`;
}

/**
 * Turns what the engine printed on a failure into one message, `undefined` where
 * the words are not about the engine itself.
 */
export function engineFault(
  engine: string,
  stderr: string,
): string | undefined {
  if (/permission denied.*(socket|docker daemon)/is.test(stderr)) {
    return `Cannot use ${engine}: no permission on its socket; run as root, or join the group "docker" and log in again`;
  }
  if (
    /cannot connect to the docker daemon|is the docker daemon running|error during connect|connection refused|unexpected EOF|connection reset|failed to dial|transport is closing/i
      .test(stderr)
  ) {
    return `Cannot reach the ${engine} engine: it is not running, or went away; start it ("sudo systemctl start docker", or "sh setup.sh" as root), then run this again`;
  }
  return undefined;
}

/** One container engine. */
export class Engine {
  /** The program's name. */
  readonly name: EngineName;
  readonly #signal: AbortSignal | undefined;

  /** @param signal Ends every running command, and lets no new one start. */
  constructor(name: EngineName, signal?: AbortSignal) {
    this.name = name;
    this.#signal = signal;
  }

  /** The same engine without the signal: for cleaning up after a cancelled run. */
  forCleanup(): Engine {
    return new Engine(this.name);
  }

  /** @throws {CancelledError} If the run was cancelled. */
  throwIfCancelled(): void {
    if (this.#signal?.aborted) throw new CancelledError("Cancelled");
  }

  /** Starts a command of the engine with piped output. */
  spawn(
    args: readonly string[],
    options: ProcessOptions & { stdin?: "piped" | "null" } = {},
  ): Deno.ChildProcess {
    this.throwIfCancelled();
    return spawn([this.name, ...args], { ...options, signal: this.#signal });
  }

  /**
   * Runs a command of the engine and returns its stdout, trimmed.
   *
   * @throws {KrunnerError} If it fails: with what `action` names as the thing
   * that could not be done, and the engine's own words.
   * @throws {CancelledError} If the run was cancelled meanwhile.
   */
  async run(args: readonly string[], action: string): Promise<string> {
    this.throwIfCancelled();
    const { code, stdout, stderr } = await capture([this.name, ...args], {
      signal: this.#signal,
    });
    if (code === 0) return stdout.trim();
    throw this.failure(action, stderr);
  }

  /** The error for a failed command. */
  failure(action: string, stderr: string): KrunnerError {
    if (this.#signal?.aborted) return new CancelledError("Cancelled");
    const fault = engineFault(this.name, stderr);
    return new KrunnerError(
      fault ?? `Cannot ${action}: ${this.name} says: ${lastWords(stderr)}`,
    );
  }

  /**
   * Asks the engine who it is.
   *
   * @throws {KrunnerError} If no engine answers.
   */
  async info(): Promise<EngineInfo> {
    const words = await this.run(
      ["version", "--format", "{{.Server.Version}} {{.Server.Arch}}"],
      `use ${this.name}`,
    );
    const [version = "", arch = ""] = words.split(" ");
    return { version, arch: ARCH_OF_GO[arch] ?? arch };
  }

  /** The id of a local image, `undefined` where the engine has none of that name. */
  async imageId(reference: string): Promise<string | undefined> {
    this.throwIfCancelled();
    const { code, stdout, stderr } = await capture(
      [this.name, "image", "inspect", "--format", "{{.Id}}", reference],
      { signal: this.#signal },
    );
    if (code === 0) return stdout.trim();
    if (/no such image|not found|no such object|unknown image/i.test(stderr)) {
      return undefined;
    }
    throw this.failure(`look up the image "${reference}"`, stderr);
  }

  /** The value of an image's label, `undefined` where it has none. */
  async imageLabel(
    reference: string,
    label: string,
  ): Promise<string | undefined> {
    const json = await this.run(
      ["image", "inspect", "--format", "{{json .Config.Labels}}", reference],
      `read the labels of the image "${reference}"`,
    );
    return (JSON.parse(json) as Record<string, string> | null)?.[label];
  }

  /** Removes all containers that carry the build key, running or not. */
  async removeContainers(key: string): Promise<number> {
    const ids = await this.run(
      ["ps", "-aq", "--no-trunc", "--filter", `label=${BUILD_LABEL}=${key}`],
      "list containers",
    );
    const list = ids.split("\n").filter((id) => id !== "");
    if (list.length > 0) {
      await this.run(
        ["rm", "--force", "--volumes", ...list],
        "remove the build's containers",
      );
    }
    return list.length;
  }
}

/** The last line with words on it, without the engine's own prefixes. */
function lastWords(stderr: string): string {
  const line = stderr.trim().split("\n").at(-1) ?? "";
  return line.replace(/^(ERROR|Error response from daemon): /i, "") ||
    "nothing";
}
