/**
 * Real paths of what is going to be written.
 *
 * @module
 */

import { fileError } from "./errors.ts";

/**
 * The real path of something that need not exist yet: absolute, without links.
 *
 * @throws {KrunnerError} If a folder that it is in cannot be read.
 */
export async function realPlace(path: string): Promise<string> {
  const parts: string[] = [];
  for (let rest = path.replace(/\/+$/, "") || "/";;) {
    try {
      return [await Deno.realPath(rest || "/"), ...parts].join("/");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        throw fileError("write", path, error);
      }
    }
    const slash = rest.lastIndexOf("/");
    parts.unshift(rest.slice(slash + 1));
    rest = slash < 0 ? "." : rest.slice(0, slash);
  }
}
