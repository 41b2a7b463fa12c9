/**
 * Asks an engine what it is and what it can do. What that makes there is removed.
 *
 * @module
 */

import { findBuilder } from "../builder.ts";
import type { Engine } from "../engine.ts";
import { CancelledError, KrunnerError } from "../errors.ts";
import { capture } from "../process.ts";
import type { EngineFacts, EngineLook, RegistryFacts } from "./facts.ts";
import { firstLine } from "./look_host.ts";
import { probeReference, registryFault } from "./registry.ts";

/** What `info` of docker, nerdctl and podman says, as far as it matters. */
interface Info {
  readonly Driver?: string;
  readonly DockerRootDir?: string;
  readonly Name?: string;
  readonly SystemTime?: string;
  /** podman. */
  readonly host?: { readonly hostname?: string };
  /** podman. */
  readonly store?: {
    readonly graphDriverName?: string;
    readonly graphRoot?: string;
  };
}

/**
 * Asks the engine.
 *
 * @param key Makes names in the engine unique.
 * @param host This machine's name.
 * @throws {CancelledError} If the engine's signal was aborted.
 */
export async function lookAtEngine(
  engine: Engine,
  { key, host, signal }: {
    readonly key: string;
    readonly host: string;
    readonly signal: AbortSignal;
  },
): Promise<EngineLook> {
  try {
    const { version, arch } = await engine.info();
    const info = await readInfo(engine);
    const buildx = await findBuildx(engine, signal);
    const time = Date.parse(info.SystemTime ?? "");
    const root = info.DockerRootDir ?? info.store?.graphRoot;
    const isHere = (info.Name ?? info.host?.hostname) === host;
    return {
      name: engine.name,
      version,
      arch,
      driver: info.Driver ?? info.store?.graphDriverName ?? "",
      builder: await tryBuilder(engine, key),
      ...buildx === undefined ? {} : { buildx },
      ...Number.isNaN(time) ? {} : { time },
      ...isHere && root !== undefined ? { root } : {},
    };
  } catch (error) {
    return { name: engine.name, fault: faultOf(error) };
  }
}

/** The message of a failure that says something about this machine. */
function faultOf(error: unknown): string {
  if (error instanceof CancelledError || !(error instanceof KrunnerError)) {
    throw error;
  }
  return error.message;
}

async function readInfo(engine: Engine): Promise<Info> {
  const json = await engine.run(
    ["info", "--format", "{{json .}}"],
    "ask the engine for its configuration",
  );
  return JSON.parse(json);
}

async function findBuildx(
  { name }: Engine,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (name !== "docker") return undefined;
  const line = await firstLine([name, "buildx", "version"], signal) ?? "";
  return /^github\.com\/docker\/buildx (\S+)/.exec(line)?.[1];
}

async function tryBuilder(
  engine: Engine,
  key: string,
): Promise<EngineFacts["builder"]> {
  try {
    return { kind: (await findBuilder(engine, key)).kind };
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

/** Milliseconds that a registry has for its answer. */
const TIME_LIMIT = 15_000;

/**
 * Has the engine ask a registry for a tag that does not exist: its own way, with its
 * own proxy and mirrors, and nothing comes of it.
 */
export async function lookAtRegistry(
  engine: Engine,
  registry: string,
  reference: string,
  signal: AbortSignal,
): Promise<RegistryFacts> {
  const limit = AbortSignal.timeout(TIME_LIMIT);
  const { code, stderr } = await capture(
    [engine.name, "pull", "--quiet", probeReference(reference)],
    { signal: AbortSignal.any([signal, limit]) },
  );
  signal.throwIfAborted();
  if (limit.aborted) {
    return { registry, fault: `no answer in ${TIME_LIMIT / 1000} s` };
  }
  const fault = code === 0 ? undefined : registryFault(stderr);
  return { registry, ...fault === undefined ? {} : { fault } };
}
