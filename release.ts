/**
 * Releases a krunner package: checks, builds, verifies, packs, uploads, reads back,
 * records, commits and tags, and goes on where it was stopped.
 *
 * ```sh
 * deno run -A release.ts debian --dry-run
 * deno run -A release.ts debian
 * ```
 *
 * @module
 */

import {
  answerCommon,
  COMMON_OPTIONS,
  type CommonRequest,
  type Help,
  type OptionSpecs,
  type OptionValues,
  parseOptions,
  runMain,
} from "./lib/cli.ts";
import { UsageError } from "./lib/errors.ts";
import {
  ARCHES,
  ARCHES_OPTION,
  BASE_OPTION,
  BASES,
  DEFAULT_JOBS,
  DIR_OPTION,
  dryRunOption,
  ENGINE_OPTION,
  ENGINES,
  jobsOption,
  KEYRING_OPTION,
  MIRROR_OPTION,
  NETWORK_OPTION,
  NETWORKS,
  oneOf,
  sourcesFolder,
  wholeNumber,
} from "./lib/options.ts";
import type { ReleaseHost, ReleaseOptions } from "./lib/release/options.ts";
import { runWithSignals } from "./lib/signals.ts";
import { typedName } from "./lib/typed.ts";
import { parseWheelOptions, WHEEL_OPTIONS } from "./lib/wheel/options.ts";

export type { ReleaseHost, ReleaseOptions };

