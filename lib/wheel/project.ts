/**
 * The Python project that a package directory belongs to.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import type { PackageDir } from "../package_dir.ts";
import { readOptional } from "../read_optional.ts";
import { type Declared, NOTHING_DECLARED, type Readme } from "./declared.ts";

/** A long description that was read. */
export interface Description {
  readonly text: string;
  /** `text/markdown`, `text/x-rst` or `text/plain`, with parameters. */
  readonly contentType: string;
}

/** What was found about a package's project. */
export interface Project {
  /**
   * The folder that names of licence files are relative to: that of the file
   * which declares the package, else the checkout's, else the package directory.
   */
  readonly root: string;
  /** What is declared. */
  readonly declared: Declared;
  /** The long description, where there is one. */
  readonly description?: Description;
}

/** The project's folder from the package directory: `src/ai/backend/krunner/x`. */
const LAYOUTS = [
  [/\/src\/ai\/backend\/krunner\/[^/]+$/, 5],
  [/\/ai\/backend\/krunner\/[^/]+$/, 4],
] as const;

/**
 * Finds what declares the package: a `pyproject.toml` with a `[project]`, or
 * `setup.cfg` and `setup.py`, in the package directory, or where upstream's layout
 * has it. A file elsewhere above may be any other project's.
 *
 * @throws {KrunnerError} If such a file cannot be read.
 */
export async function findProject({ dir }: PackageDir): Promise<Project> {
  const real = await Deno.realPath(dir);
  const folders = [
    real,
    ...LAYOUTS.filter(([layout]) => layout.test(real))
      .map(([, depth]) => real.split("/").slice(0, -depth).join("/") || "/"),
  ];
  for (const root of folders) {
    const declared = await readDeclared(root);
    if (declared !== undefined) {
      return {
        root,
        declared,
        ...await readDescription(root, declared.readme),
      };
    }
  }
  return {
    root: await checkoutOf(real) ?? real,
    declared: NOTHING_DECLARED,
    ...await readDescription(real, undefined),
  };
}

async function readDeclared(root: string): Promise<Declared | undefined> {
  const [pyproject, cfg, py] = await Promise.all(
    ["pyproject.toml", "setup.cfg", "setup.py"].map((name) =>
      readOptional(`${root}/${name}`)
    ),
  );
  if (pyproject !== undefined) {
    const { parsePyproject } = await import("./pyproject.ts");
    const declared = parsePyproject(pyproject, `${root}/pyproject.toml`);
    if (declared !== undefined) return declared;
  }
  if (cfg === undefined && py === undefined) return undefined;
  const { parseSetupCfg, parseSetupPy } = await import("./setup_cfg.ts");
  const found = [
    py === undefined ? undefined : parseSetupPy(py),
    cfg === undefined ? undefined : parseSetupCfg(cfg, `${root}/setup.cfg`),
  ].filter((declared) => declared !== undefined);
  // setuptools lets setup.cfg win; there, an empty list declares nothing.
  return found.length === 0
    ? undefined
    : found.reduce((below, above) => ({ ...below, ...withoutEmpty(above) }));
}

function withoutEmpty(declared: Declared): Partial<Declared> {
  return Object.fromEntries(
    Object.entries(declared).filter(([, value]) =>
      typeof value !== "object" || Object.keys(value).length > 0
    ),
  );
}

async function readDescription(
  root: string,
  readme: Readme | undefined,
): Promise<Pick<Project, "description">> {
  if (readme !== undefined && "text" in readme) {
    const { text, contentType = "text/plain" } = readme;
    return { description: { text, contentType } };
  }
  const file = readme?.file ?? "README.md";
  const text = await readOptional(`${root}/${file}`);
  if (text === undefined) {
    if (readme === undefined) return {};
    throw new KrunnerError(
      `Cannot read "${root}/${file}": it does not exist, and the package's description is to be taken from it`,
    );
  }
  return {
    description: {
      text,
      contentType: readme?.contentType ?? contentTypeOf(file),
    },
  };
}

function contentTypeOf(file: string): string {
  if (/\.(md|markdown)$/i.test(file)) return "text/markdown";
  return /\.rst$/i.test(file) ? "text/x-rst" : "text/plain";
}

/** The folder with `.git` that a folder is in. */
async function checkoutOf(dir: string): Promise<string | undefined> {
  for (
    let folder = dir;
    folder !== "";
    folder = folder.slice(0, folder.lastIndexOf("/"))
  ) {
    const git = await Deno.stat(`${folder}/.git`).catch(() => undefined);
    if (git !== undefined) return folder;
  }
  return undefined;
}
