/**
 * A volume of this project against one that upstream's recipe makes of the same
 * Python and the same packages on the same base (`upstream/`): how fast the
 * interpreter starts in a fresh container, how large archive and tree are, and
 * how long an agent takes to fill a volume. Alone, with options for `build.ts`:
 *
 *   deno run -A bench/volume.ts --base-image=krunner-base:debian12
 *
 * @module
 */

import { runMain } from "../lib/cli.ts";
import { KrunnerError } from "../lib/errors.ts";
import type { Manifest } from "../lib/manifest.ts";
import { runWithSignals } from "../lib/signals.ts";
import { makeVolume, removeMade, runIn, timeIn, type Times } from "./engine.ts";
import {
  bar,
  compare,
  durations,
  fact,
  type Round,
  type Row,
  run,
  takeTurns,
  withTempDir,
} from "./measure.ts";
import { printRows } from "./report.ts";
import { buildUpstream, takeArchive, takeTree, treeSize } from "./upstream.ts";

const DISTRO_VERSION = "debian12";
const PREFIX = "krunner-bench-volume";
const FILL_ROUNDS = 7;
const START_ROUNDS = 21;

const FAMILY = new URL("../dockerfiles/debian", import.meta.url).pathname;
const BUILD = new URL("../build.ts", import.meta.url).pathname;

/** What the kernel runner begins with. */
const IMPORTS =
  "import asyncio, ssl, json, logging, sqlite3, zmq, uvloop, msgpack, janus, attrs, jupyter_client";

/** What is in a volume; pip and setuptools are the recipe's own affair. */
const CONTENTS = `
import sys, importlib.metadata as metadata
print(sys.version, sorted({(d.name, d.version) for d in metadata.distributions()
                           if d.name not in ("pip", "setuptools")}))`;

/** What the agent's extractor runs; tar and xz are BusyBox's. */
const EXTRACTOR =
  'rm -rf /root/volume/*; busybox tar xJf /root/archive.tar.xz -C /root/volume/; echo "$KRUNNER_VERSION" > /root/volume/VERSION';

/** An archive, and the name of the volume that is filled with it. */
interface Candidate {
  readonly volume: string;
  /** The path of the archive. */
  readonly archive: string;
  /** Bytes, packed. */
  readonly size: number;
  /** Bytes, sum of all files unpacked. */
  readonly unpackedSize: number;
}

/** What is measured. */
interface Setup {
  readonly ours: Candidate;
  readonly usual: Candidate;
  /** A volume of upstream's with the `.pyc` files that pip leaves. */
  readonly kept: string;
  /** The bare base image. */
  readonly base: string;
  /** The base image with all libraries that upstream's volume needs. */
  readonly image: string;
}

/** Copies the family without what builds leave there, and returns the folder. */
async function copyFamily(scratch: string): Promise<string> {
  const dir = `${scratch}/debian`;
  await run(["cp", "-r", FAMILY, dir]);
  const outputs = /^(logs|krunner-env\..*\.(json|tar\.xz)|krunner-.*\.txt)$/;
  for await (const { name } of Deno.readDir(dir)) {
    if (!outputs.test(name)) continue;
    await Deno.remove(`${dir}/${name}`, { recursive: true });
  }
  return dir;
}

/** Builds this project's volume and, on the way, the stages' images. */
async function buildOurs(
  dir: string,
  options: readonly string[],
): Promise<Manifest> {
  await run([
    ...[Deno.execPath(), "run", "-A", BUILD, DISTRO_VERSION, "--quiet"],
    ...[`--dir=${dir}`, `--image-prefix=${PREFIX}`, "--no-verify", ...options],
  ]);
  const name = `krunner-env.${DISTRO_VERSION}.${Deno.build.arch}.json`;
  return JSON.parse(await Deno.readTextFile(`${dir}/${name}`));
}

/** Makes everything that is measured. */
async function setUp(
  scratch: string,
  options: readonly string[],
): Promise<Setup> {
  const dir = await copyFamily(scratch);
  const { archive: { file, size, unpackedSize }, base } = await buildOurs(
    dir,
    options,
  );
  const context = `${scratch}/context`;
  await Deno.mkdir(context);
  await Deno.copyFile(
    `${dir}/requirements.txt`,
    `${context}/requirements.txt`,
  );
  const stages = {
    python: `${PREFIX}-python:${DISTRO_VERSION}`,
    wheels: `${PREFIX}-wheels:${DISTRO_VERSION}`,
  };
  const image = `${PREFIX}-upstream:archive`;
  await buildUpstream("archive", image, stages, context);
  const archive = `${scratch}/image.tar.xz`;
  await takeArchive(image, archive);
  const keptImage = `${PREFIX}-upstream:kept`;
  await buildUpstream("kept", keptImage, stages, context);
  const kept = `${PREFIX}-kept`;
  await takeTree(keptImage, kept);
  return {
    ours: {
      volume: `${PREFIX}-ours`,
      archive: `${dir}/${file}`,
      size,
      unpackedSize,
    },
    usual: {
      volume: `${PREFIX}-usual`,
      archive,
      size: (await Deno.stat(archive)).size,
      unpackedSize: await treeSize(image),
    },
    kept,
    base: base!.reference,
    image: stages.python,
  };
}