const OPTIONS = {
  "dry-run": dryRunOption(
    "Make all checks, print the exact commands, change nothing",
  ),
  resume: {
    type: "boolean",
    help: "Go on with a release that failed or was stopped",
  },
  yes: { type: "boolean", alias: "y", help: "Do not ask" },
  "skip-publish": {
    type: "boolean",
    help: "Upload nothing; everything else is done",
  },
  "repository-url": {
    type: "string",
    value: "URL",
    help:
      "Upload there (default: TWINE_REPOSITORY_URL, else the repository\nthat --repository names)",
  },
  repository: {
    type: "string",
    value: "NAME",
    help:
      "A repository of ~/.pypirc, pypi or testpypi (default:\nTWINE_REPOSITORY, else pypi)",
  },
  "index-url": {
    type: "string",
    value: "URL",
    help:
      'The "simple" API to read uploads back from (default: the one that\nusually goes with the repository)',
  },
  wait: {
    type: "string",
    value: "SECONDS",
    help:
      "How long the index may take to show what was uploaded\n(default: 300)",
  },
  branch: {
    type: "string",
    value: "NAME",
    help:
      "The branch to release from (default: the remote's default branch,\nelse main or master)",
  },
  tag: {
    type: "string",
    value: "NAME",
    help:
      "The tag's name (default: {family}/{version}; in a repository of one\nfamily {version} or v{version}, as the tags there)",
  },
  dir: DIR_OPTION,
  arch: {
    ...ARCHES_OPTION,
    help:
      "Release volumes for x86_64 or aarch64; may be repeated (default:\nthis machine's). Volumes that another machine built are taken where\nthey are up to date",
  },
  ...WHEEL_OPTIONS,
  base: BASE_OPTION,
  mirror: MIRROR_OPTION,
  keyring: KEYRING_OPTION,
  sources: {
    type: "string",
    value: "DIR",
    help:
      "Build from this folder and download nothing; see sources.ts\n(default: the variable KRUNNER_SOURCES, if it is set)",
  },
  network: NETWORK_OPTION,
  jobs: jobsOption("distro versions"),
  engine: ENGINE_OPTION,
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

/** The text of `--help`. */
export const HELP: Help = {
  summary:
    "Releases a krunner package: checks, build, verify, wheels, upload, read back,\nreleased.json and changelog, commit, tag. It is made from what is committed alone.",
  usage: [
    "release.ts [options] [family]",
    "release.ts [options] [family] --resume",
  ],
  options: OPTIONS,
  examples: {
    "deno run -A release.ts debian --dry-run":
      "See whether all is in order, and what would be done",
    "deno run -A release.ts debian --repository testpypi":
      "Release to the index for tests",
    "deno run -A release.ts debian --skip-publish --yes":
      "Files, commit and tag, without a question or an upload",
    "deno run -A release.ts debian --resume": "Go on after a failure",
  },
  exitCodes: {
    "0": "Released; with --dry-run: all checks passed",
    "1": "A check or a step failed, or the answer was no",
    "2": "Wrong usage",
    "129, 130, 143": "Stopped by SIGHUP, Ctrl-C or SIGTERM; --resume goes on",
  },
};

/**
 * Parses the command line.
 *
 * @throws {UsageError} If an option is unknown or its value is not possible.
 */
export async function parseReleaseArgs(
  args: readonly string[],
): Promise<ReleaseOptions | CommonRequest> {
  const { options, operands, asked } = await parseOptions(args, OPTIONS);
  if (asked !== undefined) return asked;
  const [family, ...others] = operands;
  if (others.length > 0) {
    throw new UsageError(
      `Cannot release "${operands.join(" ")}" at once: name one family`,
    );
  }
  rejectUnused(options);
  const arches = options.arch.map((arch) => oneOf("arch", ARCHES, arch)!);
  return {
    family,
    dir: options.dir,
    arches: [...new Set(arches.length > 0 ? arches : [Deno.build.arch])].sort(),
    ...await parseWheelOptions(options),
    branch: options.branch,
    tag: options.tag,
    repository: options.repository,
    repositoryUrl: options["repository-url"],
    indexUrl: options["index-url"],
    skipPublish: options["skip-publish"],
    wait: 1000 * wholeNumber("wait", options.wait, 300),
    jobs: wholeNumber("jobs", options.jobs, DEFAULT_JOBS),
    base: oneOf("base", BASES, options.base) ?? "auto",
    network: oneOf("network", NETWORKS, options.network),
    engine: oneOf("engine", ENGINES, options.engine) ?? "docker",
    mirror: options.mirror,
    keyring: options.keyring,
    sources: options.sources,
    dryRun: options["dry-run"],
    resume: options.resume,
    yes: options.yes,
    args: args.filter((arg) => arg !== "--resume"),
  };
}

/** Options that mean nothing where nothing is uploaded. */
const UPLOAD_OPTIONS = [
  "repository",
  "repository-url",
  "index-url",
  "wait",
] as const;

function rejectUnused(options: OptionValues<typeof OPTIONS>): void {
  if (!options["skip-publish"]) return;
  const name = UPLOAD_OPTIONS.find((name) => options[name] !== undefined);
  if (name === undefined) return;
  throw new UsageError(
    `Cannot combine "--skip-publish" with "--${name}": leave one out`,
  );
}

async function release(
  options: ReleaseOptions,
  signal: AbortSignal,
): Promise<number> {
  const [
    { runRelease },
    { scriptHost },
    { progressOnStderr },
    { askYesNo },
  ] = await Promise.all([
    import("./lib/release/run_release.ts"),
    import("./lib/script_host.ts"),
    import("./lib/progress.ts"),
    import("./lib/question.ts"),
  ]);
  using progress = progressOnStderr("normal", Deno.env.get("TERM"));
  const isTerminal = Deno.stdin.isTerminal() && Deno.stderr.isTerminal();
  const sources = sourcesFolder(options.sources, Deno.env.get);
  return await runRelease({ ...options, sources }, {
    ...scriptHost(import.meta.dirname, signal),
    cwd: Deno.cwd(),
    sourceDateEpoch: Deno.env.get("SOURCE_DATE_EPOCH"),
    progress,
    env: Deno.env.get,
    date: () => Date.now(),
    now: () => performance.now(),
    ask: isTerminal ? (question) => askYesNo(question, signal) : undefined,
    log: (text) => console.log(text),
    note: (text) => console.error(text),
  });
}

/**
 * Runs the command line `args` and returns the exit code.
 *
 * @throws {KrunnerError} If it fails; `--resume` goes on then.
 */
export async function main(args: readonly string[]): Promise<number> {
  const options = await parseReleaseArgs(args);
  if (typeof options === "string") {
    return await answerCommon(options, HELP, typedName("release"));
  }
  return await runWithSignals((signal) => release(options, signal));
}

if (import.meta.main) await runMain(main);
