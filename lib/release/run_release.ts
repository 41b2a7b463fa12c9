/**
 * A whole release: checks, question, steps, and where it ended.
 *
 * @module
 */

import { parseEpoch } from "../archive_time.ts";
import { KrunnerError, UsageError } from "../errors.ts";
import { takeLock } from "../lock.ts";
import { makeFolder } from "../make_folder.ts";
import {
  type Checked,
  checkRelease,
  problemsOf,
  renderChecks,
} from "./checks.ts";
import {
  commandLine,
  renderCommands,
  renderSummary,
  script,
  stepCommands,
} from "./commands.ts";
import { build, check, makeFiles, verify } from "./make_steps.ts";
import type { ReleaseHost, ReleaseOptions } from "./options.ts";
import { prepareRelease, type Release } from "./prepare.ts";
import { readBack, upload } from "./publish_steps.ts";
import { commit, isOwnCommit, record, tag } from "./record_steps.ts";
import { ReleaseRun } from "./run.ts";
import {
  hasBegun,
  newState,
  nextStep,
  readState,
  type ReleaseState,
  requireSame,
  type Step,
  STEPS,
  unfinishedMessage,
} from "./state.ts";

const WORK: Readonly<Record<Step, (run: ReleaseRun) => Promise<void>>> = {
  build,
  verify,
  wheels: makeFiles,
  check,
  upload,
  "read back": readBack,
  record,
  commit,
  tag,
};

/**
 * Makes a release, or goes on with one.
 *
 * @returns The exit code: 0, or 1 where a dry run found something wrong, or the
 * answer to the question was no.
 * @throws {UsageError} If the command line does not fit what is there.
 * @throws {KrunnerError} If a check or a step fails. Before all checks passed
 * nothing has changed; after that `--resume` goes on.
 * @throws {CancelledError} If the host's signal was aborted.
 */
