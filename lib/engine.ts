/**
 * The container engine, through the docker command line. podman and nerdctl take
 * the same words, so the engine is a name only.
 *
 * @module
 */

import type { ENGINES } from "./options.ts";
import { CancelledError, KrunnerError } from "./errors.ts";
import { capture, type ProcessOptions, spawn } from "./process.ts";

/** The name of a program that speaks docker's command line. */
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

/** The docker platform of an arch: `linux/arm64` for `aarch64`. */
export function platformOf(arch: string): string {
  const go = Object.entries(ARCH_OF_GO).find(([, name]) => name === arch)?.[0];
  return `linux/${go ?? arch}`;
}

/**
 * Recognises lines of a client's own. What the engine or a program in a container
 * says begins otherwise, and may well speak of refused connections.
 */
function clientSays(...phrases: readonly string[]): RegExp {
  const prefix = String
    .raw`(?:(?:docker|error): |FATA\[\d+\] |time="[^"]*" level=\w+ msg=")?`;
  return new RegExp(`^${prefix}(?:${phrases.join("|")})`, "im");
}

/** A socket that this user may not use. */
const NO_PERMISSION = clientSays(
  "(?:got )?permission denied while trying to connect to the docker", // 20–29
  "unable to connect to Podman socket: .*permission denied",
  "cannot access containerd socket .*permission denied", // nerdctl
);

/** An engine that does not run, or ended meanwhile. */
const UNREACHABLE = clientSays(
  "cannot connect to the docker daemon", // to 28
  "failed to connect to the docker API", // from 29
  "error during connect: ",
  "(?:unexpected )?EOF$", // classic builds and cp
  "(?:read|write) (?:unix|tcp) ",
  "error waiting for container: (?!context canceled)", // run and start
  "failed to dial gRPC: ", // BuildKit, and the next
  "(?:failed to (?:receive status|solve): )?(?:rpc error: code = )?Unavailable\\b",
  "cannot connect to podman",
  "unable to connect to Podman socket",
  "cannot access containerd socket", // nerdctl, and the next
  "rootless containerd not running",
);

/** How each engine is started. */
const START: Readonly<Record<EngineName, string>> = {
  docker: '"sudo systemctl start docker", or "sh setup.sh" as root',
  podman: '"sudo systemctl start podman.socket"',
  nerdctl: '"sudo systemctl start containerd"',
};

/**
 * Turns what the engine's client printed on a failure into one message,
 * `undefined` where the words are not about reaching the engine.
 */
export function engineFault(
  engine: EngineName,
  stderr: string,
): string | undefined {
  if (NO_PERMISSION.test(stderr)) {
    return `Cannot use ${engine}: no permission on its socket; run as root${
      engine === "docker" ? ', or join the group "docker" and log in again' : ""
    }`;
  }
  if (UNREACHABLE.test(stderr)) {
    return `Cannot reach the ${engine} engine: it is not running, or went away; start it (${
      START[engine]
    }), then run this again`;
  }
  return undefined;
}

/** Templates of `version` for an engine's own version and platform. */
const WHO: Readonly<Record<EngineName, string>> = {
  docker: "{{.Server.Version}} {{.Server.Arch}}",
  podman: "{{.Server.Version}} {{.Server.OsArch}}",
  // It is always on the engine's own host.
  nerdctl: "{{.Client.Version}} {{.Client.Arch}}",
};

/** Milliseconds after which an engine that does not clean up is left alone. */
const CLEANUP_LIMIT = 20_000;

/** A container that only looks into an image. */
export interface SealedContainer {
  /** The image's name. */
  readonly image: string;
  /** `key=value` of the label that the container gets; the caller removes it. */
  readonly label: string;
  /** The docker platform, where it is not the engine's own. */
  readonly platform?: string | undefined;
}

/** Flags of a container that reaches nothing and is found again by its label. */
export function sealed(
  { label, platform }: Pick<SealedContainer, "label" | "platform">,
): string[] {
  return [
    "--network",
    "none",
    "--label",
    label,
    ...platform === undefined ? [] : ["--platform", platform],
  ];
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

  /** What ends its commands. */
  get signal(): AbortSignal | undefined {
    return this.#signal;
  }

  /**
   * The same engine with a time limit in place of the signal: for cleaning up
   * after a cancelled run, though not for ever where the engine hangs.
   */
  forCleanup(): Engine {
    return new Engine(this.name, AbortSignal.timeout(CLEANUP_LIMIT));
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
  async run(
    args: readonly string[],
    action: string,
  ): Promise<string> {
    this.throwIfCancelled();
    const { code, stdout, stderr } = await capture([this.name, ...args], {
      signal: this.#signal,
    });
    if (code === 0) return stdout.trim();
    throw this.failure(action, stderr || `exit code ${code}`);
  }

  /**
   * Makes a container, started by nobody yet, and returns its id. No signal ends
   * that half-way: the engine might make it all the same when all that would
   * remove it is over.
   *
   * @throws {KrunnerError} If the engine refuses.
   * @throws {CancelledError} If the run was cancelled.
   */
  async create(args: readonly string[], image: string): Promise<string> {
    this.throwIfCancelled();
    const { code, stdout, stderr } = await capture(
      [this.name, "create", ...args],
      { detached: true },
    );
    this.throwIfCancelled();
    if (code === 0) return stdout.trim();
    throw this.failure(`make a container of the image "${image}"`, stderr);
  }

  /**
   * Starts a container and returns what it writes to its stdout, trimmed, at its
   * end.
   *
   * @throws {KrunnerError} If its program fails, with the last thing that it said.
   * @throws {CancelledError} If the run was cancelled meanwhile.
   */
  async start(container: string, action: string): Promise<string> {
    return await this.run(["start", "--attach", container], action);
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
      ["version", "--format", WHO[this.name]],
      `use ${this.name}`,
    );
    const [version = "", platform = ""] = words.split(" ");
    const arch = platform.replace(/^linux\//, "");
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
    if (/no such (image|object)|image not known|not found/i.test(stderr)) {
      return undefined;
    }
    throw this.failure(`look up the image "${reference}"`, stderr);
  }

  /** The docker platform that a local image is for: `linux/arm64`. */
  async imagePlatform(reference: string): Promise<string> {
    return await this.run(
      ["image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", reference],
      `read the platform of the image "${reference}"`,
    );
  }

  /**
   * Whether the engine has an image of that name.
   *
   * @param platform Where it is given, the image must be for that docker platform
   */
  async hasImage(reference: string, platform?: string): Promise<boolean> {
    if (await this.imageId(reference) === undefined) return false;
    return platform === undefined ||
      await this.imagePlatform(reference) === platform;
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

/** The last line with words on it, without the client's prefixes and its hints. */
function lastWords(stderr: string): string {
  const line =
    stderr.split("\n").findLast((line) =>
      line.trim() !== "" && !/^(See|Run) '.* --help'/.test(line)
    ) ?? "nothing";
  return line.trim().replace(
    /^(docker: )?((ERROR|Error response from daemon): )?/i,
    "",
  );
}
