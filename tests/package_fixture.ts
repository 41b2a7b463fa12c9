/**
 * Package directories for tests, made on disk and removed.
 *
 * @module
 */

import { openPackageDir, type Target } from "../lib/package_dir.ts";

/** A temporary folder that removes itself. */
export interface TempDir extends Disposable {
  /** Its path. */
  readonly path: string;
}

/** Makes a folder with files, by path and text; folders are made as needed. */
export function tempDir(files: Readonly<Record<string, string>> = {}): TempDir {
  const path = Deno.makeTempDirSync();
  writeFiles(path, files);
  return {
    path,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

/** Runs with a new folder, and removes it. */
export async function withTempDir<T>(
  body: (dir: string) => Promise<T>,
): Promise<T> {
  using dir = tempDir();
  return await body(dir.path);
}

/** Writes files below a folder, by path and text; folders are made as needed. */
export function writeFiles(
  dir: string,
  files: Readonly<Record<string, string>>,
): void {
  for (const [name, text] of Object.entries(files)) {
    const path = `${dir}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, text);
  }
}

/** A package directory on disk. */
export interface PackageFixture extends TempDir {
  /** The package directory's path. */
  readonly dir: string;
  /** One target of it. */
  readonly target: Target;
}

/** A package directory of the family `debian`, with one target of it. */
export async function packageFixture(
  files: Readonly<Record<string, string>>,
  distroVersion = "debian12",
): Promise<PackageFixture> {
  const root = tempDir();
  const dir = `${root.path}/debian`;
  Deno.mkdirSync(dir);
  writeFiles(dir, files);
  const pkg = await openPackageDir(dir);
  return { ...root, dir, target: { pkg, distroVersion } };
}
