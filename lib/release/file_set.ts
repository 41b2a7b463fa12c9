/**
 * Whether a wheel holds what an agent will look for, and nothing that it will not:
 * the contract in short, whatever made the wheel.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import { outputNames } from "../package_dir.ts";
import { ttydName } from "../wheel/file_set.ts";
import { VERSIONS_FILE } from "../wheel/listed.ts";
import type { Distribution } from "../wheel/make.ts";
import { moduleFolder } from "../wheel/names.ts";

/**
 * Compares the files of a wheel with what `versions.txt` promises.
 *
 * @param listed The distro versions of `versions.txt`.
 * @throws {KrunnerError} If a file is missing, or one too many.
 */
export function requireFileSet(
  { arch, path, files }: Pick<Distribution, "arch" | "path" | "files">,
  module: string,
  listed: readonly string[],
): void {
  const folder = `${moduleFolder(module)}/`;
  const found = files.map(({ name }) => name);
  const promised = listed.flatMap((distroVersion) => {
    const { archive, manifest, python, version } = outputNames(
      distroVersion,
      arch ?? "",
    );
    return [archive, manifest, python, version];
  });
  const wanted = ["__init__.py", "plugin.py", VERSIONS_FILE, ...promised]
    .map((name) => `${folder}${name}`);
  const missing = wanted.filter((name) => !found.includes(name));
  const strange = found.filter((name) =>
    !wanted.includes(name) && !isExtra(name, folder, arch ?? "")
  );
  if (missing.length === 0 && strange.length === 0) return;
  throw new KrunnerError(
    `Cannot release "${path}": it ${
      missing.length > 0
        ? `lacks ${missing.join(", ")}`
        : `holds ${strange.join(", ")}, which nobody looks for`
    }; ${VERSIONS_FILE} promises ${listed.join(", ")}`,
  );
}

/** What may be there beside what must. */
function isExtra(name: string, folder: string, arch: string): boolean {
  if (!name.startsWith(folder)) return /^[^/]+\.dist-info\//.test(name);
  const rest = name.slice(folder.length);
  return rest === ttydName(arch) || /^[^/]+\.py$/.test(rest);
}
