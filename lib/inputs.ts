/**
 * What an archive is made from, as digests: the base of "is it up to date?" and
 * of "was a bump forgotten?".
 *
 * @module
 */

/** The inputs of one build. All digests are SHA-256 in lower-case hex. */
export interface Inputs {
  /**
   * Files of the package directory; `+x` is added where one is executable. The env
   * dockerfile's digest leaves the value of the volume version's label out, so
   * that a bump alone changes no input.
   */
  readonly files: Readonly<Record<string, string>>;
  /** Rows of the source lock file, by file name. */
  readonly sources: Readonly<Record<string, string>>;
  /** Wheels of `--wheelhouse`, by file name; absent without that option. */
  readonly wheelhouse?: Readonly<Record<string, string>>;
  /** Build arguments that a stage declares, from `krunner.json` and `--build-arg`. */
  readonly args: Readonly<Record<string, string>>;
  /** The base image's name. */
  readonly base?: string;
}

/** SHA-256 of bytes or text, in lower-case hex. */
export async function sha256(
  data: string | Uint8Array<ArrayBuffer>,
): Promise<string> {
  const bytes = typeof data === "string"
    ? new TextEncoder().encode(data)
    : data;
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(digest).toHex();
}

/**
 * As {@linkcode changedInputs}, for what stands in the repository alone: not the
 * base image and the wheels, which each host may bring from elsewhere.
 */
export function changedPackageInputs(
  recorded: Inputs,
  current: Inputs,
): string[] {
  return [
    ...changedKeys(recorded.files, current.files),
    ...changedKeys(recorded.sources, current.sources, "source "),
    ...changedKeys(recorded.args, current.args, "build argument "),
  ];
}

/**
 * What differs between two builds' inputs, as words for a person: a file's name,
 * `source …`, `wheel …`, `build argument …` or `base image …`. Sorted; empty
 * where nothing differs.
 */
export function changedInputs(recorded: Inputs, current: Inputs): string[] {
  return [
    ...changedPackageInputs(recorded, current),
    ...changedKeys(
      recorded.wheelhouse ?? {},
      current.wheelhouse ?? {},
      "wheel ",
    ),
    ...recorded.base === current.base
      ? []
      : [`base image ${recorded.base ?? "none"} → ${current.base ?? "none"}`],
  ];
}

function changedKeys(
  recorded: Readonly<Record<string, string>>,
  current: Readonly<Record<string, string>>,
  prefix = "",
): string[] {
  return [...new Set([...Object.keys(recorded), ...Object.keys(current)])]
    .filter((key) => recorded[key] !== current[key])
    .sort()
    .map((key) =>
      `${prefix}${key}${
        recorded[key] === undefined
          ? " (new)"
          : current[key] === undefined
          ? " (removed)"
          : ""
      }`
    );
}
