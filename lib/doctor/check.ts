/**
 * What a check of this machine comes to.
 *
 * @module
 */

/** How bad it is: a problem stops builds, a warning some, or makes them poorer. */
export type State = "ok" | "warning" | "problem";

/** One thing that was looked at. */
export interface Check {
  /** What: `engine`, `xz`, `debian12`. */
  readonly name: string;
  /** How bad. */
  readonly state: State;
  /** What was found. */
  readonly found: string;
  /** What to do; absent where all is well. */
  readonly advice?: string;
}

/** A check that found nothing wrong. */
export function ok(name: string, found: string): Check {
  return { name, state: "ok", found };
}

/** A check after which something is worse than it could be. */
export function warning(name: string, found: string, advice: string): Check {
  return { name, state: "warning", found, advice };
}

/** A check after which nothing can be built. */
export function problem(name: string, found: string, advice: string): Check {
  return { name, state: "problem", found, advice };
}