/** Fills a new volume as the agent does. */
async function fill(candidate: Candidate, base: string): Promise<Times> {
  await makeVolume(candidate.volume);
  // What was written before must not go to disk in this one's time.
  await run(["sync"]);
  const flags = [
    "--env=KRUNNER_VERSION=1",
    "--volume=/bin/busybox:/bin/busybox:ro",
    `--volume=${candidate.archive}:/root/archive.tar.xz:ro`,
    `--volume=${candidate.volume}:/root/volume`,
  ];
  return await timeIn(base, flags, ["busybox", "sh", "-c", EXTRACTOR]);
}

/** How the agent's containers have the volume. */
function mounted(volume: string): string[] {
  return [
    ...["--read-only", "--user=1000:1000"],
    "--env=LD_LIBRARY_PATH=/opt/backend.ai/lib",
    `--volume=${volume}:/opt/backend.ai:ro`,
  ];
}

function python(code: string): string[] {
  return ["/opt/backend.ai/bin/python", "-s", "-c", code];
}

/**
 * Makes sure that the recipe is the only difference.
 *
 * @throws {KrunnerError} If the volumes differ in their Python or packages.
 */
async function checkAlike(
  image: string,
  volumes: readonly string[],
): Promise<void> {
  const contents = new Set<string>();
  for (const volume of volumes) {
    contents.add(await runIn(image, mounted(volume), python(CONTENTS)));
  }
  if (contents.size !== 1) {
    throw new KrunnerError(
      `Cannot compare the volumes: they have other contents: ${
        [...contents].join(" and ")
      }`,
    );
  }
}

/** Starts Python in fresh containers of two volumes. */
async function takeStarts(
  { image, ours }: Setup,
  usual: string,
  signal: AbortSignal | undefined,
): Promise<Round<Times>[]> {
  const start = (volume: string) => () =>
    timeIn(image, mounted(volume), python(IMPORTS));
  return await takeTurns(
    START_ROUNDS,
    start(usual),
    start(ours.volume),
    signal,
  );
}

/** Whether a volume's Python starts in an image, in a few words. */
async function tryIn(image: string, volume: string): Promise<string> {
  try {
    await runIn(image, mounted(volume), python(IMPORTS));
    return "starts";
  } catch (error) {
    // Of the loader, or of Python that passes the loader's words on.
    const [, library] = /(\S+): cannot open shared object file/.exec(
      String(error),
    ) ?? [];
    if (library === undefined) throw error;
    return `fails: there is no ${library}`;
  }
}

function sizeRow(
  name: string,
  ours: number,
  usual: number,
  limit: number,
): Row {
  const text = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const detail = `${text(ours)} against ${text(usual)}`;
  return bar(name, ours / usual, "<=", limit, "x", detail);
}

function by(rounds: readonly Round<Times>[], clock: keyof Times) {
  return compare(
    rounds.map(({ usual, ours }) => ({
      usual: usual[clock],
      ours: ours[clock],
    })),
  );
}

/** The bar of a time by the container's clock, and the time on the outside. */
function timeRows(
  name: string,
  rounds: readonly Round<Times>[],
  limit: number,
): Row[] {
  const inside = by(rounds, "inside");
  return [
    bar(name, inside.ratio, ">=", limit, "x faster", durations(inside)),
    fact("  the whole docker run", durations(by(rounds, "whole"))),
  ];
}

async function measure(setup: Setup, signal?: AbortSignal): Promise<Row[]> {
  const { ours, usual, kept, base, image } = setup;
  const fills = await takeTurns(
    FILL_ROUNDS,
    () => fill(usual, base),
    () => fill(ours, base),
    signal,
  );
  await checkAlike(image, [ours.volume, usual.volume, kept]);
  const starts = await takeStarts(setup, usual.volume, signal);
  const keptStarts = by(await takeStarts(setup, kept, signal), "inside");
  return [
    ...timeRows("volume: start of Python with imports", starts, 3),
    fact(
      "  against a recipe that deletes .pyc before pip",
      durations(keptStarts),
    ),
    fact(
      "  where they start",
      "the python stage's image: it has the libraries that upstream's needs",
    ),
    sizeRow("  archive", ours.size, usual.size, 0.5),
    sizeRow("  unpacked", ours.unpackedSize, usual.unpackedSize, 0.4),
    ...timeRows("  filling a volume, BusyBox", fills, 2),
    fact("  ours in the bare base image", await tryIn(base, ours.volume)),
    fact("  upstream's there", await tryIn(base, usual.volume)),
  ];
}

/**
 * Builds both volumes and measures; everything is made and removed here.
 *
 * Both Pythons start in the python stage's image, for upstream's finds its
 * shared libraries only where they are installed.
 */
export async function benchVolume(
  signal?: AbortSignal,
  options: readonly string[] = [],
): Promise<Row[]> {
  return await withTempDir(async (scratch) => {
    try {
      await removeMade(PREFIX);
      return await measure(await setUp(scratch, options), signal);
    } finally {
      await removeMade(PREFIX);
    }
  });
}

if (import.meta.main) {
  await runMain((args) =>
    runWithSignals(async (signal) => printRows(await benchVolume(signal, args)))
  );
}
