/**
 * A release that runs: what its steps share.
 *
 * @module
 */

import { PackageIndex } from "./index_api.ts";
import { KrunnerError } from "../errors.ts";
import type { ReleaseHost, ReleaseOptions } from "./options.ts";
import { digestOf } from "./previous.ts";
import type { Release } from "./prepare.ts";
import {
  type MadeFile,
  type ReleaseState,
  type Step,
  writeState,
} from "./state.ts";
import type { Twine } from "./twine.ts";

/** One release and how far it has come. */
export class ReleaseRun {
  /** What is released. */
  readonly release: Release;
  /** The command line. */
  readonly options: ReleaseOptions;
  /** The system around it. */
  readonly host: ReleaseHost;
  readonly #twine: Twine | undefined;
  #state: ReleaseState;

  constructor(
    release: Release,
    options: ReleaseOptions,
    host: ReleaseHost,
    twine: Twine | undefined,
    state: ReleaseState,
  ) {
    this.release = release;
    this.options = options;
    this.host = host;
    this.#twine = twine;
    this.#state = state;
  }

  /** How far it has come. */
  get state(): ReleaseState {
    return this.#state;
  }

  /** How to call twine: a check has found it for the steps that do. */
  get twine(): Twine {
    if (this.#twine === undefined) {
      throw new TypeError("twine was not looked for");
    }
    return this.#twine;
  }

  /** Whether a step is still to do. */
  isPending(step: Step): boolean {
    return !this.#state.done.includes(step);
  }

  /** Changes the state, on disk first. */
  async update(change: Partial<ReleaseState>): Promise<void> {
    const state = { ...this.#state, ...change };
    await writeState(this.release.statePath, state);
    this.#state = state;
  }

  /** Says how it goes. */
  say(line: string): void {
    this.host.progress.say(line);
  }

  /** The index that uploads are read from. */
  openIndex(): PackageIndex {
    const { destination } = this.release;
    if (destination === undefined) throw new TypeError("there is no index");
    return new PackageIndex(destination.index, this.host.signal);
  }

  /**
   * The files of the release.
   *
   * @throws {KrunnerError} If one is not what was made any more.
   */
  async files(): Promise<readonly MadeFile[]> {
    for (const { path, sha256 } of this.#state.files) {
      if (await digestOf(path, this.host.signal) === sha256) continue;
      throw new KrunnerError(
        `Cannot go on: "${path}" is not the file that this release made (SHA-256 ${sha256}); bring that back, or remove "${this.release.statePath}" to begin anew`,
      );
    }
    return this.#state.files;
  }
}
