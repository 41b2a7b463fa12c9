/**
 * The build context of a stage: only the files that its dockerfile names, as a
 * tar stream that is the same for the same files.
 *
 * @module
 */

import { globToRegExp } from "@std/path/posix/glob-to-regexp";
import { KrunnerError } from "./errors.ts";
import { isOutput } from "./package_dir.ts";
import type { SourceRow } from "./sources.ts";
import type { ContextPattern } from "./stage_file.ts";

/** The context's folder that rows of the source lock file appear in. */
export const SOURCES_FOLDER = "sources";

/** One file of a build context. */
export type ContextFile =
  | { readonly kind: "package"; readonly path: string }
  | { readonly kind: "wheel"; readonly path: string }
  | { readonly kind: "source"; readonly path: string; readonly row: SourceRow };

/**
 * All files below a package directory that may be part of a context, relative to
 * it and sorted. What builds leave there and hidden files are left out.
 */
export async function listPackageFiles(dir: string): Promise<string[]> {
  const files: string[] = [];
  for await (const path of walk(dir, "")) files.push(path);
  return files.sort();
}

async function* walk(dir: string, prefix: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(`${dir}/${prefix}`)) {
    if (isOutput(name)) continue;
    if (isDirectory) yield* walk(dir, `${prefix}${name}/`);
    else yield `${prefix}${name}`;
  }
}

/**
 * The files that a dockerfile's patterns stand for, sorted by path. A wildcard may
 * match nothing, for that is how a dockerfile says "if it is there".
 *
 * @throws {KrunnerError} If a pattern without wildcards matches nothing or leaves
 * the context.
 */
export function resolveContext(
  dockerfile: string,
  patterns: readonly ContextPattern[],
  packageFiles: readonly string[],
  rows: readonly SourceRow[],
): ContextFile[] {
  const known: ContextFile[] = [
    ...packageFiles.map((path) => ({ kind: "package" as const, path })),
    ...rows.map((row) => ({
      kind: "source" as const,
      path: `${SOURCES_FOLDER}/${row.file}`,
      row,
    })),
  ];
  const found = new Map<string, ContextFile>();
  for (const { pattern, line } of patterns) {
    const where = `"${dockerfile}", line ${line}`;
    if (pattern.split("/").includes("..")) {
      throw new KrunnerError(
        `Cannot build with ${where}: "${pattern}" leaves the package directory; copy the file there`,
      );
    }
    const matches = known.filter(({ kind, path }) =>
      (kind === "package" || pattern.startsWith(`${SOURCES_FOLDER}/`)) &&
      matchesPattern(path, pattern)
    );
    if (matches.length === 0 && !/[*?[]/.test(pattern)) {
      throw new KrunnerError(missingMessage(where, pattern));
    }
    // A file of the package directory stands before a row of the same name.
    for (const file of matches) {
      if (!found.has(file.path)) found.set(file.path, file);
    }
  }
  return [...found.values()].sort((a, b) => a.path < b.path ? -1 : 1);
}

function missingMessage(where: string, pattern: string): string {
  return pattern.startsWith(`${SOURCES_FOLDER}/`)
    ? `Cannot build with ${where}: no row of sources.json has the file "${
      pattern.slice(SOURCES_FOLDER.length + 1)
    }"; add one, with its SHA-256 and origins`
    : `Cannot build with ${where}: there is no "${pattern}" in the package directory; add it, or correct the name`;
}

/** Whether `pattern`, or a folder that it names, covers the file `path`. */
function matchesPattern(path: string, pattern: string): boolean {
  if (pattern === "") return true;
  const parts = path.split("/");
  return pattern.split("/").every((part, i) =>
    parts[i] !== undefined &&
    globToRegExp(part, { extended: false, globstar: false }).test(parts[i])
  );
}

/** Where the bytes of a context's file are on this host. */
export type Locate = (file: ContextFile) => string;

/**
 * The context as a tar stream: sorted, owner 0:0, one fixed time, and no mode but
 * 0644 and 0755, so that neither checkout time nor umask reaches the builder's
 * cache.
 *
 * @param texts Files that are on no disk, by path.
 */
export async function contextStream(
  files: readonly ContextFile[],
  locate: Locate,
  texts: Readonly<Record<string, string>> = {},
): Promise<ReadableStream<Uint8Array>> {
  const { TarStream } = await import("@std/tar/tar-stream");
  return ReadableStream.from(contextEntries(files, locate, texts))
    .pipeThrough(new TarStream());
}

/** Owner and time of every entry; they reach neither cache nor image. */
const ENTRY = { mtime: 0, uid: 0, gid: 0 };

async function* contextEntries(
  files: readonly ContextFile[],
  locate: Locate,
  texts: Readonly<Record<string, string>>,
) {
  for (const [path, text] of Object.entries(texts)) {
    const bytes = new TextEncoder().encode(text);
    yield {
      type: "file" as const,
      path,
      size: bytes.length,
      readable: ReadableStream.from([bytes]),
      options: { ...ENTRY, mode: 0o644 },
    };
  }
  for (const file of files) {
    const source = locate(file);
    const { size, mode } = await Deno.stat(source);
    yield {
      type: "file" as const,
      path: file.path,
      size,
      readable: (await Deno.open(source)).readable,
      options: { ...ENTRY, mode: (mode ?? 0) & 0o111 ? 0o755 : 0o644 },
    };
  }
}
