/**
 * Builds ttyd for one or more arches, side by side, proves each and puts it where
 * it belongs; one failure does not stop the others.
 *
 * @module
 */

import { builderOf, type BuildHost } from "../build_all.ts";
import { Engine, type EngineName } from "../engine.ts";
import {
  CancelledError,
  type Failure,
  failureOf,
  fileError,
  KrunnerError,
} from "../errors.ts";
import { sha256 } from "../inputs.ts";
import { makeFolder } from "../make_folder.ts";
import { openPackages } from "../package_dir.ts";
import { inParallel } from "../parallel.ts";
import type { Verbosity } from "../progress.ts";
import { readSourceLock } from "../source_lock.ts";
import { SOURCES } from "../sources.ts";
import { buildTtyd, TOOLCHAIN_FILES } from "./build.ts";
import { type CheckResult, checkTtyd, isGood } from "./check.ts";
import { renderRows } from "./judge.ts";
import { commitTtyd, removeTtydLeftovers } from "./outputs.ts";
import { PROXY_LIMIT } from "./pings.ts";
import { planTtyd, type TtydPlan, versionOf } from "./plan.ts";
import type { RecipeName } from "./recipes.ts";
import { makeRecord, type TtydProduct, type TtydRecord } from "./record.ts";

/** A command line of `ttyd.ts`. */
export interface TtydOptions {
  /** The recipe. */
  readonly recipe: RecipeName;
  /** The arches, as Python's `platform.machine()` says them on Linux. */
  readonly arches: readonly string[];
  /** The package directory; every one below the root by default. */
  readonly dir?: string | undefined;
  /** Any folder, in place of a package directory. */
  readonly out?: string | undefined;
  /** A folder with all sources. */
  readonly sources?: string | undefined;
  /** A lock file with rows of the user's own. */
  readonly lock?: string | undefined;
  /** Versions in place of the recipe's, by the source's name. */
  readonly versions: Readonly<Record<string, string>>;
  /** Stands in for the toolchain's base image. */
  readonly baseImage?: string | undefined;
  /** The first part of the images' names. */
  readonly imagePrefix: string;
  /** Whether ttyd can serve TLS itself. */
  readonly tls: boolean;
  /** How many arches are built side by side. */
  readonly jobs: number;
  /** Whether cached layers are ignored. */
  readonly noCache: boolean;
  /** Whether a new binary is run before it replaces the old one. */
  readonly verify: boolean;
  /** The engine's program. */
  readonly engine: EngineName;
  /** Whether to plan only. */
  readonly dryRun: boolean;
  /** Whether results are JSON documents. */
  readonly json: boolean;
  /** How much is shown. */
  readonly verbosity: Verbosity;
}

/** What a build takes from the system around it. */
export interface TtydHost
  extends Pick<BuildHost, "root" | "cache" | "pid" | "signal" | "progress"> {
  /** The folder with the dockerfiles and scripts. */
  readonly recipes: string;
  /** Gets each result as soon as it is there. */
  readonly onResult: (result: TtydResult) => void;
}

/** How one arch came out. */
export type TtydResult =
  | {
    readonly status: "planned";
    readonly plan: TtydPlan;
    readonly folders: readonly string[];
  }
  | {
    readonly status: "built";
    readonly arch: string;
    readonly folders: readonly string[];
    readonly record: TtydRecord;
    /** What was seen of the new binary. */
    readonly check?: CheckResult;
  }
  | Failure & {
    readonly status: "failed";
    readonly arch: string;
  };

/**
 * Builds what the options name. Nothing runs until all plans are sound.
 *
 * @returns One result for each arch, in the order of the options.
 * @throws {UsageError} If versions do not go together or have no row.
 * @throws {KrunnerError} If a folder or the lock file cannot be used.
 * @throws {CancelledError} If the host's signal was aborted.
 */
