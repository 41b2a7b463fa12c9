/**
 * How the tags of releases are called, and which versions they tell of.
 *
 * @module
 */

import { comparePackageVersions } from "../package_version.ts";

const VERSION_TAG = /^v?\d+\.\d+\.\d+/;

/**
 * What stands before the version in a family's tags: `{family}/`, or, in a
 * repository of one family, `v` or nothing, as the tags there have it.
 *
 * @param isAlone Whether the repository has no other family.
 */
export function tagPrefix(
  family: string,
  isAlone: boolean,
  tags: readonly string[],
): string {
  const own = `${family}/`;
  if (!isAlone || tags.some((tag) => tag.startsWith(own))) return own;
  const known = tags.filter((tag) => VERSION_TAG.test(tag));
  const newest = known.toSorted((a, b) =>
    comparePackageVersions(a.replace(/^v/, ""), b.replace(/^v/, "")) ?? 0
  ).at(-1);
  return newest?.startsWith("v") ? "v" : "";
}

/** The highest version that a tag with this prefix tells of. */
export function lastTagged(
  prefix: string,
  tags: readonly string[],
): string | undefined {
  return highest(
    tags.filter((tag) => tag.startsWith(prefix))
      .map((tag) => tag.slice(prefix.length)),
  );
}

/** The highest of some versions; what is no version is left out. */
export function highest(versions: readonly string[]): string | undefined {
  return versions
    .filter((it) => comparePackageVersions(it, it) !== undefined)
    .toSorted((a, b) => comparePackageVersions(a, b) ?? 0)
    .at(-1);
}
