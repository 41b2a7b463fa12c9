/**
 * Whether a build is needed, and why. Asks the disk only: no engine has to run
 * where there is nothing to do.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";
import { changedInputs } from "./inputs.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import { inPackage } from "./package_dir.ts";
import type { BuildPlan } from "./plan.ts";

/** The last build's manifest where nothing is to do, else why there is. */
export type Freshness =
  | { readonly fresh: true; readonly manifest: Manifest }
  | { readonly fresh: false; readonly reasons: readonly string[] };

/** Compares a plan with what its last build left in the package directory. */
export async function checkFreshness(plan: BuildPlan): Promise<Freshness> {
  let manifest: Manifest | undefined;
  try {
    manifest = await readManifest(plan.target, plan.arch);
  } catch (error) {
    if (!(error instanceof KrunnerError)) throw error;
    return { fresh: false, reasons: ["its manifest cannot be read"] };
  }
  if (manifest === undefined) {
    return { fresh: false, reasons: ["it was not built here yet"] };
  }
  const reasons = [
    ...manifest.volumeVersion === plan.volumeVersion ? [] : [
      `volume version ${manifest.volumeVersion} → ${plan.volumeVersion}`,
    ],
    ...changedInputs(manifest.inputs, plan.inputs),
    ...await changedOutputs(plan, manifest),
  ];
  return reasons.length === 0
    ? { fresh: true, manifest }
    : { fresh: false, reasons };
}

async function changedOutputs(
  { target, outputs }: BuildPlan,
  manifest: Manifest,
): Promise<string[]> {
  const expected: [name: string, holds: Promise<boolean>][] = [
    [
      outputs.archive,
      hasSize(inPackage(target, outputs.archive), manifest.archive.size),
    ],
    [
      outputs.spdx,
      hasText(inPackage(target, outputs.spdx), manifest.archive.sha256),
    ],
    [
      outputs.python,
      hasWord(inPackage(target, outputs.python), manifest.python),
    ],
    [
      outputs.version,
      hasWord(
        inPackage(target, outputs.version),
        String(manifest.volumeVersion),
      ),
    ],
  ];
  const reasons: string[] = [];
  for (const [name, holds] of expected) {
    if (!await holds) reasons.push(`${name} is missing or not its build's own`);
  }
  return reasons;
}

async function hasSize(path: string, size: number): Promise<boolean> {
  const info = await Deno.stat(path).catch(() => undefined);
  return info?.isFile === true && info.size === size;
}

async function hasText(path: string, text: string): Promise<boolean> {
  return (await Deno.readTextFile(path).catch(() => "")).includes(text);
}

async function hasWord(path: string, word: string): Promise<boolean> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return text.trim() === word;
}
