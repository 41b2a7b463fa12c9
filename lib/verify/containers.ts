/**
 * The checks that need containers: extractor, bare image, hostile environment.
 *
 * The archive goes into the extractor's container while it is read for the other
 * checks; what came out there is then compared with what was read, and tried.
 *
 * @module
 */

import { type Engine, platformOf } from "../engine.ts";
import { Scratch } from "../scratch.ts";
import { checkBareImage } from "./bare_image.ts";
import {
  EXTRACTOR_ADVICE,
  type Filling,
  provideExtractor,
  startFilling,
} from "./extractor.ts";
import type { Check, CheckReport, Finding } from "./finding.ts";
import { checkHostile } from "./hostile.ts";
import { imageLibraryPath, provideImage, rethrowFaults } from "./images.ts";
import { TERMINAL } from "./layout.ts";
import { printable, type Trial } from "./probe.ts";
import { checkTerminal } from "./terminal.ts";
import type { VolumeTree } from "./tree.ts";
import { compareTrees } from "./tree_compare.ts";

/** What the checks need to know. */
export interface ExtractionOptions {
  /** A folder of this user's that outlives the process, for locks. */
  readonly cache: string;
  /** This process's id. */
  readonly pid: number;
  /** The volume's arch, as Python's `platform.machine()` says it; the engine's by default. */
  readonly arch?: string | undefined;
  /** An image with BusyBox in place of the one that is made here. */
  readonly extractor?: string | undefined;
  /**
   * Names of the untouched base image of the distro version, best first. The
   * first that the engine has, or can get, is taken.
   */
  readonly bases: readonly string[];
  /** More images to try the volume in, as the user named them. */
  readonly images: readonly string[];
}

/** An archive on its way through the checks. */
export interface Extraction extends AsyncDisposable {
  /** Gets the packed archive; never fails. */
  readonly sink: WritableStream<Uint8Array>;
  /**
   * Checks what came out, after the sink was closed.
   *
   * @param tree What was read from the same bytes
   * @throws {KrunnerError} If the engine fails.
   * @throws {CancelledError} If the run was cancelled.
   */
  finish(tree: VolumeTree): Promise<CheckReport[]>;
}

const CONTAINER_CHECKS: readonly Check[] = [
  "extractor",
  "bare image",
  "hostile environment",
];

/** How many findings of the extractor are shown one by one. */
const SHOWN = 20;

/**
 * Gets everything ready. Dispose of what it returns in any case: that removes the
 * containers and the volume.
 *
 * @throws {KrunnerError} If the engine does not answer, or an extractor that the
 * user named is not to be had.
 */
