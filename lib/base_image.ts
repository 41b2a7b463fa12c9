/**
 * Base images: local, else pulled, else made from the distribution's own archive.
 *
 * @module
 */

import type { CollectedImage } from "./collect/index_file.ts";
import type { Engine } from "./engine.ts";
import { fileError, KrunnerError } from "./errors.ts";
import { openLog, pourInto } from "./builder.ts";
import type { ImageRecord } from "./manifest.ts";
import type { BASES } from "./options.ts";
import type { Bootstrap } from "./package_data.ts";
import { finish, spawn } from "./process.ts";

/** Where a base image may come from; `auto` tries both. */
export type BasePolicy = typeof BASES[number];

/** The base image that a distro version's stages get as `BASE_IMAGE`. */
export interface BasePlan {
  /** Its name at a registry or in the engine, e.g. `debian:12-slim`. */
  readonly reference: string;
  /** Where it may come from. */
  readonly policy: BasePolicy;
  /** How to make it; absent where nobody knows how. */
  readonly bootstrap?: Bootstrap;
  /** The name that it gets when it is made here. */
  readonly bootstrapped: string;
  /** The image of a collected folder, which then stands before all other ways. */
  readonly collected?: CollectedImage;
}

/** What providing a base image needs beside the engine. */
export interface BaseTools {
  /** Gets a line for each thing that takes its time, or went wrong on the way. */
  readonly onNotice: (line: string) => void;
  /** The path of debootstrap's log. */
  readonly log: string;
  /** The docker platform, where it is not the engine's own. */
  readonly platform?: string | undefined;
  /** Ends the work. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes sure that the engine has the base image.
 *
 * @throws {KrunnerError} If no way that the plan allows leads to it.
 */
export async function provideBase(
  engine: Engine,
  plan: BasePlan,
  tools: BaseTools,
): Promise<ImageRecord> {
  const local = await findLocal(engine, plan, tools.platform);
  if (local !== undefined) return local;
  let refusal: KrunnerError | undefined;
  if (plan.policy !== "bootstrap") {
    try {
      await pull(engine, plan.reference, tools);
      return await recordOf(engine, plan.reference);
    } catch (error) {
      if (!(error instanceof KrunnerError)) throw error;
      engine.throwIfCancelled();
      refusal = error;
    }
  }
  if (plan.policy === "registry" || plan.bootstrap === undefined) {
    throw new KrunnerError(
      `Cannot get the base image "${plan.reference}": ${
        refusal?.message ??
          "no suite to bootstrap is known for it in krunner.json"
      }; load it into the engine, or name another with "--base-image"`,
    );
  }
  if (refusal !== undefined) {
    tools.onNotice(`${refusal.message}; bootstrapping it instead`);
  }
  await bootstrap(engine, plan.bootstrap, plan.bootstrapped, tools);
  return await recordOf(engine, plan.bootstrapped);
}

/**
 * The image's name and id, if the engine has it already, and for the right
 * platform where that is not the engine's own.
 */
async function findLocal(
  engine: Engine,
  plan: BasePlan,
  platform: string | undefined,
): Promise<ImageRecord | undefined> {
  const names = [
    ...plan.policy === "bootstrap" ? [] : [plan.reference],
    // What was made here stands in for what no registry gave before.
    ...plan.policy === "registry" ? [] : [plan.bootstrapped],
  ];
  for (const reference of names) {
    const id = await engine.imageId(reference);
    if (id === undefined) continue;
    if (
      platform === undefined ||
      await engine.imagePlatform(reference) === platform
    ) return { reference, id };
  }
  return undefined;
}

async function recordOf(
  engine: Engine,
  reference: string,
): Promise<ImageRecord> {
  return { reference, id: await engine.imageId(reference) ?? "" };
}

async function pull(
  engine: Engine,
  reference: string,
  { platform, onNotice }: BaseTools,
): Promise<void> {
  onNotice(`Pulling the base image "${reference}"`);
  const flags = platform === undefined ? [] : ["--platform", platform];
  await engine.run(
    ["pull", "--quiet", ...flags, reference],
    `pull the base image "${reference}"`,
  );
}

/** debootstrap in name spaces of its own: whatever ends it, no mount stays behind. */
const UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child"];

async function bootstrap(
  engine: Engine,
  { suite, keyring }: Bootstrap,
  image: string,
  tools: BaseTools,
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
  tools.onNotice(`Bootstrapping "${image}" from suite "${suite}"`);
  const root = await Deno.makeTempDir({ prefix: "krunner-base-" });
  try {
    await debootstrap(
      [
        "--variant=minbase",
        ...keyring === undefined ? [] : [`--keyring=${keyring}`],
        suite,
        root,
      ],
      tools,
    );
    await importTree(engine, root, image, tools.signal);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function debootstrap(
  args: readonly string[],
  { log, signal }: BaseTools,
): Promise<void> {
  using file = await openLog(log);
  const child = spawn([...UNSHARE, "debootstrap", ...args], { signal });
  const complaint = new Response(child.stderr).text();
  const status = await finish(child, [
    complaint,
    child.stdout.pipeTo(file.writable).catch((error) => {
      throw fileError("write", log, error);
    }),
  ]);
  if (status.success) return;
  // The code of unshare, as of a shell.
  if (status.code === 127) {
    throw new KrunnerError(
      'Cannot run "debootstrap": it is not installed; install it, or run "sh setup.sh" as root on Debian or Ubuntu',
    );
  }
  const errors = await complaint;
  throw new KrunnerError(
    `Cannot bootstrap suite "${
      args.at(-2)
    }": debootstrap ended with exit code ${status.code}${
      errors.trim() === "" ? "" : ` (${errors.trim().split("\n").at(-1)})`
    }; see "${log}"`,
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
