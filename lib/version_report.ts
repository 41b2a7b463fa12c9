/**
 * Versions, changes and checks as text for people and as JSON.
 *
 * @module
 */

import { renderTable } from "./table.ts";
import { messageAsTyped } from "./typed.ts";
import type { VersionChange } from "./version_changes.ts";
import type { CheckResult, Versions } from "./versions.ts";

/** Each value as one line of JSON. */
export function renderJson(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join("\n");
}

/** A change as data, without the file's whole text. */
export function summarizeChange(
  { kind, name, file, from, to }: VersionChange,
): Record<string, string | number> {
  return kind === "volume"
    ? { kind, name, file, from: Number(from), to: Number(to) }
    : { kind, name, file, from, to };
}

/** One line that tells a change. */
export function renderChange(
  { kind, name, file, from, to }: VersionChange,
): string {
  return `${name}: ${kind} version ${from} → ${to} (${file})`;
}

/** A table of versions. */
export function renderVersions(versions: readonly Versions[]): string {
  return renderTable([
    ["DISTRO VERSION", "VOLUME", "BUILT", "PYTHON", "PACKAGE"],
    ...versions.map((it) => [
      it.distroVersion,
      String(it.volume),
      String(it.recorded ?? "-"),
      it.python ?? "-",
      it.package ?? "-",
    ]),
  ]);
}

function describeCheck({ status, changed, release }: CheckResult): string {
  switch (status) {
    case "unbuilt":
      return "nothing was built yet";
    case "unrecorded":
      return "not known: no manifest tells what this version was built from";
    case "unchanged":
      return "nothing changed";
    case "raised":
      return "the version was raised";
    case "lowered":
      return release === null
        ? "BELOW THE BUILT VERSION"
        : `BELOW THE VERSION RELEASED IN ${release}`;
    case "forgotten":
      return `BUMP FORGOTTEN: ${changed.join(", ")}`;
    default:
      return status satisfies never;
  }
}

/** A table of results. */
export function renderChecks(results: readonly CheckResult[]): string {
  return renderTable([
    ["DISTRO VERSION", "ARCH", "VOLUME", "BUILT", "RELEASED", "STATE"],
    ...results.map((it) => [
      it.distroVersion,
      it.arch ?? "-",
      String(it.volume),
      String(it.recorded ?? "-"),
      String(it.released ?? "-"),
      describeCheck(it),
    ]),
  ]);
}

/** Why a result is a failure, and what to do. */
export function describeFailure(result: CheckResult): string {
  return messageAsTyped(failureOf(result));
}

function failureOf(result: CheckResult): string {
  const { distroVersion, status, volume, changed, release } = result;
  const subject = `Volume version ${volume} of "${distroVersion}"`;
  if (status === "lowered") {
    const [highest, how] = release === null
      ? [result.recorded ?? 0, "was built"]
      : [result.released ?? 0, `was released in ${release}`];
    return `${subject} is below ${highest}, which ${how}: agents have that one; run "bump.ts volume ${distroVersion} --to ${
      highest + 1
    }"`;
  }
  const how = release === null
    ? "was built from other inputs"
    : `was released in ${release}, and since then changed ${
      changed.join(", ")
    }`;
  return `${subject} ${how}: agents that have it would never read the new one; run "bump.ts volume ${distroVersion}"`;
}
