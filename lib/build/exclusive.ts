/**
 * Keeps builds of the same outputs, or the same images, apart.
 *
 * @module
 */

import { fileError } from "../errors.ts";
import { takeLock } from "../lock.ts";
import { makeFolder } from "../make_folder.ts";
import { inPackage } from "../package_dir.ts";
import type { BuildPlan } from "../plan.ts";
import type { BuildRun } from "./run.ts";

/**
 * Takes the locks of a build, without waiting: one on its outputs, one on its
 * images, for another copy of the family writes other files, but the same image
 * names.
 *
 * @param dir The package directory's real path.
 * @throws {KrunnerError} If another build of it is running, or a folder cannot be
 * written to.
 */
export async function lockBuild(
  { target: { distroVersion }, stages }: BuildPlan,
  { engine, cache, pid }: BuildRun,
  dir: string,
): Promise<Disposable> {
  await makeLogFolder(`${dir}/logs`);
  await makeFolder(`${cache}/locks`);
  const image = stages.at(-1)?.image.replaceAll(/[^\w.-]/g, "_");
  using locks = new DisposableStack();
  for (
    const path of [
      `${dir}/logs/.${distroVersion}.lock`,
      `${cache}/locks/${engine.name}-${image}`,
    ]
  ) {
    locks.use(
      await takeLock(
        path,
        pid,
        (holder) =>
          `Cannot build "${distroVersion}": another build of it is running (process ${holder}); wait for its end`,
      ),
    );
  }
  return locks.move();
}

/** Logs and locks are nothing to commit, in whoever's repository they are. */
async function makeLogFolder(path: string): Promise<void> {
  await makeFolder(path);
  const ignore = `${path}/.gitignore`;
  try {
    await Deno.writeTextFile(ignore, "*\n", { createNew: true });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    throw fileError("write", ignore, error);
  }
}

/**
 * Removes what a killed build left: containers, and files that were not complete
 * yet.
 *
 * @param key Of the label on the build's containers.
 */
export async function removeLeftovers(
  { target, outputs }: BuildPlan,
  { engine, onEvent }: BuildRun,
  key: string,
): Promise<void> {
  const count = await engine.removeContainers(key);
  if (count > 0) {
    onEvent({
      type: "notice",
      message: `Removed ${count} container(s) of a build that was killed`,
    });
  }
  const prefixes = Object.values(outputs).map((name) => `.${name}.`);
  for await (const { name } of Deno.readDir(target.pkg.dir)) {
    if (prefixes.some((prefix) => name.startsWith(prefix))) {
      await Deno.remove(inPackage(target, name));
    }
  }
}
