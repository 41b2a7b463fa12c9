/**
 * The whole examination: looks everything up, side by side, then judges it.
 *
 * @module
 */

import { type CollectedFolder, openFolder } from "../collect/folder.ts";
import { Engine, type EngineName } from "../engine.ts";
import { openPackages, selectTargets, type Target } from "../package_dir.ts";
import type { Check } from "./check.ts";
import type {
  Facts,
  FolderFacts,
  RegistryFacts,
  TargetFacts,
} from "./facts.ts";
import { judgeEngine, judgeRegistry } from "./judge_engine.ts";
import {
  judgeClock,
  judgeEmulation,
  judgeFolder,
  judgeMemory,
  judgeTools,
} from "./judge_host.ts";
import { judgeOrigins, judgeTargets } from "./judge_targets.ts";
import { lookAtEngine, lookAtRegistry } from "./look_engine.ts";
import {
  lookAtFolder,
  lookAtHost,
  lookAtOrigin,
  lookAtTools,
} from "./look_host.ts";
import { findSources, lookAtTarget, sourcesOf } from "./look_targets.ts";
import { registryOf } from "./registry.ts";

/** A command line of `doctor.ts`. */
export interface DoctorOptions {
  /** Distro versions; all where it is empty. */
  readonly names: readonly string[];
  /** The package directory; every one below the root by default. */
  readonly dir: string | undefined;
  /** The engine's program. */
  readonly engine: EngineName;
  /** A folder with all sources: no origin is asked then. */
  readonly sources: string | undefined;
}

/** What an examination takes from the system around it. */
export interface DoctorHost {
  /** The folder whose folders are package directories. */
  readonly root: string;
  /** The folder for downloads and locks. */
  readonly cache: string;
  /** This machine's name. */
  readonly hostname: string;
  /** Cancels everything. */
  readonly signal: AbortSignal;
}

/**
 * Examines the machine. Nothing on it is changed, and what it makes in the engine to
 * find a builder is removed.
 *
 * @throws {UsageError} If a name is unknown.
 * @throws {KrunnerError} If there is no package directory, or one is broken; if
 * `--sources` is no folder.
 * @throws {CancelledError} If the signal was aborted.
 */
export async function diagnose(
  options: DoctorOptions,
  host: DoctorHost,
): Promise<Check[]> {
  const packages = await openPackages(options.dir, host.root, {
    readOnly: true,
  });
  const areNamed = options.names.length > 0;
  const targets = selectTargets(packages, options.names, { all: !areNamed });
  const folder = options.sources === undefined
    ? undefined
    : await openFolder(options.sources);
  return judge(await look(targets, folder, options, host), areNamed);
}

async function look(
  targets: readonly Target[],
  folder: CollectedFolder | undefined,
  options: DoctorOptions,
  { root, cache, hostname, signal }: DoctorHost,
): Promise<Facts> {
  const engine = new Engine(options.engine, signal);
  const key = crypto.randomUUID().slice(0, 8);
  const [found, tools, machine] = await Promise.all([
    lookAtEngine(engine, { key, host: hostname, signal }),
    lookAtTools(signal),
    lookAtHost(),
  ]);
  const answering = "fault" in found ? undefined : engine;
  const targetFacts = await Promise.all(
    targets.map((target) =>
      lookAtTarget(target, machine.arch, answering, folder)
    ),
  );
  const rows = sourcesOf(targetFacts);
  const urls = rows.flatMap(({ origins }) =>
    origins.flatMap((origin) => "url" in origin ? [origin.url] : [])
  );
  const [origins, registries, folders, cached] = await Promise.all([
    options.sources === undefined
      ? Promise.all(urls.map((url) => lookAtOrigin(url, signal)))
      : [],
    lookAtRegistries(targetFacts, answering, signal),
    lookAtFolders({
      cache,
      outputs: options.dir ?? root,
      images: "fault" in found ? undefined : found.root,
    }),
    findSources(rows, options.sources ?? `${cache}/sources`),
  ]);
  return {
    host: machine,
    engine: found,
    tools,
    origins,
    registries,
    folders,
    targets: targetFacts,
    cached,
    offline: options.sources !== undefined,
  };
}

async function lookAtFolders(
  paths: Readonly<Record<FolderFacts["what"], string | undefined>>,
): Promise<FolderFacts[]> {
  const found = Object.entries(paths).map(async ([what, path]) =>
    path === undefined
      ? []
      : [await lookAtFolder(what as FolderFacts["what"], path)]
  );
  const folders = (await Promise.all(found)).flat();
  // The engine writes its own folder, whoever asks it to.
  return folders.map((it) =>
    it.what === "images" ? { ...it, writable: true } : it
  );
}

/** Each registry that base images come from is asked once. */
async function lookAtRegistries(
  targets: readonly TargetFacts[],
  engine: Engine | undefined,
  signal: AbortSignal,
): Promise<RegistryFacts[]> {
  if (engine === undefined) return [];
  const references = new Map(
    targets.flatMap(({ base }) =>
      base === undefined
        ? []
        : [[registryOf(base.reference), base.reference] as const]
    ),
  );
  return await Promise.all(
    [...references].map(([registry, reference]) =>
      lookAtRegistry(engine, registry, reference, signal)
    ),
  );
}

/** Judges all facts, in the order in which a build would meet them. */
export function judge(facts: Facts, areNamed: boolean): Check[] {
  const { host, engine, tools, origins, registries, folders } = facts;
  const engineTime = "fault" in engine ? undefined : engine.time;
  return [
    ...judgeEngine(engine),
    ...judgeTools(tools),
    ...folders.map(judgeFolder),
    judgeMemory(host),
    judgeClock(host, origins, engineTime),
    judgeEmulation(host),
    ...registries.map(judgeRegistry),
    ...judgeOrigins(facts, sourcesOf(facts.targets)),
    ...judgeTargets(facts, areNamed),
  ];
}
