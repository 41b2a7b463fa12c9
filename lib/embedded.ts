/**
 * The dockerfiles and recipes that a bundle or a compiled program carries. In a
 * checkout they are on disk.
 *
 * @module
 */

/** A text file, or a symbolic link. */
export type EmbeddedFile =
  | { readonly text: string; readonly executable?: true }
  | { readonly link: string };

/** What a program carries. */
export interface EmbeddedData {
  /** krunner's version. */
  readonly version: string;
  /**
   * Time stamps for archives by family, in seconds since 1970: those that the
   * checkout gives them.
   */
  readonly times: Readonly<Record<string, number>>;
  /** Files of `dockerfiles/` by path below it: `debian/krunner.json`. */
  readonly dockerfiles: Readonly<Record<string, EmbeddedFile>>;
  /** Files of `ttyd/`, the recipes of the terminal, by path below it. */
  readonly ttyd: Readonly<Record<string, EmbeddedFile>>;
}

/** Set once, by the module that a bundle starts with. */
let embedded: EmbeddedData | undefined;

/** Says what this program carries; for a bundle's first module. */
export function embed(data: EmbeddedData): void {
  embedded = data;
}

/** What this program carries, `undefined` in a checkout. */
export function embeddedData(): EmbeddedData | undefined {
  return embedded;
}
