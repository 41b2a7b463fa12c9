/**
 * Judges where sources come from, and with all of that each distro version.
 *
 * @module
 */

import type { SourceRow } from "../sources.ts";
import { type Check, ok, problem, warning } from "./check.ts";
import type { Facts, OriginFacts, TargetFacts } from "./facts.ts";
import { registryOf } from "./registry.ts";

function isReached({ answer }: OriginFacts): boolean {
  return typeof answer === "number" && answer < 400;
}

/** How a source can be had; `undefined` where it cannot. */
export function wayToGet(row: SourceRow, facts: Facts): string | undefined {
  if (facts.cached.has(row.file)) return "here";
  if (facts.offline) return undefined;
  for (const origin of row.origins) {
    // Only apt in a container of the base image can tell; a build tries it.
    if (!("url" in origin)) return "Debian's archive";
    const asked = facts.origins.find(({ url }) => url === origin.url);
    if (asked !== undefined && isReached(asked)) {
      return new URL(origin.url).host;
    }
  }
  return undefined;
}

/** One check for each host that sources come from. */
export function judgeOrigins(
  facts: Facts,
  rows: readonly SourceRow[],
): Check[] {
  const byHost = Object.groupBy(
    facts.origins,
    ({ url }) => new URL(url).host,
  );
  return Object.entries(byHost).map(([host, origins = []]) => {
    const lost = origins.filter((origin) => !isReached(origin));
    if (lost.length === 0) return ok(host, "answers");
    const files = rows
      .filter((row) =>
        row.origins.some((it) =>
          "url" in it && lost.some(({ url }) => url === it.url)
        )
      )
      .filter((row) => wayToGet(row, facts) === undefined)
      .map(({ file }) => file);
    return warning(
      host,
      describeAnswer(lost[0]!),
      files.length === 0
        ? "nothing: all that it has is here, or in Debian's archive"
        : `get by hand, and name the folder with "--sources": ${
          files.join(", ")
        }`,
    );
  });
}

function describeAnswer({ url, answer }: OriginFacts): string {
  return typeof answer === "number"
    ? `answers with ${answer} for "${url}"`
    : answer;
}

/** What stands in the way of a distro version, and what to do about it. */
interface Obstacle {
  readonly found: string;
  readonly advice: string;
}

/** All obstacles; none where it can be built. */
function obstacles(target: TargetFacts, facts: Facts): Obstacle[] {
  if ("fault" in target.ways) {
    return [{ found: target.ways.fault, advice: "correct what it names" }];
  }
  if ("fault" in facts.engine) {
    return [{ found: "no engine answers", advice: "see the engine" }];
  }
  const missing = target.ways.map((rows) =>
    rows.filter((row) => wayToGet(row, facts) === undefined)
  );
  const found: Obstacle[] = [];
  if (missing.every((rows) => rows.length > 0)) {
    const files = (missing.at(-1) ?? []).map(({ file }) => file).join(", ");
    found.push({
      found: `no way to get ${files}`,
      advice: facts.offline
        ? 'put the sources into the folder of "--sources"'
        : 'get the sources by hand, and name their folder with "--sources"',
    });
  }
  const base = baseObstacle(target, facts);
  return base === undefined ? found : [...found, {
    found: base,
    advice:
      'load the base image into the engine, or name one with "--base-image"',
  }];
}

function baseObstacle(
  { base, hasBase, hasKeyring }: TargetFacts,
  { host, tools, registries }: Facts,
): string | undefined {
  if (base === undefined || hasBase) return undefined;
  const wanted = registryOf(base.reference);
  const asked = registries.find(({ registry }) => registry === wanted);
  if (asked !== undefined && asked.fault === undefined) return undefined;
  const why =
    `base image "${base.reference}" is not here, ${wanted} does not answer`;
  if (base.bootstrap === undefined) {
    return `${why}, and krunner.json knows no suite to make it from`;
  }
  if (!host.isRoot) return `${why}, and only root can make it`;
  const missing = (["debootstrap", "unshare", "tar"] as const)
    .filter((name) => tools[name] === undefined);
  if (missing.length > 0) {
    return `${why}, and it cannot be made without ${missing.join(", ")}`;
  }
  return hasKeyring
    ? undefined
    : `${why}, and the keyring "${base.bootstrap.keyring}" to make it with is missing`;
}

/**
 * One check for each distro version: whether a build of it would have all that it
 * takes.
 *
 * @param areNamed Whether the user wants these and no others: then each that cannot
 * be built is a problem, else only if none can.
 */
export function judgeTargets(facts: Facts, areNamed: boolean): Check[] {
  const judged = facts.targets.map((target) => ({
    target,
    found: obstacles(target, facts),
  }));
  const isLost = areNamed || judged.every(({ found }) => found.length > 0);
  return judged.map(({ target: { distroVersion }, found }) =>
    found.length === 0
      ? ok(distroVersion, "can be built")
      : (isLost ? problem : warning)(
        distroVersion,
        found.map((it) => it.found).join("; "),
        found.map((it) => it.advice).join("; "),
      )
  );
}
