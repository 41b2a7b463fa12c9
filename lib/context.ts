/**
 * The build context of a stage: only the files that its dockerfile names, as a
 * tar stream that is the same for the same files.
 *
 * @module
 */

import { fileError, KrunnerError } from "./errors.ts";
import { isOutput } from "./package_dir.ts";
import { RELEASE_FILES } from "./released.ts";
import type { SourceRow } from "./sources.ts";
import type { ContextPattern } from "./stage_file.ts";
import { hasWildcard, wildcardToRegExp } from "./wildcard.ts";

/** The context's folder that rows of the source lock file appear in. */
export const SOURCES_FOLDER = "sources";

/** One file of a build context. */
export type ContextFile =
  | { readonly kind: "package"; readonly path: string }
  | {
    readonly kind: "wheel";
    readonly path: string;
    readonly name: string;
    /** What its content must be, where that is known: SHA-256 in hex. */
    readonly sha256?: string;
  }
  | { readonly kind: "source"; readonly path: string; readonly row: SourceRow };

/**
 * All files below a package directory that may be part of a context, relative to
 * it and sorted. What builds and releases leave there and hidden files are left out. Symbolic
 * links stand for what they lead to, wherever that is, so that families can share
 * files; one that leads back to a folder it is in adds nothing.
 */
export async function listPackageFiles(dir: string): Promise<string[]> {
  const files: string[] = [];
  for await (const path of walk(dir, "", [])) files.push(path);
  return files.sort();
}

/** @param parents The real paths of the folders that lead here. */
async function* walk(
  dir: string,
  prefix: string,
  parents: readonly string[],
): AsyncGenerator<string> {
  const real = await Deno.realPath(`${dir}/${prefix}`);
  if (parents.includes(real)) return;
  for await (const entry of Deno.readDir(real)) {
    const path = `${prefix}${entry.name}`;
    if (isOutput(entry.name) || RELEASE_FILES.includes(path)) continue;
    const { isDirectory, isFile } = entry.isSymlink
      // A link to nothing matters only to a dockerfile that wants it.
      ? await Deno.stat(`${dir}/${path}`).catch(() => ({
        ...entry,
        isFile: true,
      }))
      : entry;
    if (isDirectory) yield* walk(dir, `${path}/`, [...parents, real]);
    else if (isFile) yield path;
  }
}

/**
 * The files that a dockerfile's patterns stand for, sorted by path. A wildcard may
 * match nothing, for that is how a dockerfile says "if it is there"; one of sources
 * where a variable in it is empty only.
 *
 * @throws {KrunnerError} If another pattern matches nothing, or one leaves the
 * context.
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
  for (const { pattern, line, hasEmptyVariable } of patterns) {
    const where = `"${dockerfile}", line ${line}`;
    if (pattern.split("/").includes("..")) {
      throw new KrunnerError(
        `Cannot build with ${where}: "${pattern}" leaves the package directory; copy the file there, or link to it`,
      );
    }
    const matchesPath = pathMatcher(pattern, where);
    const matches = known.filter(({ kind, path }) =>
      (kind === "package" || pattern.startsWith(`${SOURCES_FOLDER}/`)) &&
      matchesPath(path)
    );
    // A version that no row has would show only when the stage wants the file.
    const mayMatchNothing = hasWildcard(pattern) &&
      (hasEmptyVariable || !pattern.startsWith(`${SOURCES_FOLDER}/`));
    if (matches.length === 0 && !mayMatchNothing) {
      throw new KrunnerError(missingMessage(where, pattern));
    }
    // A file of the package directory stands before a row of the same name.
    for (const file of matches) {
      if (!fitsTar(file.path)) {
        throw new KrunnerError(
          `Cannot build with ${where}: the path "${file.path}" is too long for a build context; shorten the file's name to 99 bytes and its folders' to 155`,
        );
      }
      if (!found.has(file.path)) found.set(file.path, file);
    }
  }
  return [...found.values()].sort((a, b) => a.path < b.path ? -1 : 1);
}

function missingMessage(where: string, pattern: string): string {
  const hidden = RELEASE_FILES.find((name) => name === pattern) ??
    pattern.split("/").find(isOutput);
  if (hidden !== undefined) {
    return `Cannot build with ${where}: "${pattern}" is no part of the build context, for "${hidden}" is hidden or left by builds and releases; rename it`;
  }
  return pattern.startsWith(`${SOURCES_FOLDER}/`)
    ? `Cannot build with ${where}: no row of sources.json has the file "${
      pattern.slice(SOURCES_FOLDER.length + 1)
    }"; add one, with its SHA-256 and origins`
    : `Cannot build with ${where}: there is no "${pattern}" in the package directory; add it, or correct the name`;
}

/** Tells whether `pattern`, or a folder that it names, covers a file. */
function pathMatcher(
  pattern: string,
  where: string,
): (path: string) => boolean {
  if (pattern === "") return () => true;
  const wanted = pattern.split("/").map((part) => {
    const regExp = wildcardToRegExp(part);
    if (regExp !== undefined) return regExp;
    throw new KrunnerError(
      `Cannot build with ${where}: the pattern "${pattern}" is malformed; see that each "[" has its "]" and something between`,
    );
  });
  return (path) => {
    const parts = path.split("/");
    return wanted.every((regExp, i) =>
      parts[i] !== undefined && regExp.test(parts[i])
    );
  };
}

/** Whether a path fits into the two fields of a tar header as TarStream sees it. */
function fitsTar(path: string): boolean {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length <= 100) return true;
  const slash = bytes.lastIndexOf("/".charCodeAt(0), 155);
  return slash > 0 && bytes.length - slash <= 100;
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
    const { size, mode } = await Deno.stat(source).catch((error) => {
      throw fileError("read", source, error);
    });
    yield {
      type: "file" as const,
      path: file.path,
      size,
      // Opened when it is read, so that a builder that gives up leaves none open.
      readable: ReadableStream.from(readExactly(source, size)),
      options: { ...ENTRY, mode: (mode ?? 0) & 0o111 ? 0o755 : 0o644 },
    };
  }
}

/** A file's bytes, as many as its entry in the tar stream announces. */
async function* readExactly(
  path: string,
  size: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let rest = size;
  try {
    for await (const chunk of (await Deno.open(path)).readable) {
      rest -= chunk.length;
      if (rest < 0) break;
      yield chunk;
    }
  } catch (error) {
    throw fileError("read", path, error);
  }
  if (rest === 0) return;
  throw new KrunnerError(
    `Cannot read "${path}": it changed meanwhile; build again`,
  );
}
