/**
 * The package version: `__version__` in a Python package's `__init__.py`.
 *
 * It is semantic versioning's text. pip and the package indexes read that by PEP
 * 440, which takes `1.4.0-rc.3` as another spelling of `1.4.0rc3`. Only `rc`,
 * `alpha` and `beta` with one number have a meaning in both; other prereleases are
 * refused, for pip would not install them. Upstream writes PEP 440's own spelling:
 * a version that has it keeps it.
 *
 * @module
 */

import {
  compare,
  format,
  greaterThan,
  increment,
  type SemVer,
  tryParse,
} from "@std/semver";
import { KrunnerError, UsageError } from "./errors.ts";

/** The steps that a version can be raised by. */
export const RELEASE_STEPS = ["major", "minor", "patch", "prerelease"] as const;

/** A step that a version can be raised by. */
export type ReleaseStep = typeof RELEASE_STEPS[number];

const ASSIGNMENT =
  /^(__version__[ \t]*(?::[ \t]*[\w.]+[ \t]*)?=[ \t]*(["']))([^"'\r\n]*)\2/gm;

interface Found {
  /** The version's text. */
  value: string;
  /** Offset of its first character. */
  start: number;
}

/** `__version__` that Python works out: upstream's later packages ask their metadata. */
const COMPUTED =
  /^[ \t]*__version__[ \t]*(?::[ \t]*[\w.]+[ \t]*)?=[ \t]*[A-Za-z_(]/m;

/**
 * The text of `__version__` as it stands in an `__init__.py`, version or not;
 * `undefined` where it is not written there but computed, or not set at all.
 */
export function findPackageVersion(text: string): string | undefined {
  return text.matchAll(ASSIGNMENT).next().value?.[3];
}

function findVersion(text: string, file: string): Found {
  const [match, ...others] = text.matchAll(ASSIGNMENT);
  if (match === undefined && COMPUTED.test(text)) {
    throw new KrunnerError(
      `Cannot read the package version in "${file}": __version__ is computed there, as where setuptools-scm takes it from the Git tag; tag the release, or write a line "__version__ = '0.1.0'"`,
    );
  }
  if (match === undefined) {
    throw new KrunnerError(
      `Cannot read the package version in "${file}": it has no __version__; add a line "__version__ = '0.1.0'"`,
    );
  }
  if (others.length > 0) {
    throw new KrunnerError(
      `Cannot read the package version in "${file}": __version__ is set ${
        others.length + 1
      } times; keep one of them`,
    );
  }
  const [, prefix = "", , value = ""] = match;
  return { value, start: match.index + prefix.length };
}

function isPythonVersion({ prerelease, build }: SemVer): boolean {
  const [tag, count, ...rest] = prerelease ?? [];
  if ((build ?? []).length > 0) return false;
  if (tag === undefined) return true;
  return ["alpha", "beta", "rc"].includes(String(tag)) &&
    typeof count === "number" && rest.length === 0;
}

/** PEP 440's spelling of a prerelease, and semantic versioning's. */
const SHORT = /^(\d+\.\d+\.\d+)(a|b|rc)(\d+)$/;
const LONG = /^(\d+\.\d+\.\d+)-(alpha|beta|rc)\.(\d+)$/;
const TAGS: Readonly<Record<string, string>> = { a: "alpha", b: "beta" };

function lengthen(value: string): string {
  return value.replace(
    SHORT,
    (_, release, tag, count) => `${release}-${TAGS[tag] ?? tag}.${count}`,
  );
}

function shorten(value: string): string {
  return value.replace(
    LONG,
    (_, release, tag, count) =>
      `${release}${tag === "rc" ? tag : tag.charAt(0)}${count}`,
  );
}

function parseVersion(value: string): SemVer | undefined {
  const text = lengthen(value);
  const version = tryParse(text);
  // `tryParse` takes "v1.2.3" too.
  if (version === undefined || format(version) !== text) return undefined;
  return isPythonVersion(version) ? version : undefined;
}

/**
 * The order of two package versions: below 0, 0 or above; `undefined` where one is
 * none.
 */
export function comparePackageVersions(
  a: string,
  b: string,
): number | undefined {
  const [left, right] = [parseVersion(a), parseVersion(b)];
  return left === undefined || right === undefined
    ? undefined
    : compare(left, right);
}

/**
 * The package version in the text of an `__init__.py`.
 *
 * @param file Names the file in error messages.
 * @throws {KrunnerError} If there is not exactly one, or it is no version.
 */
export function readPackageVersion(text: string, file: string): string {
  const { value } = findVersion(text, file);
  if (parseVersion(value) === undefined) {
    throw new KrunnerError(
      `Cannot read the package version in "${file}": __version__ is "${value}"; it must be like "1.2.3", "1.2.3-rc.1" or "1.2.3rc1"`,
    );
  }
  return value;
}

/**
 * The text with another package version; every other byte stays.
 *
 * @param file Names the file in error messages.
 * @throws {KrunnerError} As {@linkcode readPackageVersion}.
 */
export function setPackageVersion(
  text: string,
  file: string,
  version: string,
): string {
  readPackageVersion(text, file);
  const { value, start } = findVersion(text, file);
  return text.slice(0, start) + version + text.slice(start + value.length);
}

function isReleaseStep(change: string): change is ReleaseStep {
  return RELEASE_STEPS.some((step) => step === change);
}

function raise(current: SemVer, step: ReleaseStep): SemVer {
  if (step !== "prerelease") return increment(current, step);
  const isPrerelease = (current.prerelease ?? []).length > 0;
  // The next patch's first candidate: `increment` would count from 0, and with
  // no tag, which Python has no spelling for.
  return isPrerelease
    ? increment(current, "prerelease")
    : { ...increment(current, "patch"), prerelease: ["rc", 1] };
}

/**
 * The version that follows `current`: raised by a step, or the one given.
 *
 * | current | change | next |
 * |---|---|---|
 * | `3.5.0` | `minor` | `3.6.0` |
 * | `3.5.0` | `prerelease` | `3.5.1-rc.1` |
 * | `3.5.1-rc.1` | `prerelease` | `3.5.1-rc.2` |
 * | `3.5.1-rc.2` | `patch` | `3.5.1` |
 * | `3.5.0` | `4.0.0-beta.1` | `4.0.0-beta.1` |
 * | `3.5.1rc1` | `prerelease` | `3.5.1rc2` |
 *
 * @throws {UsageError} If `change` is neither a step nor a version.
 * @throws {KrunnerError} If the version would stay or go down.
 */
export function nextPackageVersion(current: string, change: string): string {
  const from = parseVersion(current);
  if (from === undefined) throw new TypeError(`No version: "${current}"`);
  const to = isReleaseStep(change) ? raise(from, change) : parseVersion(change);
  if (to === undefined) {
    throw new UsageError(
      `Cannot set package version "${change}": it is no version; give ${
        RELEASE_STEPS.join(", ")
      }, or one like "1.2.3", "1.2.3-rc.1" or "1.2.3rc1"`,
    );
  }
  if (!greaterThan(to, from)) {
    throw new KrunnerError(
      `Cannot set package version "${change}": it is not above the current "${current}"; a version never goes down`,
    );
  }
  if (!isReleaseStep(change)) return change;
  return SHORT.test(current) ? shorten(format(to)) : format(to);
}
