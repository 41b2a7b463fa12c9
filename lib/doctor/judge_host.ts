/**
 * Judges the machine, its programs and its folders.
 *
 * @module
 */

import { formatSize } from "../progress.ts";
import { type Check, ok, problem, warning } from "./check.ts";
import type {
  FolderFacts,
  HostFacts,
  OriginFacts,
  ToolFacts,
  ToolName,
} from "./facts.ts";

const INSTALL = 'run "sh setup.sh" as root on Debian or Ubuntu, or install it';

/** What each program is for, and how bad it is if it is missing. */
const TOOLS: Readonly<
  Record<
    ToolName,
    { readonly state: "warning" | "problem"; readonly without: string }
  >
> = {
  xz: { state: "problem", without: "no archive can be written" },
  busybox: {
    state: "warning",
    without: "volumes are judged without extracting them as an agent does",
  },
  git: {
    state: "warning",
    without: "archives get the time stamp 0, or that of SOURCE_DATE_EPOCH",
  },
  debootstrap: {
    state: "warning",
    without: "base images must come from a registry",
  },
  unshare: {
    state: "warning",
    without: "base images must come from a registry",
  },
  tar: { state: "warning", without: "base images must come from a registry" },
};

/** One check for each program. */
export function judgeTools(tools: ToolFacts): Check[] {
  return Object.entries(TOOLS).map(([name, { state, without }]) => {
    const version = tools[name as ToolName];
    return version !== undefined
      ? ok(name, version)
      : { name, state, found: `missing: ${without}`, advice: INSTALL };
  });
}

const MB = 1e6;
const GB = 1e9;

/**
 * Free bytes below which a build cannot end, and below which it is doubtful. The
 * images of one distro version take 0.4 to 1.2 GB, and a classic builder keeps as
 * much for its steps; sources 100 MB; an archive, its twin while it is judged and
 * the tree that is extracted from it, 200 MB.
 */
const SPACE: Readonly<Record<FolderFacts["what"], readonly [number, number]>> =
  {
    images: [1 * GB, 5 * GB],
    cache: [200 * MB, 1 * GB],
    outputs: [50 * MB, 500 * MB],
  };

/** One check for each folder. */
export function judgeFolder(
  { what, path, free, writable }: FolderFacts,
): Check {
  const name = `space for ${what}`;
  const found = `${formatSize(free)} free for "${path}"`;
  if (!writable) {
    return problem(
      name,
      `"${path}" cannot be written`,
      "run as its owner, or name another folder",
    );
  }
  const [least, enough] = SPACE[what];
  const advice = `free some, ${formatSize(enough)} are enough for a start`;
  if (free < least) return problem(name, found, advice);
  return free < enough ? warning(name, found, advice) : ok(name, found);
}

/** Bytes of memory below which compressing and compiling are doubtful. */
const ENOUGH_MEMORY = 1 * GB;

/** Memory that can be had. */
export function judgeMemory({ memory }: HostFacts): Check {
  const found = `${formatSize(memory)} available`;
  return memory < ENOUGH_MEMORY
    ? warning(
      "memory",
      found,
      `stop something: xz takes 100 MB a thread, a compiler more`,
    )
    : ok("memory", found);
}

/** Milliseconds that clocks may differ. */
const SKEW = 5 * 60_000;

/**
 * The clock: against the engine's, those of origins, and this program's own age.
 * With a wrong one TLS and apt refuse to work.
 */
export function judgeClock(
  { now, programTime }: HostFacts,
  origins: readonly OriginFacts[],
  engineTime: number | undefined,
): Check {
  const others: [string, number | undefined][] = [
    ["the engine's", engineTime],
    ...origins.map(({ url, time }): [string, number | undefined] => [
      `that of ${new URL(url).host}`,
      time,
    ]),
  ];
  for (const [whose, time] of others) {
    if (time === undefined || Math.abs(now - time) <= SKEW) continue;
    const minutes = Math.round((now - time) / 60_000);
    return warning(
      "clock",
      `${Math.abs(minutes)} min ${
        minutes > 0 ? "ahead of" : "behind"
      } ${whose}`,
      "set it: downloads and apt fail with a wrong clock",
    );
  }
  const date = new Date(now).toISOString().slice(0, 16).replace("T", " ");
  return now + SKEW < programTime
    ? warning("clock", `${date} UTC, before this program was written`, "set it")
    : ok("clock", `${date} UTC`);
}

/** Arches that can be built for. */
export function judgeEmulation({ arch, emulated }: HostFacts): Check {
  const all = [arch, ...emulated].join(", ");
  return ok("arches", `builds for ${all}`);
}
