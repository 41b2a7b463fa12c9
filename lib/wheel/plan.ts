/**
 * What a package directory's wheels and sdist will hold. Every file is read for
 * that, and nothing is written.
 *
 * @module
 */

import { archiveTime } from "../archive_time.ts";
import { krunnerVersion } from "../cli.ts";
import { listPackageFiles } from "../context.ts";
import { fileError, KrunnerError } from "../errors.ts";
import { outputNames, type PackageDir } from "../package_dir.ts";
import { allEnded, inParallel } from "../parallel.ts";
import { defaultDescription, defaultSummary } from "./description.ts";
import {
  byName,
  type DigestedEntry,
  digestEntry,
  type Entry,
  textEntry,
} from "./entry.ts";
import { builtArches, type FileSet, findFileSet } from "./file_set.ts";
import { findLicenceFiles, type LicenceFile } from "./licence_files.ts";
import { readListed } from "./listed.ts";
import { metadataText } from "./metadata.ts";
import {
  distInfo,
  entryPointsText,
  fileStem,
  isProjectName,
  moduleFolder,
  moduleName,
  type PackageNames,
  sdistName,
  wheelName,
  wheelText,
} from "./names.ts";
import { findVersion } from "./package_version.ts";
import { findProject, type Project } from "./project.ts";
import { recordText } from "./record.ts";
import { BACKEND_FILE, BACKEND_TEXT, PYPROJECT } from "./sdist.ts";

/** A wheel or an sdist to write. */
export interface DistributionPlan {
  readonly kind: "wheel" | "sdist";
  /** As Python's `platform.machine()` says it on Linux; wheels only. */
  readonly arch?: string;
  /** The file's name. */
  readonly file: string;
  /** What goes in, in this order. */
  readonly entries: readonly DigestedEntry[];
}

/** All that is to be written for a package directory. */
export interface PackagePlan {
  readonly family: string;
  readonly names: PackageNames;
  /** The one time of all entries, in seconds since 1970. */
  readonly seconds: number;
  /** The wheels, by arch, and the sdist. */
  readonly distributions: readonly DistributionPlan[];
}

/** What a plan needs to know. */
export interface PlanOptions {
  /** The arches to make wheels for; those that were built where it is empty. */
  readonly arches: readonly string[];
  /** The folder that is written to: what is in it is no source. */
  readonly out: string;
  /** The value of `SOURCE_DATE_EPOCH`. */
  readonly epoch: number | undefined;
  /** Whether to write nothing: then archives are compared with manifests now. */
  readonly dryRun: boolean;
  /** Ends the work. */
  readonly signal: AbortSignal;
  /** Gets a line for each thing worth knowing. */
  readonly onNotice: (line: string) => void;
}

/** What all files of a package share. */
interface Shared {
  readonly pkg: PackageDir;
  readonly names: PackageNames;
  readonly project: Project;
  readonly metadata: string;
  readonly licences: readonly LicenceFile[];
}

/**
 * Plans the wheels and the sdist of a package directory.
 *
 * @throws {KrunnerError} If a file is missing or files differ; nothing can be
 * made then.
 * @throws {CancelledError} If the signal is aborted.
 */
export async function planPackage(
  pkg: PackageDir,
  options: PlanOptions,
): Promise<PackagePlan> {
  const { onNotice } = options;
  const listed = await readListed(pkg);
  const arches = options.arches.length > 0
    ? [...new Set(options.arches)].sort()
    : builtArches(pkg, listed);
  if (arches.length === 0) {
    throw new KrunnerError(
      `Cannot make a wheel of "${pkg.dir}": nothing is built there yet; run "build.ts ${
        listed.join(" ")
      }"`,
    );
  }
  const sets = await Promise.all(
    arches.map((arch) => findFileSet(pkg, listed, arch)),
  );
  for (const set of sets) set.notices.forEach(onNotice);
  const sources = await sourceFiles(pkg, listed, options.out);
  const shared = await share(pkg, sets[0]!, sources, onNotice);
  const [seconds, sdist, ...wheels] = await allEnded([
    archiveTime(options.epoch, pkg.dir, onNotice),
    planSdist(shared, sources, options),
    ...arches.map((arch, index) =>
      planWheel(shared, sets[index]!, arch, options)
    ),
  ]);
  return {
    family: pkg.family,
    names: shared.names,
    seconds,
    distributions: [...wheels, sdist],
  };
}

async function planWheel(
  shared: Shared,
  set: FileSet,
  arch: string,
  options: PlanOptions,
): Promise<DistributionPlan> {
  return {
    kind: "wheel",
    arch,
    file: wheelName(shared.names, arch),
    entries: await wheelEntries(shared, set, arch, options),
  };
}

async function planSdist(
  shared: Shared,
  sources: readonly string[],
  options: PlanOptions,
): Promise<DistributionPlan> {
  return {
    kind: "sdist",
    file: sdistName(shared.names),
    entries: await digestAll(await sdistEntries(shared, sources), options),
  };
}

/** Where a package's files are in an sdist. */
function sourceFolder(module: string): string {
  return `src/${moduleFolder(module)}`;
}

