/**
 * Families whose own base images and package index may be out of reach, built with
 * what Debian's archive has in their place: base image, CPython and wheels of
 * Debian 13. The dockerfiles are the families' own.
 *
 * @module
 */

import { copyFamily } from "./family_fixture.ts";
import { type Laboratory, must, type Outcome, run } from "./engine_fixture.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** Python 3.13 in Debian 13, by python.org's own tarball. */
const PYTHON_VERSION = "3.13.5";

/** Where things come from that the families have elsewhere. */
export interface Stand {
  /** The base image. */
  readonly base: string;
  /** A folder of sources. */
  readonly sources: string;
  /** A folder of wheels. */
  readonly wheelhouse: string;
}

/** Runs a script of the project to its end. */
export async function script(
  name: string,
  ...args: string[]
): Promise<Outcome> {
  return await run([
    Deno.execPath(),
    "run",
    "-A",
    `${ROOT}${name}.ts`,
    ...args,
  ]);
}

/**
 * Builds `debian13`, or finds it up to date, and takes from it what stands in for
 * what is out of reach.
 */
export async function debianStand(laboratory: Laboratory): Promise<Stand> {
  const dir = await copyFamily("debian", `${laboratory.root}/stand`);
  const { code, stderr } = await script(
    "build",
    "debian13",
    "--no-verify",
    "--dir",
    dir,
  );
  if (code !== 0) throw new Error(stderr);
  const manifest = JSON.parse(
    await Deno.readTextFile(`${dir}/krunner-env.debian13.x86_64.json`),
  );
  const home = Deno.env.get("HOME") ?? "/root";
  const caches = Deno.env.get("XDG_CACHE_HOME") || `${home}/.cache`;
  return {
    base: manifest.base.reference,
    sources: `${caches}/krunner/sources`,
    wheelhouse: await takeWheels(laboratory),
  };
}

/** Calls `build.ts` for a distro version with what stands in. */
export async function buildWith(
  stand: Stand,
  dir: string,
  distroVersion: string,
  ...more: string[]
): Promise<Outcome> {
  return await script(
    "build",
    distroVersion,
    "--dir",
    dir,
    "--base-image",
    stand.base,
    "--sources",
    stand.sources,
    "--wheelhouse",
    stand.wheelhouse,
    "--build-arg",
    `PYTHON_VERSION=${PYTHON_VERSION}`,
    ...more,
  );
}

async function takeWheels(laboratory: Laboratory): Promise<string> {
  const folder = `${laboratory.root}/wheels`;
  const container = await must([
    "docker",
    "create",
    "--label",
    laboratory.label,
    "lablup/backendai-krunner-wheels:debian13",
    "none",
  ]);
  await must(["docker", "cp", `${container}:/wheels`, folder]);
  return folder;
}

/**
 * A copy of a family that wants what Debian 13's wheels are: it has janus 1.0 and
 * msgpack 1.0.
 */
export async function copyForDebian(
  family: string,
  root: string,
): Promise<string> {
  const dir = await copyFamily(family, root);
  await Deno.copyFile(
    `${ROOT}dockerfiles/debian/requirements.txt`,
    `${dir}/requirements.txt`,
  );
  return dir;
}
