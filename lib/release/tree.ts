/**
 * Whether what is checked out is what a release is made from: all of it committed.
 *
 * @module
 */

import { listPackageFiles } from "../context.ts";
import { KrunnerError } from "../errors.ts";
import { isOutput } from "../package_dir.ts";
import { RELEASE_FILES } from "../released.ts";
import type { Release } from "./prepare.ts";
import type { Step } from "./state.ts";

/** As many paths as a message names. */
const PATHS_SHOWN = 5;

/** Whether a path below the checkout's top is in the folder of wheels and sdist. */
function isWritten(path: string, { git, settings }: Release): boolean {
  return `${git.top}/${path}`.startsWith(`${settings.out}/`);
}

/** @throws {KrunnerError} If there is something that is not committed. */
async function requireCommitted(
  release: Release,
  pending: (step: Step) => boolean,
): Promise<void> {
  const { git, below } = release;
  const changes = (await git.changes()).filter((path) => {
    if (isWritten(path, release)) return false;
    if (!path.startsWith(below)) return true;
    const name = path.slice(below.length);
    // These are written once all that is uploaded is read back.
    if (RELEASE_FILES.includes(name)) return pending("read back");
    return !isOutput(name.replace(/\/.*$/s, ""));
  });
  if (changes.length === 0) return;
  throw new KrunnerError(
    `Cannot release what is not committed: ${
      somePaths(changes)
    }; commit, stash or remove it`,
  );
}

/**
 * Sees that what is released is what is checked out still: a release takes its
 * time, and the tag must be on what was built.
 *
 * @throws {KrunnerError} If another commit is checked out, or files changed.
 */
export async function requireUnchanged(
  release: Release,
  pending: (step: Step) => boolean,
): Promise<void> {
  const { commit } = release.settings;
  const head = await release.git.head();
  if (head !== commit) {
    throw new KrunnerError(
      `Cannot go on: the release is of the commit ${commit.slice(0, 12)}, and ${
        head.slice(0, 12)
      } is checked out now; keep newer commits on another branch, and bring the old one back on this`,
    );
  }
  await requireCommitted(release, pending);
}

/**
 * Sees that everything is committed, and that the sdist would have nothing else.
 *
 * @param pending Whether a step is still to do.
 * @returns The commit.
 * @throws {KrunnerError} If something is not.
 */
export async function checkTree(
  release: Release,
  pending: (step: Step) => boolean,
): Promise<string> {
  await requireCommitted(release, pending);
  const ignored = pending("wheels") ? await ignoredSources(release) : [];
  if (ignored.length === 0) return release.settings.commit.slice(0, 12);
  throw new KrunnerError(
    `Cannot release what Git ignores: ${
      somePaths(ignored)
    }; the sdist would have it, and no clone has: commit it, or take it out of the package directory`,
  );
}

function somePaths(paths: readonly string[]): string {
  const more = paths.length - PATHS_SHOWN;
  return paths.slice(0, PATHS_SHOWN).join(", ") +
    (more > 0 ? ` and ${more} more` : "");
}

/** What `ttyd.ts` makes, which is in no checkout. */
const TTYD_OUTPUT = /^(ttyd_linux\.[^/]+$|licenses\/ttyd\/)/;

/** Files that count as sources of the package, though Git is told to ignore them. */
async function ignoredSources(release: Release): Promise<string[]> {
  const { git, below, pkg } = release;
  const sources = new Set(await listPackageFiles(pkg.dir));
  return (await git.ignored(below)).filter((path) => {
    const name = path.slice(below.length);
    return sources.has(name) && !TTYD_OUTPUT.test(name) &&
      !isWritten(path, release);
  });
}