async function share(
  pkg: PackageDir,
  { volumes }: FileSet,
  sources: readonly string[],
  onNotice: (line: string) => void,
): Promise<Shared> {
  const module = moduleName(pkg);
  const project = await findProject(pkg);
  const { declared } = project;
  const name = declared.name ?? `backend.ai-krunner-${pkg.family}`;
  if (!isProjectName(name)) {
    throw new KrunnerError(
      `Cannot use the project name "${name}": it must be of letters, digits, ".", "_" and "-"; correct it in "${project.root}"`,
    );
  }
  const names: PackageNames = {
    project: name,
    version: await findVersion(pkg, declared),
    module,
  };
  const folder = sourceFolder(names.module);
  const licences = await findLicenceFiles(
    pkg,
    project,
    sources,
    folder,
    onNotice,
  );
  if (licences.length === 0) {
    onNotice(`There is no licence file in "${pkg.dir}" and "${project.root}"`);
  }
  const metadata = metadataText({
    names,
    declared,
    summary: defaultSummary(pkg.family),
    description: project.description ?? defaultDescription(names, volumes),
    licenceFiles: licences.map(({ name }) => name),
  });
  return { pkg, names, project, metadata, licences };
}

/** So that the one thread that computes seldom waits for those that read. */
const DIGESTS_AT_ONCE = 4;

async function digestAll(
  entries: readonly Entry[],
  { signal, dryRun }: PlanOptions,
): Promise<DigestedEntry[]> {
  return await inParallel(
    entries.toSorted(byName),
    DIGESTS_AT_ONCE,
    (entry) => digestEntry(entry, signal, dryRun),
  );
}

async function wheelEntries(
  { names, metadata, licences }: Shared,
  { files, sboms }: FileSet,
  arch: string,
  options: PlanOptions,
): Promise<DigestedEntry[]> {
  const info = distInfo(names);
  const within = (folder: string) => (entry: Entry): Entry => ({
    ...entry,
    name: `${folder}/${entry.name}`,
  });
  const entries = await digestAll([
    ...files.map(within(moduleFolder(names.module))),
    textEntry(`${info}/METADATA`, metadata),
    textEntry(
      `${info}/WHEEL`,
      wheelText(arch, `krunner ${await krunnerVersion()}`),
    ),
    textEntry(`${info}/entry_points.txt`, entryPointsText(names.module)),
    ...licences.map(({ name, path }): Entry => ({
      name: `${info}/licenses/${name}`,
      content: path,
      mode: 0o644,
    })),
    ...sboms.map(within(`${info}/sboms`)),
  ], options);
  // Last: by the specification, all of a wheel's own files are at the end.
  const record = `${info}/RECORD`;
  const text = recordText(entries, record);
  return [
    ...entries,
    await digestEntry(textEntry(record, text), options.signal),
  ];
}

/**
 * Names of the package directory's files that are sources, and of the texts that
 * say which versions were built.
 */
async function sourceFiles(
  { dir, files }: PackageDir,
  listed: readonly string[],
  out: string,
): Promise<string[]> {
  const below = `${await Deno.realPath(out).catch(() => "")}/`;
  const prefix = `${await Deno.realPath(dir)}/`;
  const written = below.startsWith(prefix)
    ? below.slice(prefix.length)
    : undefined;
  const sources = (await listPackageFiles(dir)).filter((name) =>
    !/^ttyd_linux\.[^/]+$/.test(name) &&
    (written === undefined || !name.startsWith(written))
  );
  const texts = listed.flatMap((distroVersion) => {
    const { python, version } = outputNames(distroVersion, "");
    return [python, version].filter((name) => files.has(name));
  });
  return [...sources, ...texts];
}

async function sdistEntries(
  { pkg, names, project, metadata, licences }: Shared,
  sources: readonly string[],
): Promise<Entry[]> {
  const folder = sourceFolder(names.module);
  const own = await Promise.all(sources.map(async (source): Promise<Entry> => {
    const content = `${pkg.dir}/${source}`;
    const { mode } = await Deno.stat(content).catch((error) => {
      throw fileError("read", content, error);
    });
    return {
      name: `${folder}/${source}`,
      content,
      mode: (mode ?? 0) & 0o111 ? 0o755 : 0o644,
    };
  }));
  const known = new Set(own.map(({ name }) => name));
  const { description } = project;
  return [
    textEntry("PKG-INFO", metadata),
    textEntry("pyproject.toml", PYPROJECT),
    textEntry(BACKEND_FILE, BACKEND_TEXT),
    ...description === undefined
      ? []
      : [textEntry(readmeName(description.contentType), description.text)],
    ...licences.filter(({ name }) => !known.has(name)).map(
      ({ name, path }): Entry => ({ name, content: path, mode: 0o644 }),
    ),
    ...own,
  ].map((entry) => ({ ...entry, name: `${fileStem(names)}/${entry.name}` }));
}

function readmeName(contentType: string): string {
  if (contentType.startsWith("text/markdown")) return "README.md";
  return contentType.startsWith("text/x-rst") ? "README.rst" : "README.txt";
}
