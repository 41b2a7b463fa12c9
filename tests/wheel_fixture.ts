/**
 * Package directories with everything that a wheel is made from.
 *
 * @module
 */

import { formatManifest, type Manifest } from "../lib/manifest.ts";
import {
  openPackageDir,
  outputNames,
  type PackageDir,
} from "../lib/package_dir.ts";
import type { WheelOptions } from "../lib/wheel/make.ts";
import { type TempDir, tempDir, writeFiles } from "./package_fixture.ts";

/** What a package directory has beside its volumes. */
export const MODULES = {
  "__init__.py": "__version__ = '1.4.0-rc.3'\n",
  "plugin.py": "async def init(config):\n    return None\n",
};

/** Puts a volume and all files of its build into a package directory. */
export async function writeBuilt(
  dir: string,
  distroVersion: string,
  arch: string,
  archive: Uint8Array<ArrayBuffer>,
  changes: Partial<Manifest> = {},
): Promise<void> {
  const names = outputNames(distroVersion, arch);
  const digest = await crypto.subtle.digest("SHA-256", archive);
  const sha256 = new Uint8Array(digest).toHex();
  const inputs = { files: {}, sources: {}, args: {} };
  const manifest: Manifest = {
    schema: 1,
    distroVersion,
    family: "debian",
    arch,
    volumeVersion: 3,
    python: "3.11",
    archive: {
      file: names.archive,
      sha256,
      size: archive.length,
      unpackedSize: archive.length,
      entries: 1,
      treeSha256: sha256,
      mtime: 0,
    },
    packages: [],
    image: { reference: "env", id: "sha256:0" },
    inputs,
    firstInputs: inputs,
    ...changes,
  };
  await Deno.writeFile(`${dir}/${names.archive}`, archive);
  writeFiles(dir, {
    [names.manifest]: formatManifest(manifest),
    [names.spdx]: JSON.stringify({ checksumValue: sha256 }),
    [names.python]: "3.11\n",
    [names.version]: "3\n",
    [`krunner-env.${distroVersion}.dockerfile`]:
      "FROM scratch\nLABEL ai.backend.krunner.version=3\n",
  });
}

/** A package directory in a folder of its own. */
export interface WheelFixture extends TempDir {
  /** The package directory. */
  readonly dir: string;
  /** A folder for the files; it is not there yet. */
  readonly out: string;
  /** Opens the package directory as it is now. */
  readonly open: () => Promise<PackageDir>;
  /** Options for it. Notices are gathered. */
  readonly options: WheelOptions & { readonly notices: string[] };
}

/** The distro versions of {@linkcode wheelFixture}. */
export const DISTRO_VERSIONS = ["debian12", "debian13"];

/**
 * A family with two distro versions that are built for x86_64, and whatever else
 * is given.
 *
 * @param below Where it is in the temporary folder.
 */
export async function wheelFixture(
  files: Readonly<Record<string, string>> = {},
  below = "debian",
): Promise<WheelFixture> {
  const root = tempDir();
  const dir = `${root.path}/${below}`;
  Deno.mkdirSync(dir, { recursive: true });
  for (const name of DISTRO_VERSIONS) {
    await writeBuilt(dir, name, "x86_64", new TextEncoder().encode(name));
  }
  writeFiles(dir, {
    ...MODULES,
    "versions.txt": `${DISTRO_VERSIONS.join("\n")}\n`,
    "ttyd_linux.x86_64.bin": "ttyd",
    ...files,
  });
  const notices: string[] = [];
  return {
    ...root,
    dir,
    out: `${root.path}/dist`,
    open: () => openPackageDir(dir),
    options: {
      arches: [],
      out: `${root.path}/dist`,
      maxSize: 1_000_000,
      dryRun: false,
      epoch: 1_700_000_001,
      cache: `${root.path}/cache`,
      pid: Deno.pid,
      signal: new AbortController().signal,
      onNotice: (line) => notices.push(line),
      notices,
    },
  };
}

/** Names in a folder, sorted; none where it is not there. */
export async function filesOf(dir: string): Promise<string[]> {
  const found = await Array.fromAsync(Deno.readDir(dir)).catch(() => []);
  return found.map(({ name }) => name).sort();
}
