/**
 * Types of `parseArgs`, cut to what this project uses and stricter than the
 * real ones: what checks against these checks against `@std/cli`.
 *
 * @module
 */

/** Shows an intersection of mapped types as one plain object type. */
type Flat<T> = { [Key in keyof T]: T[Key] };

/** The flags' types as they are without defaults. */
type Flags<
  Bool extends string,
  Text extends string,
  Collect extends string,
> =
  & { [Name in Bool]: boolean }
  & { [Name in Exclude<Text, Collect | "_">]?: string }
  & { [Name in Collect]: string[] };

/** A flag with a default is always there, as itself or as its default. */
type WithDefaults<F, Default> =
  & Omit<F, keyof Default>
  & {
    [Name in keyof F & keyof Default]-?: NonNullable<F[Name]> | Default[Name];
  };

/** What {@linkcode parseArgs} returns. */
export type Args<
  Bool extends string = never,
  Text extends string = never,
  Collect extends string = never,
  Default = Record<never, never>,
> = Flat<
  & WithDefaults<Flags<Bool, Text, Collect>, Default>
  & {
    /** The arguments that belong to no flag. */
    _: (string | number)[];
  }
>;

/** Options of {@linkcode parseArgs}. */
export interface ParseOptions<
  Bool extends string = never,
  Text extends string = never,
  Collect extends string = never,
  Default extends Record<string, unknown> = Record<never, never>,
> {
  /** Other names of a flag: `{ help: "h" }`. */
  alias?: Record<string, string | string[]>;
  /** Flags without a value; `false` when absent. */
  boolean?: readonly Bool[];
  /** Flags of `string` that may be given several times; `[]` when absent. */
  collect?: readonly Collect[];
  /** Values of absent flags. */
  default?: Default;
  /** Flags of `boolean` that `--no-…` sets to `false`. */
  negatable?: readonly NoInfer<Bool>[];
  /** Ends at the first argument that is no flag: the rest goes to `_`. */
  stopEarly?: boolean;
  /**
   * Flags whose value stays a string; `""` when it is missing. With `"_"`,
   * the other arguments stay strings too.
   */
  string?: readonly Text[];
  /** Told of every argument that no option names; `false` drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** Parses command line arguments. */
export function parseArgs<
  Bool extends string = never,
  Text extends string = never,
  Collect extends Text = never,
  Default extends Record<string, unknown> = Record<never, never>,
>(
  args: string[],
  options: ParseOptions<Bool, Text, Collect, Default>,
): Args<Bool, Text, Collect, Default>;