export async function buildAllTtyd(
  options: TtydOptions,
  host: TtydHost,
): Promise<TtydResult[]> {
  const rows = options.lock === undefined
    ? []
    : await readSourceLock(options.lock);
  const toolchain = await readToolchain(host.recipes);
  const plans = await Promise.all(
    options.arches.map((arch) =>
      planTtyd({ ...options, arch, rows: [...rows, ...SOURCES], toolchain })
    ),
  );
  const folders = await openFolders(options, host.root);
  if (options.dryRun) {
    return plans.map((plan): TtydResult => {
      const result = { status: "planned", plan, folders } as const;
      host.onResult(result);
      return result;
    });
  }
  const engine = new Engine(options.engine, host.signal);
  let toolchainMade: Promise<void> | undefined;
  const tools: Tools = {
    engine,
    folders,
    builder: builderOf(engine),
    onceForAll: (make) => toolchainMade ??= make(),
  };
  const results = await inParallel(plans, options.jobs, async (plan) => {
    const result = await buildOne(plan, options, host, tools);
    host.onResult(result);
    return result;
  });
  if (host.signal.aborted) throw new CancelledError("Cancelled");
  return results;
}

async function readToolchain(
  folder: string,
): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const name of TOOLCHAIN_FILES) {
    const path = `${folder}/${name}`;
    texts[name] = await Deno.readTextFile(path).catch((error) => {
      throw fileError("read", path, error);
    });
  }
  return texts;
}

async function openFolders(
  { out, dir, dryRun }: TtydOptions,
  root: string,
): Promise<string[]> {
  if (out === undefined) {
    return (await openPackages(dir, root)).map((pkg) => pkg.dir);
  }
  if (!dryRun) {
    await makeFolder(out);
  }
  return [out];
}

/** What all builds of a run share. */
interface Tools {
  readonly engine: Engine;
  readonly folders: readonly string[];
  readonly builder: Parameters<typeof buildTtyd>[1]["builder"];
  readonly onceForAll: Parameters<typeof buildTtyd>[1]["onceForAll"];
}

async function buildOne(
  plan: TtydPlan,
  options: TtydOptions,
  host: TtydHost,
  tools: Tools,
): Promise<TtydResult> {
  const { arch } = plan;
  const name = `ttyd ${arch}`;
  const { progress } = host;
  progress.start(name);
  for (const message of plan.notices) {
    progress.handle(name, { type: "notice", message });
  }
  try {
    for (const folder of tools.folders) {
      await removeTtydLeftovers(folder, arch);
    }
    const logs = `${tools.folders[0]}/logs`;
    await makeFolder(logs);
    const product = await buildTtyd(plan, {
      ...tools,
      ...host,
      logs,
      noCache: options.noCache,
      sources: options.sources,
      onEvent: (event) => progress.handle(name, event),
    });
    progress.handle(name, { type: "stage", stage: "check" });
    const check = options.verify
      ? await prove(plan, product, host, tools)
      : undefined;
    const record = makeRecord(
      plan,
      product,
      await sha256(product.binary),
      check?.proof,
    );
    await commitTtyd(tools.folders, product, record);
    progress.end(name, "built");
    return {
      status: "built",
      arch,
      folders: tools.folders,
      record,
      ...check === undefined ? {} : { check },
    };
  } catch (error) {
    progress.end(name, "failed");
    return { status: "failed", arch, ...failureOf(error) };
  }
}

/**
 * Checks a new binary while the old one is still in place.
 *
 * @throws {KrunnerError} If something is wrong with it.
 */
async function prove(
  { arch, steps, outputs }: TtydPlan,
  { binary }: TtydProduct,
  { cache, pid, signal, progress }: TtydHost,
  { engine, folders }: Tools,
): Promise<CheckResult> {
  const path = `${folders[0]}/.${outputs.binary}.${pid}.tmp`;
  try {
    await Deno.writeFile(path, binary).catch((error) => {
      throw fileError("write", path, error);
    });
    const check = await checkTtyd({
      binary: path,
      limit: PROXY_LIMIT,
      args: [],
      expected: {
        arch,
        ttyd: versionOf(steps, "ttyd"),
        libwebsockets: versionOf(steps, "libwebsockets"),
      },
    }, { engine, cache, pid, signal });
    if (!isGood(check)) {
      throw new KrunnerError(
        `Cannot keep the new ttyd for ${arch}: a check failed; correct that, or build with "--no-verify" to look at it\n${
          renderRows(check.rows)
        }`,
      );
    }
    for (const { check: what, state, facts } of check.rows) {
      if (state !== "skipped") continue;
      progress.say(`ttyd ${arch}: not checked (${what}): ${facts}`);
    }
    return { ...check, binary: `${folders[0]}/${outputs.binary}` };
  } finally {
    await Deno.remove(path).catch(() => {});
  }
}
