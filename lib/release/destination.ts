/**
 * Where a release's files go to, and where they can be read from.
 *
 * Sources: twine's documentation ("Configuration", "Environment variables"), and
 * the Python packaging specification "The .pypirc file".
 *
 * @module
 */

import { KrunnerError, UsageError } from "../errors.ts";
import { parseSections, type Section } from "../ini.ts";
import { readOptional } from "../read_optional.ts";

/** Gets an environment variable. */
export type Env = (name: string) => string | undefined;

/** A package index. */
export interface Destination {
  /** What it is called: `pypi`; the URL where it has no name. */
  readonly name: string;
  /** Where uploads go to. */
  readonly url: string;
  /** Where the lists of files are: the "simple" API, with a slash at the end. */
  readonly index: string;
  /** The options that tell twine of it. */
  readonly options: readonly string[];
  /** Its section of `.pypirc`, where twine takes it from there. */
  readonly section: Section | undefined;
}

/** What the command line says of the destination. */
export interface DestinationOptions {
  /** `--repository-url`. */
  readonly repositoryUrl?: string | undefined;
  /** `--repository`. */
  readonly repository?: string | undefined;
  /** `--index-url`. */
  readonly indexUrl?: string | undefined;
}

/** What twine knows without a `.pypirc`. */
const KNOWN: Readonly<Record<string, string>> = {
  pypi: "https://upload.pypi.org/legacy/",
  testpypi: "https://test.pypi.org/legacy/",
};

/**
 * Finds the destination as twine does: the options, else its environment
 * variables, else the public index.
 *
 * @throws {UsageError} If a URL is none, or holds a password.
 * @throws {KrunnerError} If a named repository is not known.
 */
export async function findDestination(
  options: DestinationOptions,
  env: Env,
): Promise<Destination> {
  if (options.repositoryUrl !== undefined && options.repository !== undefined) {
    throw new UsageError(
      'Cannot combine "--repository-url" with "--repository": leave one out',
    );
  }
  const url = options.repositoryUrl ??
    (options.repository === undefined
      ? env("TWINE_REPOSITORY_URL") || undefined
      : undefined);
  if (url !== undefined) {
    requireUrl("--repository-url", url);
    return {
      name: url,
      url,
      index: indexOf(url, options.indexUrl),
      options: ["--repository-url", url],
      section: undefined,
    };
  }
  const name = options.repository ?? (env("TWINE_REPOSITORY") || "pypi");
  const file = pypircPath(env);
  const section = (await readPypirc(file)).get(name);
  const named = section?.get("repository") ?? KNOWN[name];
  if (named === undefined) {
    throw new KrunnerError(
      `Cannot find the repository "${name}": "${file}" has no section [${name}] with a line "repository = URL"; add it, or give "--repository-url"`,
    );
  }
  requireUrl(`repository of [${name}] in "${file}"`, named);
  return {
    name,
    url: named,
    index: indexOf(named, options.indexUrl),
    options: ["--repository", name],
    section,
  };
}

/** `~/.pypirc`. */
function pypircPath(env: Env): string {
  return `${env("HOME") || "/root"}/.pypirc`;
}

async function readPypirc(file: string): Promise<Map<string, Section>> {
  const text = await readOptional(file);
  return text === undefined ? new Map() : parseSections(text, file);
}

function requireUrl(what: string, text: string): void {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(
      `Cannot use "${text}" as ${what}: it is no URL; give one like "https://pypi.example/legacy/"`,
    );
  }
  if (url.username === "" && url.password === "") return;
  throw new UsageError(
    `Cannot use the URL of "${url.host}" as ${what}: it holds a name or password, which logs would show; set TWINE_USERNAME and TWINE_PASSWORD`,
  );
}

function indexOf(url: string, indexUrl: string | undefined): string {
  if (indexUrl === undefined) return simpleIndexOf(url);
  if (URL.parse(indexUrl) === null) {
    throw new UsageError(
      `Cannot use "--index-url=${indexUrl}": it is no URL; give one like "https://pypi.example/simple/"`,
    );
  }
  return indexUrl.replace(/\/*$/, "/");
}

/**
 * The "simple" API that usually goes with an upload URL: `…/simple/` for
 * `…/legacy/`, and below the upload URL for others.
 */
export function simpleIndexOf(url: string): string {
  if (url === KNOWN["pypi"]) return "https://pypi.org/simple/";
  const parts = new URL(url);
  const path = parts.pathname.replace(/\/*$/, "");
  parts.pathname = `${path.replace(/\/legacy$/, "")}/simple/`;
  parts.search = "";
  return parts.href;
}
