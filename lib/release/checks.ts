/**
 * The checks before a release. Each is made, whatever the others say, and none
 * changes anything.
 *
 * @module
 */

import { planAll } from "../build_all.ts";
import { Engine } from "../engine.ts";
import { CancelledError, KrunnerError } from "../errors.ts";
import { comparePackageVersions } from "../package_version.ts";
import { renderTable } from "../table.ts";
import { describeFailure } from "../version_report.ts";
import { checkVersions, isFailure } from "../versions.ts";
import { describeListDifferences } from "../versions_list.ts";
import { findCredentials } from "./credentials.ts";
import { PackageIndex } from "./index_api.ts";
import type { ReleaseHost, ReleaseOptions } from "./options.ts";
import {
  buildOptions,
  fileNames,
  readManifests,
  type Release,
} from "./prepare.ts";
import type { Step } from "./state.ts";
import { checkTree } from "./tree.ts";
import { findTwine, type Twine } from "./twine.ts";

/** What a check found. */
export type CheckOutcome =
  & { readonly name: string }
  & (
    | { readonly ok: string }
    | {
      /** Messages for a person. */
      readonly problems: readonly string[];
    }
  );

/** What the checks found, and what they found out. */
export interface Checked {
  readonly outcomes: readonly CheckOutcome[];
  /** How to call twine; `undefined` where there is none. */
  readonly twine: Twine | undefined;
  /** Whether twine will ask for a name or a password. */
  readonly asks: boolean;
  /** Volume versions by distro version. */
  readonly volumes: ReadonlyMap<string, number>;
}

/**
 * Makes the checks that the steps which are not done yet need.
 *
 * @param pending Whether a step is still to do.
 * @throws {CancelledError} If the signal is aborted.
 */
export async function checkRelease(
  release: Release,
  options: ReleaseOptions,
  host: ReleaseHost,
  pending: (step: Step) => boolean,
): Promise<Checked> {
  const { destination } = release;
  const outcomes: CheckOutcome[] = [];
  const volumes = new Map<string, number>();
  let twine: Twine | undefined;
  let asks = false;
  const check = async (
    name: string,
    find: () => Promise<string | readonly string[]>,
  ) => {
    outcomes.push(await outcomeOf(name, find, host.signal));
  };
  await check("clean tree", () => checkTree(release, pending));
  await check("branch", () => checkBranch(release, options));
  await check("committer", () => release.git.identity());
  await check("history", () => checkHistory(release));
  if (pending("build")) {
    await check("version", () => Promise.resolve(checkVersion(release)));
    await check("tag", () => checkTag(release));
    await check("bump check", () => checkBumps(release));
    await check("plans", async () => {
      for (const arch of release.settings.arches) {
        const plans = await planAll(buildOptions(release, options, arch), host);
        for (const { target, volumeVersion } of plans) {
          volumes.set(target.distroVersion, volumeVersion);
        }
      }
      return release.listed.join(", ");
    });
  } else {
    await check("volumes", async () => {
      for (const manifest of await readManifests(release)) {
        volumes.set(manifest.distroVersion, manifest.volumeVersion);
      }
      return "built before";
    });
  }
  if (pending("verify")) {
    await check("engine", async () => {
      const engine = new Engine(options.engine, host.signal);
      return `${options.engine} ${(await engine.info()).version}`;
    });
  }
  if (pending("upload")) {
    await check("twine", async () => {
      twine = await findTwine(host.signal);
      return `${twine.argv.join(" ")} ${twine.version}`;
    });
  }
  if (destination !== undefined && pending("upload")) {
    await check("credentials", async () => {
      const canAsk = host.ask !== undefined;
      const place = await findCredentials(destination, host.env, canAsk);
      asks = place === "terminal";
      return asks ? "twine will ask" : `from the ${place}`;
    });
    await check("index", () => checkIndex(release, host, pending));
  }
  return { outcomes, twine, asks, volumes };
}

