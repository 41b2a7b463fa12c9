/**
 * A release as command lines: what a dry run prints, and what could be typed in its
 * place.
 *
 * @module
 */

import { DEFAULT_JOBS } from "../options.ts";
import { CHANGELOG_FILE, RELEASED_FILE } from "../released.ts";
import { renderTable } from "../table.ts";
import { typedName } from "../typed.ts";
import { DEFAULT_MAX_SIZE } from "../wheel/sizes.ts";
import { normalizeName } from "./index_api.ts";
import type { ReleaseOptions } from "./options.ts";
import { fileNames, type Release } from "./prepare.ts";
import type { Step } from "./state.ts";
import { checkCommand, type Twine, uploadCommand } from "./twine.ts";

/** A word as a shell reads it back. */
export function quote(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Words as a shell reads them back. */
export function commandLine(words: readonly string[]): string {
  return words.map(quote).join(" ");
}

/** What the release commit says. */
export function commitMessage(
  { settings }: Pick<Release, "settings">,
): string {
  return `Release ${settings.project} ${settings.version}`;
}

/** What the tag says. */
export function tagMessage({ settings }: Pick<Release, "settings">): string {
  return `${settings.project} ${settings.version}`;
}

/** The files that a release writes and commits, below the checkout's top. */
export function releasePaths({ below }: Pick<Release, "below">): string[] {
  return [CHANGELOG_FILE, RELEASED_FILE].map((name) => `${below}${name}`);
}

/** The paths of the files that are made. */
export function madePaths(release: Release): string[] {
  return fileNames(release).map((name) => `${release.settings.out}/${name}`);
}

/** A script's name as it is typed: `build.ts`, or `krunner` and `build`. */
export function script(name: string): string[] {
  return typedName(name).split(" ");
}

/** What a release's own commands get of its options. */
interface OptionWords {
  readonly build: readonly string[];
  readonly verify: readonly string[];
  readonly wheel: readonly string[];
}

/** Only what is not the default: short commands are read. */
function optionWords(options: ReleaseOptions): OptionWords {
  const { base, mirror, keyring, sources, network, jobs } = options;
  const engine = options.engine === "docker" ? undefined : options.engine;
  const given = {
    base: base === "auto" ? undefined : base,
    mirror,
    keyring,
    sources,
    network,
    jobs: jobs === DEFAULT_JOBS ? undefined : jobs,
    engine,
  };
  return {
    build: words(given),
    verify: words({ engine }),
    wheel: words({
      "max-size": options.maxSize === DEFAULT_MAX_SIZE
        ? undefined
        : options.maxSize,
    }),
  };
}

function words(
  options: Readonly<Record<string, string | number | undefined>>,
): string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)]
  );
}

/** How a step's commands depend on who runs the release, and where. */
export interface CommandPlace {
  /** The working directory. */
  readonly cwd: string;
  /** Whether twine asks for a name or a password. */
  readonly asks: boolean;
}

/** The exact commands of each step. */
export function stepCommands(
  release: Release,
  twine: Twine,
  options: ReleaseOptions,
  { cwd, asks }: CommandPlace,
): Partial<Record<Step, string[][]>> {
  const { settings, listed, destination, git: { top } } = release;
  const { dir, arches, out, tag } = settings;
  const given = optionWords(options);
  const git = cwd === top ? ["git"] : ["git", "-C", top];
  const place = ["--dir", dir];
  const paths = madePaths(release);
  const commits = releasePaths(release);
  return {
    build: arches.map((arch) => [
      ...[
        ...script("build"),
        ...listed,
        ...place,
        "--arch",
        arch,
        ...given.build,
      ],
    ]),
    verify: arches.map((arch) => [
      ...[
        ...script("verify"),
        ...listed,
        ...place,
        "--arch",
        arch,
        ...given.verify,
      ],
    ]),
    wheels: [[
      ...[...script("wheel"), ...place, "--out", out],
      ...arches.flatMap((arch) => ["--arch", arch]),
      ...given.wheel,
    ]],
    check: [checkCommand(twine, paths)],
    ...destination === undefined ? {} : {
      upload: paths.map((path) =>
        uploadCommand(twine, destination.options, path, asks)
      ),
      "read back": [[
        "GET",
        `${hideLogin(destination.index)}${normalizeName(settings.project)}/`,
      ]],
    },
    record: [["write", ...commits]],
    commit: [
      [...git, "add", "--", ...commits],
      [...git, "commit", "-m", commitMessage(release), "--", ...commits],
    ],
    tag: [[...git, "tag", "--annotate", "-m", tagMessage(release), "--", tag]],
  };
}

/** A URL without the name and password in it. */
export function hideLogin(text: string): string {
  const url = new URL(text);
  url.username = "";
  url.password = "";
  return url.href;
}

/** The commands, a step a paragraph. */
export function renderCommands(
  commands: Partial<Record<Step, string[][]>>,
): string {
  return Object.entries(commands).map(([step, lines]) =>
    [`${step}:`, ...lines.map((words) => `  ${commandLine(words)}`)].join("\n")
  ).join("\n");
}

/** What is going to be released, for the one who is asked. */
export function renderSummary(
  release: Release,
  volumes: ReadonlyMap<string, number>,
): string {
  const { settings, listed, destination, last, released } = release;
  const { project, version, arches, tag, branch, out } = settings;
  const rows = listed.flatMap((distroVersion) =>
    arches.map((arch) => [
      distroVersion,
      arch,
      String(volumes.get(distroVersion) ?? "-"),
      String(released?.volumes[distroVersion]?.[arch]?.volumeVersion ?? "-"),
    ])
  );
  return [
    `${project} ${version} (released last: ${last ?? "nothing"})`,
    renderTable([["DISTRO VERSION", "ARCH", "VOLUME", "RELEASED"], ...rows]),
    [
      `Files in ${out}:`,
      ...fileNames(release).map((name) => `  ${name}`),
      destination === undefined
        ? "Upload: none"
        : destination.name === destination.url
        ? `Upload: ${destination.url}`
        : `Upload: ${destination.name} (${destination.url})`,
      `Commit and tag: "${commitMessage(release)}" on ${branch}, ${tag}`,
    ].join("\n"),
  ].join("\n\n");
}
