/**
 * The plan of a ttyd build: every step with its source, flags and edits, as data,
 * before anything runs.
 *
 * @module
 */

import type { BasePlan } from "../base_image.ts";
import { suggestion } from "../cli.ts";
import { UsageError } from "../errors.ts";
import { sha256 } from "../inputs.ts";
import { checkImagePrefix } from "../plan/image_names.ts";
import { findRow } from "../source_lock.ts";
import type { SourceRow } from "../sources.ts";
import {
  isAtLeast,
  plainVersion,
  type Recipe,
  RECIPE_DATA,
  type RecipeName,
  type StepName,
  stepOrder,
  type StepRecipe,
  stepRecipe,
} from "./recipes.ts";

/** What the user may change of a plan. */
export interface TtydPlanOptions {
  /** The recipe. */
  readonly recipe: RecipeName;
  /** As Python's `platform.machine()` says it on Linux. */
  readonly arch: string;
  /** Whether ttyd can serve TLS itself. */
  readonly tls: boolean;
  /** Versions in place of the recipe's, by the source's name. */
  readonly versions: Readonly<Record<string, string>>;
  /** Rows of sources; the first of a name and version counts. */
  readonly rows: readonly SourceRow[];
  /** Stands in for the toolchain's base image. */
  readonly baseImage?: string | undefined;
  /** The first part of the images' names. */
  readonly imagePrefix: string;
  /** The toolchain's files, by name. */
  readonly toolchain: Readonly<Record<string, string>>;
}

/** The image with compilers, and how to get it. */
export interface ToolchainPlan {
  /** Its name; the tag's last part tells one content from another. */
  readonly image: string;
  /** What it is made from. */
  readonly base: BasePlan;
}

/** One step. */
export interface StepPlan extends StepRecipe {
  /** What it builds. */
  readonly name: StepName;
  /** The version without what says whose tarball it is. */
  readonly version: string;
  /** Its source. */
  readonly row: SourceRow;
  /** The image that comes of it. */
  readonly image: string;
}

/** The plan for one arch. */
export interface TtydPlan {
  /** The recipe. */
  readonly recipe: RecipeName;
  /** The arch. */
  readonly arch: string;
  /** Whether ttyd can serve TLS itself. */
  readonly tls: boolean;
  /** The compilers. */
  readonly toolchain: ToolchainPlan;
  /** The steps in the order to run them. */
  readonly steps: readonly StepPlan[];
  /** The files that it writes into a package directory. */
  readonly outputs: TtydOutputs;
  /** Things to know that stop nothing. */
  readonly notices: readonly string[];
}

/** Names of a build's files. */
export interface TtydOutputs {
  /** The program. */
  readonly binary: string;
  /** What it is made of. */
  readonly record: string;
}

/** The names of a build's files for an arch. */
export function ttydOutputs(arch: string): TtydOutputs {
  return {
    binary: `ttyd_linux.${arch}.bin`,
    record: `ttyd_linux.${arch}.json`,
  };
}

/**
 * Plans the build for one arch.
 *
 * @throws {UsageError} If a version is of no source of the recipe, there is no row
 * for it, or the versions do not go together.
 */
export async function planTtyd(options: TtydPlanOptions): Promise<TtydPlan> {
  const { recipe, arch, imagePrefix } = options;
  checkImagePrefix(imagePrefix);
  const data = RECIPE_DATA[recipe];
  const tls = options.tls ? data.tls : undefined;
  const order = stepOrder(tls);
  await checkNames(options, order);
  const steps = order.map((name): StepPlan => {
    const row = rowOf(name, options, data);
    return {
      name,
      version: plainVersion(row.version),
      row,
      ...stepRecipe(name, row.version, tls),
      image: `${imagePrefix}-ttyd:${recipe}-${arch}-${name}`,
    };
  });
  checkPair(steps);
  return {
    recipe,
    arch,
    tls: options.tls,
    toolchain: await planToolchain(options),
    steps,
    outputs: ttydOutputs(arch),
    notices: noticesOf(steps),
  };
}

async function checkNames(
  { recipe, versions, tls }: TtydPlanOptions,
  order: readonly StepName[],
): Promise<void> {
  const known: readonly string[] = order;
  const stranger = Object.keys(versions).find((name) => !known.includes(name));
  if (stranger === undefined) return;
  throw new UsageError(
    `Cannot use "--version ${stranger}=${
      versions[stranger]
    }": the recipe "${recipe}" has no such source${
      !tls && stranger === RECIPE_DATA[recipe].tls
        ? ' without "--tls"'
        : await suggestion(stranger, order) || `; it has ${order.join(", ")}`
    }`,
  );
}

function rowOf(
  name: StepName,
  { versions, rows }: TtydPlanOptions,
  data: Recipe,
): SourceRow {
  const version = versions[name] ?? data.versions[name] ?? "";
  const row = findRow(rows, name, version);
  if (row !== undefined) return row;
  const known = rows.filter((row) => row.name === name)
    .map(({ version }) => version);
  throw new UsageError(
    `Cannot use "--version ${name}=${version}": no row of sources has it; known are ${
      [...new Set(known)].join(", ")
    }; bring a row of your own with "--lock"`,
  );
}

/** The version of one of the steps. */
export function versionOf(
  steps: readonly StepPlan[],
  wanted: StepName,
): string {
  return steps.find(({ name }) => name === wanted)?.version ?? "";
}

function noticesOf(steps: readonly StepPlan[]): string[] {
  const ttyd = versionOf(steps, "ttyd");
  return isAtLeast(ttyd, "1.7.4")
    ? [
      `Nobody can type into a terminal of ttyd ${ttyd} unless it is started with "-W"`,
    ]
    : [];
}

/** Versions that compile together, or not, and whose pings come, or not. */
function checkPair(steps: readonly StepPlan[]): void {
  const ttyd = versionOf(steps, "ttyd");
  const websockets = versionOf(steps, "libwebsockets");
  // 4.0 ignores the interval of ttyd 1.6, 4.1 no longer has it.
  if (isAtLeast(ttyd, "1.7.0") || !isAtLeast(websockets, "4.0.0")) return;
  throw new UsageError(
    `Cannot build ttyd ${ttyd} with libwebsockets ${websockets}: its pings need libwebsockets 3.2, or ttyd 1.7.0 and later; choose another of the two with "--version"`,
  );
}

/** The toolchain's base image; any Debian with the same packages does as well. */
const BASE = {
  reference: "debian:12-slim",
  bootstrapped: "krunner-base:debian12",
  bootstrap: { suite: "bookworm" },
} as const;

async function planToolchain(
  { baseImage, imagePrefix, toolchain }: TtydPlanOptions,
): Promise<ToolchainPlan> {
  const base: BasePlan = baseImage === undefined
    ? { ...BASE, policy: "auto" }
    : {
      reference: baseImage,
      bootstrapped: BASE.bootstrapped,
      policy: "registry",
    };
  const digest = await sha256(JSON.stringify([base.reference, toolchain]));
  return {
    image: `${imagePrefix}-ttyd-toolchain:${digest.slice(0, 12)}`,
    base,
  };
}