async function outcomeOf(
  name: string,
  find: () => Promise<string | readonly string[]>,
  signal: AbortSignal,
): Promise<CheckOutcome> {
  try {
    const found = await find();
    return typeof found === "string"
      ? { name, ok: found }
      : { name, problems: found };
  } catch (error) {
    if (signal.aborted) throw new CancelledError("Cancelled");
    if (!(error instanceof KrunnerError)) throw error;
    return { name, problems: [error.message] };
  }
}

/** All problems of some checks. */
export function problemsOf(outcomes: readonly CheckOutcome[]): string[] {
  return outcomes.flatMap((it) => "problems" in it ? it.problems : []);
}

/** The checks as a table. */
export function renderChecks(outcomes: readonly CheckOutcome[]): string {
  return renderTable([
    ["CHECK", "STATE", "FOUND"],
    ...outcomes.map((it) =>
      "ok" in it ? [it.name, "ok", it.ok] : [it.name, "FAILED", ""]
    ),
  ]);
}

async function checkBranch(
  { git, settings }: Release,
  options: ReleaseOptions,
): Promise<string> {
  const wanted = options.branch === undefined
    ? await git.defaultBranches()
    : [options.branch];
  if (wanted.includes(settings.branch)) return settings.branch;
  throw new KrunnerError(
    `Cannot release from ${
      settings.branch === "" ? "no branch" : `the branch "${settings.branch}"`
    }: releases are made from ${
      wanted.map((name) => `"${name}"`).join(" or ")
    }; check that out, or name yours with "--branch"`,
  );
}

/** Tags and times of commits: what a shallow clone lacks. */
async function checkHistory({ git }: Release): Promise<string> {
  if (!await git.isShallow()) return "complete";
  throw new KrunnerError(
    'Cannot release from a shallow clone: earlier tags are not there, nor the commit whose time volumes have; run "git fetch --unshallow --tags"',
  );
}

function checkVersion({ settings, last }: Release): string {
  const { version, family } = settings;
  if (last === undefined) return `${version}, the first release`;
  const order = comparePackageVersions(version, last);
  if (order !== undefined && order > 0) return `${last} → ${version}`;
  throw new KrunnerError(
    order === undefined
      ? `Cannot compare the version "${version}" with the last release's "${last}": write both like "1.2.3" or "1.2.3-rc.1"`
      : `Cannot release version ${version}: ${last} was released, and a version only goes up; run "bump.ts package minor ${family}" and commit`,
  );
}

async function checkTag({ git, settings }: Release): Promise<string> {
  const commit = await git.tagged(settings.tag);
  if (commit === undefined) return `${settings.tag} is free`;
  throw new KrunnerError(
    `Cannot make the tag "${settings.tag}": it is there, on ${
      commit.slice(0, 12)
    }; raise the version, or name another tag with "--tag"`,
  );
}

async function checkBumps(
  { pkg, listed }: Release,
): Promise<string | readonly string[]> {
  const results = await Promise.all(
    pkg.distroVersions.filter((name) => listed.includes(name))
      .map((distroVersion) => checkVersions({ pkg, distroVersion })),
  );
  const failures = results.flat().filter(isFailure).map(describeFailure);
  const problems = [...await describeListDifferences(pkg), ...failures];
  return problems.length > 0
    ? [...new Set(problems)]
    : "no volume version is to be raised";
}

/** A version that an index has is never made again. */
async function checkIndex(
  release: Release,
  host: ReleaseHost,
  pending: (step: Step) => boolean,
): Promise<string> {
  const { destination, settings } = release;
  const { project, version } = settings;
  if (destination === undefined) return "not asked";
  const index = new PackageIndex(destination.index, host.signal);
  const files = (await index.list(project)).map(({ name }) => name);
  const there = fileNames(release).filter((name) => files.includes(name));
  // Those of a release that goes on are compared one by one.
  if (there.length === 0 || !pending("build")) {
    return `${destination.name} has ${files.length} files of ${project}`;
  }
  throw new KrunnerError(
    `Cannot release ${project} ${version}: "${destination.name}" has ${
      there.join(", ")
    } already, and an index keeps what it has; raise the version with "bump.ts package"`,
  );
}
