/**
 * Digests of what a volume is made from.
 *
 * @module
 */

import type { BasePlan } from "../base_image.ts";
import { fileError, KrunnerError } from "../errors.ts";
import { isLfsPointer, LFS_ADVICE } from "../git_lfs.ts";
import { type Inputs, sha256 } from "../inputs.ts";
import { maskVolumeVersion } from "../labels.ts";
import type { DistroData } from "../package_data.ts";
import { inPackage, type Target } from "../package_dir.ts";
import { declaredArgs, pick } from "./build_args.ts";
import type { Draft } from "./drafts.ts";
import type { PlanOptions } from "./options.ts";
import type { StagePlan } from "./stages.ts";

/**
 * Digests of all that the volume of a distro version is made from.
 *
 * @throws {KrunnerError} If a file cannot be read, or Git LFS did not fetch it.
 */
export async function digestInputs(
  target: Target,
  { stages }: Draft,
  plans: readonly StagePlan[],
  { buildArgs, wheelhouse }: PlanOptions,
  data: DistroData,
  base: BasePlan | undefined,
): Promise<Inputs> {
  const files: Record<string, string> = {};
  for (const { name, stage, text } of stages) {
    files[name] = await sha256(
      stage === "env" ? maskVolumeVersion(text) : text,
    );
  }
  const wheels: Record<string, string> = {};
  const sources: Record<string, string> = {};
  for (const file of plans.flatMap(({ context }) => context)) {
    if (file.kind === "source") sources[file.row.file] = file.row.sha256;
    else if (file.kind === "wheel") {
      wheels[file.name] = await digestFile(`${wheelhouse}/${file.name}`);
    } else {
      files[file.path] ??= await digestPackageFile(
        inPackage(target, file.path),
      );
    }
  }
  return {
    files: sortKeys(files),
    sources: sortKeys(sources),
    ...wheelhouse === undefined ? {} : { wheelhouse: sortKeys(wheels) },
    args: pick({ ...data.args, ...buildArgs }, declaredArgs(stages)),
    ...base === undefined ? {} : { base: base.reference },
  };
}

/** The context carries no more of a file's mode than whether it is executable. */
async function digestPackageFile(path: string): Promise<string> {
  const digest = await digestFile(path);
  const { mode } = await Deno.stat(path);
  return (mode ?? 0) & 0o111 ? `${digest}+x` : digest;
}

async function digestFile(path: string): Promise<string> {
  const bytes = await Deno.readFile(path).catch((error) => {
    throw fileError("read", path, error);
  });
  if (isLfsPointer(bytes)) {
    throw new KrunnerError(`Cannot build with "${path}": ${LFS_ADVICE}`);
  }
  return await sha256(bytes);
}

function sortKeys(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort());
}
