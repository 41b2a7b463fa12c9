/**
 * The steps of a release that make its files: build, verify, wheels, check.
 *
 * @module
 */

import { parseEpoch } from "../archive_time.ts";
import { buildAll } from "../build_all.ts";
import { KrunnerError } from "../errors.ts";
import type { Manifest } from "../manifest.ts";
import { openPackageDir } from "../package_dir.ts";
import { renderFailure } from "../results.ts";
import { containersOn } from "../verify/open_in_engine.ts";
import { isGood, renderOutcome } from "../verify/report.ts";
import { verifyAll } from "../verify/verify_all.ts";
import { type Distribution, makeWheels } from "../wheel/make.ts";
import { wheelName } from "../wheel/names.ts";
import { readWheel } from "../wheel/read.ts";
import { buildOptions, readManifests, type Release } from "./prepare.ts";
import { keepPrevious } from "./previous.ts";
import type { ReleaseRun } from "./run.ts";
import type { MadeFile } from "./state.ts";
import { requireUnchanged } from "./tree.ts";
import { checkFiles } from "./twine.ts";
import { wheelProblems } from "./wheel_problems.ts";

/** Builds all volumes that are not up to date. */
export async function build(run: ReleaseRun): Promise<void> {
  const { release, options, host } = run;
  const { pkg, released, previous, settings } = release;
  await keepPrevious(pkg, released, previous, host.signal);
  for (const arch of settings.arches) {
    const results = await buildAll(buildOptions(release, options, arch), {
      ...host,
      onResult: () => {},
    });
    const failures = results.filter((result) => result.status === "failed");
    for (const failure of failures) host.note(renderFailure(failure));
    if (failures.length > 0) {
      throw new KrunnerError(
        `Cannot release ${settings.project}: ${
          failures.map((it) => it.distroVersion).join(", ")
        } could not be built for ${arch}; see above`,
      );
    }
  }
  for (const manifest of await readManifests(release)) {
    requireSameTree(release, manifest);
  }
}

/**
 * What no file in the repository tells, such as a base image that moved on, may
 * change a volume as well.
 *
 * @throws {KrunnerError} If the volume version was released with another tree.
 */
function requireSameTree(
  { released }: Release,
  { distroVersion, arch, volumeVersion, archive }: Manifest,
): void {
  const before = released?.volumes[distroVersion]?.[arch];
  if (before === undefined || before.volumeVersion !== volumeVersion) return;
  if (before.archive.treeSha256 === archive.treeSha256) return;
  throw new KrunnerError(
    `Cannot release volume version ${volumeVersion} of "${distroVersion}" for ${arch}: ${before.release} released it with other content, though the same files made it (a base image or what a step downloads changed); agents would never read the new one: run "bump.ts volume ${distroVersion}" and commit`,
  );
}

/** Judges all volumes. */
export async function verify(run: ReleaseRun): Promise<void> {
  const { release, options, host } = run;
  const { listed, settings } = release;
  for (const arch of settings.arches) {
    const outcomes = await verifyAll(
      { words: listed, all: false, dir: settings.dir, root: host.root, arch },
      {
        signal: host.signal,
        openContainers: containersOn(
          options.engine,
          {
            cache: host.cache,
            pid: host.pid,
            extractor: undefined,
            images: [],
          },
          host.signal,
        ),
        onOutcome: (outcome) => {
          const { out, err } = renderOutcome(outcome, {
            json: false,
            quiet: true,
          });
          for (const text of [out, err]) if (text !== "") host.note(text);
          if (isGood(outcome) && "verdict" in outcome) {
            run.say(`${outcome.verdict.archive}: nothing is wrong with it`);
          }
        },
      },
    );
    if (outcomes.every(isGood)) continue;
    throw new KrunnerError(
      `Cannot release ${settings.project}: something is wrong with a volume for ${arch}, see above; correct it, and remove "${release.statePath}" to begin anew`,
    );
  }
}

/** Makes the wheels and the sdist. */
export async function makeFiles(run: ReleaseRun): Promise<void> {
  const { release, options, host } = run;
  const { settings } = release;
  const made = await makeWheels(await openPackageDir(settings.dir), {
    arches: settings.arches,
    out: settings.out,
    maxSize: options.maxSize,
    dryRun: false,
    epoch: parseEpoch(host.sourceDateEpoch),
    signal: host.signal,
    cache: host.cache,
    pid: host.pid,
    onNotice: (line) => run.say(`note: ${line}`),
  });
  await run.update({ files: made.map(toMadeFile) });
}

function toMadeFile({ path, size, sha256 }: Distribution): MadeFile {
  if (size === null || sha256 === null) {
    throw new TypeError("it was not written");
  }
  return { file: path.slice(path.lastIndexOf("/") + 1), path, size, sha256 };
}

/** Lets twine judge the files, then reads each wheel again as an agent will. */
export async function check(run: ReleaseRun): Promise<void> {
  const { release, host } = run;
  await requireUnchanged(release, (step) => run.isPending(step));
  const { names, listed, settings } = release;
  const files = await run.files();
  await checkFiles(run.twine, files.map(({ path }) => path), host.signal);
  for (const arch of settings.arches) {
    const path = `${settings.out}/${wheelName(names, arch)}`;
    const problems = wheelProblems(
      await readWheel(path, host.signal),
      { names, arch, listed },
    );
    if (problems.length === 0) continue;
    throw new KrunnerError(
      `Cannot release "${path}": ${
        problems.join("; ")
      }; see what made it so, and remove "${release.statePath}" to begin anew`,
    );
  }
}
