/**
 * Shows how builds go: live lines on a terminal, plain lines elsewhere. What is
 * shown is computed by pure functions; only {@linkcode Progress} writes.
 *
 * @module
 */

import type { BuildEvent } from "./build/run.ts";

/** What is known of a running build. */
export interface BuildState {
  /** The distro version. */
  readonly name: string;
  /** The part of the work that runs. */
  readonly stage: string;
  /** Its step and how many there are, where the builder tells. */
  readonly step?: { readonly step: number; readonly total: number };
  /** When the build began, in milliseconds. */
  readonly started: number;
}

/** A duration in milliseconds, as `7s`, `1m07s` or `1h02m`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${two(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
}

/** Bytes, in powers of ten: `9.8 MB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  const power = Math.min(
    Math.floor(Math.log10(bytes) / 3),
    units.length,
  );
  return `${(bytes / 1000 ** power).toFixed(1)} ${units[power - 1]}`;
}

/** The live lines, one a build, none wider than the terminal. */
export function renderLive(
  states: readonly BuildState[],
  now: number,
  columns: number,
): string[] {
  const width = Math.max(0, ...states.map(({ name }) => name.length));
  return states.map(({ name, stage, step, started }) => {
    const position = step === undefined ? "" : `${step.step}/${step.total}`;
    const line = `${name.padEnd(width)}  ${stage.padEnd(10)}  ${
      position.padEnd(7)
    }  ${formatDuration(now - started)}`;
    return line.slice(0, Math.max(0, columns - 1)).trimEnd();
  });
}

/** The state after an event. */
export function nextState(state: BuildState, event: BuildEvent): BuildState {
  switch (event.type) {
    case "stage": {
      const { step: _, ...rest } = state;
      return { ...rest, stage: event.stage };
    }
    case "step":
      return { ...state, step: { step: event.step, total: event.total } };
    case "line":
    case "notice":
      return state;
  }
}

/** How much is shown. */
export type Verbosity = "quiet" | "normal" | "verbose";

/** What {@linkcode Progress} needs of its terminal. */
export interface ProgressOutput {
  /** Writes text as it is. */
  readonly write: (text: string) => void;
  /**
   * The terminal's width, 0 where it does not tell, `undefined` where it is none:
   * plain lines then.
   */
  readonly columns: () => number | undefined;
  /** Milliseconds on any steady clock. */
  readonly now: () => number;
  /** How much is shown. */
  readonly verbosity: Verbosity;
}

/** Clears from the cursor to the end of the screen. */
const CLEAR = "\x1b[J";

/** Shows several builds at once. */
export class Progress implements Disposable {
  readonly #output: ProgressOutput;
  readonly #states = new Map<string, BuildState>();
  #drawn = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(output: ProgressOutput) {
    this.#output = output;
    if (output.verbosity === "normal" && output.columns() !== undefined) {
      this.#timer = setInterval(() => this.#draw(), 500);
    }
  }

  /** A build begins. */
  start(name: string): void {
    const started = this.#output.now();
    this.#states.set(name, { name, stage: "start", started });
  }

  /** Something happened in a build. */
  handle(name: string, event: BuildEvent): void {
    const state = this.#states.get(name);
    if (state === undefined) return;
    this.#states.set(name, nextState(state, event));
    switch (event.type) {
      case "notice":
        return this.say(`${name}: ${event.message}`);
      case "stage":
        if (!this.#isLive) this.say(`${name}: ${event.stage}`);
        else this.#draw();
        return;
      case "line":
        if (this.#output.verbosity === "verbose") {
          this.say(`${name} ${state.stage}| ${event.line}`);
        }
        return;
      case "step":
        return this.#draw();
    }
  }

  /** A build ended; `words` say how. */
  end(name: string, words: string): void {
    const state = this.#states.get(name);
    this.#states.delete(name);
    const elapsed = state === undefined
      ? ""
      : ` (${formatDuration(this.#output.now() - state.started)})`;
    this.say(`${name}: ${words}${elapsed}`);
  }

  /** Prints a line above the live ones. */
  say(line: string): void {
    if (this.#output.verbosity === "quiet") return;
    this.#erase();
    this.#output.write(`${line}\n`);
    this.#draw();
  }

  /** Removes the live lines. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#erase();
    this.#timer = undefined;
  }

  get #isLive(): boolean {
    return this.#timer !== undefined;
  }

  #erase(): void {
    if (this.#drawn > 0) this.#output.write(`\x1b[${this.#drawn}A\r${CLEAR}`);
    this.#drawn = 0;
  }

  #draw(): void {
    const columns = this.#output.columns();
    if (!this.#isLive || columns === undefined) return;
    this.#erase();
    const lines = renderLive(
      [...this.#states.values()],
      this.#output.now(),
      columns || 80,
    );
    if (lines.length === 0) return;
    this.#output.write(lines.map((line) => `${line}\n`).join(""));
    this.#drawn = lines.length;
  }
}

/** Shows builds on stderr; `term` is the value of `TERM`. */
export function progressOnStderr(
  verbosity: Verbosity,
  term: string | undefined,
): Progress {
  const encoder = new TextEncoder();
  const isLive = Deno.stderr.isTerminal() && term !== "dumb";
  return new Progress({
    write: (text) => Deno.stderr.writeSync(encoder.encode(text)),
    columns: () => isLive ? Deno.consoleSize().columns : undefined,
    now: () => performance.now(),
    verbosity,
  });
}