export async function runRelease(
  options: ReleaseOptions,
  host: ReleaseHost,
): Promise<number> {
  if (!options.yes && !options.dryRun && host.ask === undefined) {
    throw new UsageError(
      'Cannot ask whether to release: there is no terminal; give "--yes", or "--dry-run" to see what would be done',
    );
  }
  const prepared = await prepareRelease(options, host);
  if (options.dryRun) return await dryRun(prepared, options, host);
  await makeFolder(folderOf(prepared.statePath));
  // One for all families: the branch can take one commit at a time.
  using _lock = await takeLock(
    `${folderOf(prepared.statePath)}/release.lock`,
    host.pid,
    (holder) =>
      `Cannot release ${prepared.settings.project}: another process does (process ${holder}); wait for its end`,
  );
  const { release, state } = await openState(prepared, options, host);
  const isPending = (step: Step) => !state.done.includes(step);
  const checked = await checkRelease(release, options, host, isPending);
  const problems = problemsOf(checked.outcomes);
  host.note(renderChecks(checked.outcomes));
  if (problems.length > 0) throw failedChecks(problems);
  host.note(`\n${renderSummary(release, checked.volumes)}\n`);
  if (!options.yes && await host.ask?.("Release this?") !== true) {
    host.note("Nothing was done");
    return 1;
  }
  const run = new ReleaseRun(release, options, host, checked.twine, state);
  // So that "--resume" knows of a release that is killed in its first step.
  await run.update({});
  await doSteps(run);
  await finish(run);
  return 0;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function failedChecks(problems: readonly string[]): KrunnerError {
  const [problem = "", ...others] = problems;
  return new KrunnerError(
    others.length === 0 ? problem : problems.join("\nerror: "),
  );
}

/**
 * The state to begin or go on with. What is released is then what was begun: HEAD
 * may be the release's own commit by now.
 */
async function openState(
  release: Release,
  options: ReleaseOptions,
  host: ReleaseHost,
): Promise<{ release: Release; state: ReleaseState }> {
  const { statePath, settings } = release;
  const state = await readState(statePath);
  if (!options.resume) {
    if (state !== undefined && hasBegun(state)) {
      throw new KrunnerError(unfinishedMessage(state, statePath));
    }
    return { release, state: newState(settings, dayOf(host)) };
  }
  if (state === undefined) {
    throw new KrunnerError(
      `Cannot go on: no release of ${settings.project} is unfinished; leave "--resume" out`,
    );
  }
  if (!hasBegun(state)) {
    return { release, state: newState(settings, dayOf(host)) };
  }
  const isOwn = await isOwnCommit(release, state.settings.commit);
  requireSame(state, settings, statePath, isOwn);
  return { release: { ...release, settings: state.settings }, state };
}

/** The day of the release. */
function dayOf({ sourceDateEpoch, date }: ReleaseHost): string {
  const epoch = parseEpoch(sourceDateEpoch);
  const time = epoch === undefined ? date() : epoch * 1000;
  return new Date(time).toISOString().slice(0, 10);
}

async function doSteps(run: ReleaseRun): Promise<void> {
  for (const step of STEPS) {
    if (!run.isPending(step)) {
      run.say(`== ${step}: done before`);
      continue;
    }
    run.say(`== ${step}`);
    try {
      await WORK[step](run);
      await run.update({ done: [...run.state.done, step] });
    } catch (error) {
      await explain(run, step);
      throw error;
    }
  }
}

/** Says how to go on after a failure. */
async function explain(run: ReleaseRun, step: Step): Promise<void> {
  const begun = await readState(run.release.statePath).catch(() => undefined);
  const again = commandLine([...script("release"), ...run.options.args]);
  run.host.note(
    begun === undefined || !hasBegun(begun)
      ? `note: nothing is finished; once that is mended, begin again with "${again}"`
      : `note: all before "${step}" is finished; once that is mended, go on with "${again} --resume"`,
  );
}

/** Forgets the state, and tells what was done. */
async function finish({ release, state, host }: ReleaseRun): Promise<void> {
  await Deno.remove(release.previous, { recursive: true }).catch(() => {});
  await Deno.remove(release.statePath);
  const { project, version, branch, tag } = release.settings;
  for (const { sha256, path } of state.files) host.log(`${sha256}  ${path}`);
  host.note(
    `Released ${project} ${version}; publish commit and tag with "${
      commandLine(["git", "push", "origin", branch, tag])
    }"`,
  );
}

async function dryRun(
  release: Release,
  options: ReleaseOptions,
  host: ReleaseHost,
): Promise<number> {
  const { statePath } = release;
  const state = await readState(statePath);
  const problems: string[] = [];
  let begun = newState(release.settings, dayOf(host));
  let shown = release;
  if (options.resume) {
    const opened = await openState(release, options, host);
    [shown, begun] = [opened.release, opened.state];
  } else if (state !== undefined && hasBegun(state)) {
    problems.push(unfinishedMessage(state, statePath));
  }
  const isPending = (step: Step) => !begun.done.includes(step);
  const checked = await checkRelease(shown, options, host, isPending);
  problems.push(...problemsOf(checked.outcomes));
  host.log(renderDryRun(shown, options, host.cwd, checked, isPending));
  if (nextStep(begun) === undefined) host.log("Nothing is left to do");
  if (problems.length > 0) throw failedChecks(problems);
  return 0;
}

function renderDryRun(
  release: Release,
  options: ReleaseOptions,
  cwd: string,
  { outcomes, volumes, twine, asks }: Checked,
  isPending: (step: Step) => boolean,
): string {
  const commands = stepCommands(
    release,
    twine ?? { argv: ["twine"], version: "" },
    options,
    { cwd, asks },
  );
  const left = Object.fromEntries(
    Object.entries(commands).filter(([step]) => isPending(step as Step)),
  );
  return [
    renderChecks(outcomes),
    renderSummary(release, volumes),
    renderCommands(left),
  ].join("\n\n");
}