export async function openExtraction(
  engine: Engine,
  options: ExtractionOptions,
): Promise<Extraction> {
  const extractor = await provideExtractor(engine, options.extractor);
  if ("missing" in extractor) {
    return {
      sink: new WritableStream(),
      finish: (tree) =>
        Promise.resolve(
          skipAll(`${extractor.missing}; ${EXTRACTOR_ADVICE}`, tree),
        ),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const scratch = await Scratch.open(engine, options.cache, options.pid);
  try {
    const volume = await scratch.createVolume();
    const { image } = extractor;
    const filling = await startFilling(scratch, { image, volume });
    return {
      sink: filling.sink,
      finish: (tree) => check(scratch, volume, filling, tree, options),
      [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
    };
  } catch (error) {
    await scratch[Symbol.asyncDispose]();
    throw error;
  }
}

/** All checks here as not done. */
export function skipAll(skipped: string, tree: VolumeTree): CheckReport[] {
  return [...CONTAINER_CHECKS, ...terminalChecks(tree)]
    .map((check) => ({ check, findings: [], skipped }));
}

/** A volume may go without a terminal. */
function terminalChecks({ byPath }: VolumeTree): Check[] {
  return byPath.has(TERMINAL) ? ["ttyd"] : [];
}

async function check(
  scratch: Scratch,
  volume: string,
  filling: Filling,
  tree: VolumeTree,
  options: ExtractionOptions,
): Promise<CheckReport[]> {
  if (!tree.complete) {
    return skipAll("the archive cannot be read to its end", tree);
  }
  const reports = [await checkExtractor(scratch, filling, tree)];
  const { arch: engineArch } = await scratch.engine.info();
  const { arch = engineArch } = options;
  const platform = arch === engineArch ? undefined : platformOf(arch);
  const base = await provideImage(scratch.engine, options.bases, platform);
  const inBase = "image" in base
    // Side by side: pings take their time, and nothing else.
    ? await Promise.all([
      checkImage(scratch, { ...base, volume, platform }),
      ...terminalChecks(tree).map(() =>
        tryTerminal(scratch, { ...base, volume, platform })
      ),
    ])
    : [
      skipAll(
        `there is no base image to try it in: ${base.missing}`,
        tree,
      ).slice(1),
    ];
  reports.push(...inBase.flat());
  for (const name of options.images) {
    const found = await provideImage(scratch.engine, [name], platform);
    reports.push(
      ...await ("image" in found
        ? checkImage(scratch, { ...found, volume, platform })
        : [missingImage(name, found.missing)]),
    );
  }
  return reports;
}

/** Whether BusyBox made of the archive what everyone else reads in it. */
async function checkExtractor(
  { engine }: Scratch,
  filling: Filling,
  tree: VolumeTree,
): Promise<CheckReport> {
  const check = "extractor";
  const why =
    "agents extract with BusyBox, and do not look whether it went well";
  try {
    const { entries, code, complaint } = await filling.done;
    const findings: Finding[] = compareTrees(tree.entries, entries)
      .map(({ path, what }) => ({ check, what, where: `./${path}`, why }));
    const more = findings.length - SHOWN;
    if (more > 0) {
      findings.splice(SHOWN, more, {
        check,
        what: `${more} more entries are different`,
        where: "the volume",
        why,
      });
    }
    if (code !== 0) {
      const words = complaint.split("\n").at(-1) ?? "";
      findings.unshift({
        check,
        what: printable(`tar ends with exit code ${code}: ${words}`),
        where: "the archive",
        why,
      });
    }
    return { check, findings, facts: { entries: entries.length } };
  } catch (error) {
    await rethrowFaults(engine, error);
    const what = printable((error as Error).message);
    return { check, findings: [{ check, what, where: "the volume", why }] };
  }
}

function missingImage(image: string, missing: string): CheckReport {
  return {
    check: "bare image",
    subject: image,
    findings: [{
      check: "bare image",
      what: missing,
      where: image,
      why: "it was asked for, so nothing is proven without it",
    }],
  };
}

async function checkImage(
  scratch: Scratch,
  trial: Trial,
): Promise<CheckReport[]> {
  const { image, platform } = trial;
  try {
    const libraryPath = await imageLibraryPath(scratch.engine, image);
    const bare = await checkBareImage(scratch, trial, libraryPath);
    if (platform !== undefined && bare.findings.some(isOtherArch)) {
      return skipBoth(`this engine cannot run programs for ${platform}`, image);
    }
    return [bare, await checkHostile(scratch, trial)];
  } catch (error) {
    await rethrowFaults(scratch.engine, error);
    return skipBoth(printable((error as Error).message), image);
  }
}

async function tryTerminal(
  scratch: Scratch,
  trial: Trial,
): Promise<CheckReport[]> {
  try {
    return [await checkTerminal(scratch, trial)];
  } catch (error) {
    await rethrowFaults(scratch.engine, error);
    const skipped = printable((error as Error).message);
    return [{ check: "ttyd", subject: trial.image, findings: [], skipped }];
  }
}

/** The kernel's words where no emulator is registered for a program's machine. */
function isOtherArch({ what }: Finding): boolean {
  return /exec format error/i.test(what);
}

/** The checks of an image as not done. */
function skipBoth(skipped: string, subject: string): CheckReport[] {
  return CONTAINER_CHECKS.slice(1)
    .map((check) => ({ check, subject, findings: [], skipped }));
}
