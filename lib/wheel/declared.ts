/**
 * What a project says about its Python package: in `pyproject.toml`, `setup.cfg`
 * or `setup.py`.
 *
 * @module
 */

/** A person or a company; at least one of both is there. */
export interface Person {
  readonly name?: string;
  readonly email?: string;
}

/** The long description: a file below the project's folder, or a text. */
export type Readme =
  & { readonly contentType?: string }
  & ({ readonly file: string } | { readonly text: string });

/** What is declared. What is not is left out, or empty where it is a list. */
export interface Declared {
  /** The project's name. */
  readonly name?: string;
  /** The version, where it stands there itself. */
  readonly version?: string;
  /** One line. */
  readonly description?: string;
  /** The long description. */
  readonly readme?: Readme;
  /** Which versions of Python it needs: `>=3.9`. */
  readonly requiresPython?: string;
  /** The licence, in the project's own words. */
  readonly licence?: string;
  /** Patterns of the licence files, relative to the project's folder. */
  readonly licenceFiles?: readonly string[];
  readonly authors: readonly Person[];
  readonly maintainers: readonly Person[];
  /** Addresses by what they are for. */
  readonly urls: Readonly<Record<string, string>>;
  readonly classifiers: readonly string[];
  readonly keywords: readonly string[];
  /** Requirements as pip reads them. */
  readonly dependencies: readonly string[];
}

/** Where nothing is declared. */
export const NOTHING_DECLARED: Declared = {
  authors: [],
  maintainers: [],
  urls: {},
  classifiers: [],
  keywords: [],
  dependencies: [],
};

/** An object's keys that have a value. */
export function defined<T extends Record<string, unknown>>(
  values: T,
): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}
