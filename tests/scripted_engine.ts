/**
 * An engine without an engine, for tests.
 *
 * @module
 */

import { Engine, type EngineInfo } from "../lib/engine.ts";
import type { KrunnerError } from "../lib/errors.ts";
import { type ProcessOptions, spawn } from "../lib/process.ts";

/** An engine whose client is a shell script that gets the real one's arguments. */
export class ScriptedEngine extends Engine {
  readonly #script: string;
  readonly #fault: KrunnerError | undefined;
  readonly #ofSignal: AbortSignal | undefined;

  /** @param fault What the engine answers when it is asked who it is. */
  constructor(script: string, signal?: AbortSignal, fault?: KrunnerError) {
    super("docker", signal);
    this.#script = script;
    this.#fault = fault;
    this.#ofSignal = signal;
  }

  override forCleanup(): Engine {
    return new ScriptedEngine(this.#script);
  }

  override spawn(
    args: readonly string[],
    options: ProcessOptions & { stdin?: "piped" | "null" } = {},
  ): Deno.ChildProcess {
    this.throwIfCancelled();
    return spawn(["sh", "-c", this.#script, "docker", ...args], {
      ...options,
      signal: this.#ofSignal,
    });
  }

  override async run(args: readonly string[]): Promise<string> {
    const { stdout } = await this.spawn(args).output();
    return new TextDecoder().decode(stdout);
  }

  override info(): Promise<EngineInfo> {
    return this.#fault === undefined
      ? Promise.resolve({ version: "1", arch: "x86_64" })
      : Promise.reject(this.#fault);
  }
}
