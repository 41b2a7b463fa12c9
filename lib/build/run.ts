/**
 * What carrying out plans needs, and what it tells.
 *
 * @module
 */

import type { Builder, NetworkMode } from "../builder.ts";
import type { Engine } from "../engine.ts";

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
