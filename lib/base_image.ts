/**
 * Base images: local, else pulled, else made from the distribution's own archive.
 *
 * @module
 */

import type { CollectedImage } from "./collect/index_file.ts";
import { bootstrap, type BootstrapTools } from "./bootstrap.ts";
import type { BootstrapPlan } from "./debootstrap.ts";
import type { Engine } from "./engine.ts";
import { KrunnerError } from "./errors.ts";
import type { ImageRecord } from "./manifest.ts";
import type { BASES } from "./options.ts";

/** Where a base image may come from; `auto` tries both. */
export type BasePolicy = typeof BASES[number];

/** The base image that a distro version's stages get as `BASE_IMAGE`. */
export interface BasePlan {
  /** Its name at a registry or in the engine, e.g. `debian:12-slim`. */
  readonly reference: string;
  /** Where it may come from. */
  readonly policy: BasePolicy;
  /** How to make it; absent where nobody knows how. */
  readonly bootstrap?: BootstrapPlan;
  /** The name that it gets when it is made here. */
  readonly bootstrapped: string;
  /** The image of a collected folder, which then stands before all other ways. */
  readonly collected?: CollectedImage;
}

/**
 * Makes sure that the engine has the base image.
 *
 * @throws {KrunnerError} If no way that the plan allows leads to it.
 */
export async function provideBase(
  engine: Engine,
  plan: BasePlan,
  tools: BootstrapTools,
): Promise<ImageRecord> {
  const local = await findLocal(engine, plan, tools.platform);
  if (local !== undefined) {
    if (plan.bootstrap?.mirror !== undefined) {
      tools.onNotice(
        `The engine has the base image "${local.reference}", so nothing is taken from "--mirror"; remove the image to bootstrap a new one`,
      );
    }
    return local;
  }
  let refusal: KrunnerError | undefined;
  if (plan.policy !== "bootstrap") {
    try {
      await pull(engine, plan.reference, tools);
      return await recordOf(engine, plan.reference);
    } catch (error) {
      if (!(error instanceof KrunnerError)) throw error;
      engine.throwIfCancelled();
      refusal = error;
    }
  }
  if (plan.policy === "registry" || plan.bootstrap === undefined) {
    throw new KrunnerError(
      `Cannot get the base image "${plan.reference}": ${
        refusal?.message ??
          "no suite to bootstrap is known for it in krunner.json"
      }; load it into the engine, or name another with "--base-image"`,
    );
  }
  if (refusal !== undefined) {
    tools.onNotice(`${refusal.message}; bootstrapping it instead`);
  }
  await bootstrap(engine, plan.bootstrap, plan.bootstrapped, tools);
  return await recordOf(engine, plan.bootstrapped);
}

/**
 * The image's name and id, if the engine has it already, and for the right
 * platform where that is not the engine's own.
 */
async function findLocal(
  engine: Engine,
  plan: BasePlan,
  platform: string | undefined,
): Promise<ImageRecord | undefined> {
  const names = [
    ...plan.policy === "bootstrap" ? [] : [plan.reference],
    // What was made here stands in for what no registry gave before.
    ...plan.policy === "registry" ? [] : [plan.bootstrapped],
  ];
  for (const reference of names) {
    const id = await engine.imageId(reference);
    if (id === undefined) continue;
    if (
      platform === undefined ||
      await engine.imagePlatform(reference) === platform
    ) return { reference, id };
  }
  return undefined;
}

async function recordOf(
  engine: Engine,
  reference: string,
): Promise<ImageRecord> {
  return { reference, id: await engine.imageId(reference) ?? "" };
}

async function pull(
  engine: Engine,
  reference: string,
  { platform, onNotice }: BootstrapTools,
): Promise<void> {
  onNotice(`Pulling the base image "${reference}"`);
  const flags = platform === undefined ? [] : ["--platform", platform];
  await engine.run(
    ["pull", "--quiet", ...flags, reference],
    `pull the base image "${reference}"`,
  );
}
