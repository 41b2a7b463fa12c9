/**
 * Base images made from the distribution's own archive.
 *
 * @module
 */

import { checkKeyring } from "./base_options.ts";
import { pourInto } from "./builder.ts";
import {
  type BootstrapPlan,
  debootstrap,
  type DebootstrapTools,
  explainMissingKeyring,
} from "./debootstrap.ts";
import type { Engine } from "./engine.ts";
import { fileError, KrunnerError } from "./errors.ts";
import { finish, spawn } from "./process.ts";
import { openWorkshop } from "./workshop.ts";

/** What making a base image needs beside the engine. */
export interface BootstrapTools extends DebootstrapTools {
  /** Gets a line before it begins. */
  readonly onNotice: (line: string) => void;
  /** The docker platform, where it is not the engine's own. */
  readonly platform?: string | undefined;
}

/**
 * Makes a base image of a suite.
 *
 * @param image The name that it gets.
 * @throws {KrunnerError} If debootstrap cannot run here, the archive cannot be
 * reached or trusted, or the engine refuses the image.
 */
export async function bootstrap(
  engine: Engine,
  plan: BootstrapPlan,
  image: string,
  tools: BootstrapTools,
): Promise<void> {
  if (tools.platform !== undefined) {
    throw new KrunnerError(
      `Cannot bootstrap "${image}" for ${tools.platform}: debootstrap makes images for this host's own arch here; name an image with "--base-image"`,
    );
  }
  if (Deno.uid() !== 0) {
    throw new KrunnerError(
      `Cannot bootstrap "${image}": debootstrap needs root; run as root, or name an image with "--base-image"`,
    );
  }
  if (plan.keyring !== undefined) await findKeyring(plan.suite, plan.keyring);
  tools.onNotice(
    `Bootstrapping "${image}" from suite "${plan.suite}"${
      plan.mirror === undefined ? "" : ` of ${plan.mirror}`
    }`,
  );
  await using workshop = await openWorkshop("krunner-bootstrap-");
  const root = `${workshop.path}/root`;
  await debootstrap(plan, root, tools);
  await setUpApt(root, plan);
  await importTree(engine, root, image, tools.signal);
}

/** Before debootstrap, which says less about it. */
async function findKeyring(suite: string, path: string): Promise<void> {
  const isThere = await Deno.stat(path).then(() => true, () => false);
  if (isThere) return await checkKeyring(path);
  throw new KrunnerError(
    `Cannot bootstrap suite "${suite}": ${explainMissingKeyring(path)}`,
  );
}

/**
 * Lets the image's apt use what debootstrap did not: the further suites, and the
 * keyring of an archive that is not the distribution's own.
 *
 * debootstrap's `--extra-suites` is of no use for the first: it takes base packages
 * from the main suite all the same, and the release's name, which it decides by,
 * from the last one (`bookworm-updates`), which costs bookworm its `usr-is-merged`.
 */
async function setUpApt(root: string, plan: BootstrapPlan): Promise<void> {
  const apt = `${root}/etc/apt`;
  try {
    const list = `${apt}/sources.list`;
    const text = await Deno.readTextFile(list);
    await Deno.writeTextFile(list, withSuites(text, plan));
    if (plan.keyring === undefined) return;
    const copy = `${apt}/trusted.gpg.d/krunner-base.gpg`;
    await Deno.mkdir(`${apt}/trusted.gpg.d`, { recursive: true });
    await Deno.copyFile(plan.keyring, copy);
    await Deno.chmod(copy, 0o644);
  } catch (error) {
    throw fileError("write", apt, error);
  }
}

/** A `sources.list` with the further suites of the same mirror and components. */
export function withSuites(
  list: string,
  { suite, extraSuites = [] }: BootstrapPlan,
): string {
  return list.replace(
    /^deb (\S+) (\S+) (.*)\n/gm,
    (line, mirror, named, components) =>
      named === suite
        ? [
          line,
          ...extraSuites.map((extra) =>
            `deb ${mirror} ${extra} ${components}\n`
          ),
        ].join("")
        : line,
  );
}

/** What debootstrap leaves behind that no image needs. */
const LEFTOVERS = [
  "./var/cache/apt/archives/*.deb",
  "./var/lib/apt/lists/*",
  "./var/log/*",
];

async function importTree(
  engine: Engine,
  root: string,
  image: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const tar = spawn([
    "tar",
    "--create",
    "--numeric-owner",
    "--sort=name",
    `--directory=${root}`,
    ...LEFTOVERS.map((pattern) => `--exclude=${pattern}`),
    ".",
  ], { signal });
  const load = engine.spawn(["import", "-", image], { stdin: "piped" });
  const complaint = new Response(load.stderr).text();
  const packed = finish(tar, [new Response(tar.stderr).text()]);
  const loaded = await finish(load, [
    packed,
    complaint,
    new Response(load.stdout).text(),
    pourInto(tar.stdout, load.stdin),
  ]);
  if (!loaded.success || !(await packed).success) {
    throw engine.failure(`import the base image "${image}"`, await complaint);
  }
}
