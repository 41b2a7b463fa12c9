/**
 * The steps of a release that record it: files, commit, tag.
 *
 * @module
 */

import { commitFiles } from "../commit_files.ts";
import { isOutput, outputNames } from "../package_dir.ts";
import { readOptional } from "../read_optional.ts";
import {
  CHANGELOG_FILE,
  formatReleased,
  type Released,
  RELEASED_FILE,
  type ReleasedVolume,
  releasedVolume,
} from "../released.ts";
import { diffPackages, diffVolumes } from "../verify/diff.ts";
import { addSection, renderSection, type VolumeNews } from "./changelog.ts";
import { commitMessage, releasePaths, tagMessage } from "./commands.ts";
import { readManifests, type Release } from "./prepare.ts";
import { previousArchive } from "./previous.ts";
import type { ReleaseRun } from "./run.ts";
import { requireUnchanged } from "./tree.ts";

/** Writes `released.json` and the changelog's section, together. */
export async function record(run: ReleaseRun): Promise<void> {
  const { release, state } = run;
  const { settings, released } = release;
  // A kill may have come when the files were written already.
  if (released?.commit === settings.commit) return;
  const { version, project, dir } = settings;
  const news = await findNews(run);
  const next: Released = {
    schema: 1,
    family: settings.family,
    version,
    tag: settings.tag,
    commit: settings.commit,
    date: state.date,
    repository: settings.repository,
    files: state.files.map(({ file, sha256, size }) => ({
      file,
      sha256,
      size,
    })),
    volumes: addVolumes(released?.volumes ?? {}, news),
  };
  const changelog = `${dir}/${CHANGELOG_FILE}`;
  const section = renderSection({ version, date: state.date }, news);
  await commitFiles([
    {
      path: changelog,
      content: addSection(
        await readOptional(changelog),
        project,
        version,
        section,
      ),
    },
    // Last: it tells that both are there.
    { path: `${dir}/${RELEASED_FILE}`, content: formatReleased(next) },
  ]);
}

/** Volumes that were released earlier and are not now stay: agents have them. */
function addVolumes(
  before: Released["volumes"],
  news: readonly VolumeNews[],
): Released["volumes"] {
  const volumes: Record<string, Record<string, ReleasedVolume>> = {};
  for (const [distroVersion, arches] of Object.entries(before)) {
    volumes[distroVersion] = { ...arches };
  }
  for (const { distroVersion, arch, now } of news) {
    volumes[distroVersion] = { ...volumes[distroVersion], [arch]: now };
  }
  return volumes;
}

async function findNews({ release, host }: ReleaseRun): Promise<VolumeNews[]> {
  const { settings, released, pkg, previous } = release;
  const news: VolumeNews[] = [];
  for (const manifest of await readManifests(release)) {
    const { distroVersion, arch } = manifest;
    const now = releasedVolume(manifest, settings.version);
    const before = released?.volumes[distroVersion]?.[arch];
    const old = before === undefined ||
        before.archive.treeSha256 === now.archive.treeSha256
      ? undefined
      : await previousArchive(
        previous,
        distroVersion,
        arch,
        before.archive.sha256,
        host.signal,
      );
    const { archive } = outputNames(distroVersion, arch);
    news.push({
      distroVersion,
      arch,
      now,
      before,
      packages: diffPackages(before?.packages ?? [], now.packages),
      diff: old === undefined
        ? undefined
        : await diffVolumes(old, `${pkg.dir}/${archive}`, host.signal),
    });
  }
  return news;
}

/** Commits what was recorded, and outputs of the build that git knows. */
export async function commit(run: ReleaseRun): Promise<void> {
  const { release } = run;
  if (await isOwnCommit(release)) return;
  await requireUnchanged(release, (step) => run.isPending(step));
  const { git, below } = release;
  const outputs = (await git.trackedChanges()).filter((path) =>
    path.startsWith(below) &&
    isOutput(path.slice(below.length).replace(/\/.*$/s, ""))
  );
  await git.commit(
    [...new Set([...releasePaths(release), ...outputs])],
    commitMessage(release),
  );
}

/** Whether what is checked out is the commit that the release makes at its end. */
export async function isOwnCommit(
  release: Pick<Release, "git" | "settings">,
  from: string = release.settings.commit,
): Promise<boolean> {
  const { parent, subject } = await release.git.headCommit();
  return parent === from && subject === commitMessage(release);
}

/** Tags the release's commit. */
export async function tag(run: ReleaseRun): Promise<void> {
  const { git, settings } = run.release;
  if (await git.tagged(settings.tag) === await git.head()) return;
  await git.tag(settings.tag, tagMessage(run.release));
}
