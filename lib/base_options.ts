/**
 * Options of a bootstrap, and whether they fit the rest of a plan.
 *
 * @module
 */

import type { BasePlan, BasePolicy } from "./base_image.ts";
import type { BootstrapPlan } from "./debootstrap.ts";
import { fileError, KrunnerError, UsageError } from "./errors.ts";
import type { Bootstrap } from "./package_data.ts";
import { withoutCredentials } from "./sources.ts";

/** What the user may say of a bootstrap. */
export interface BootstrapOptions {
  /** The archive to take; debootstrap's own where none is given. */
  readonly mirror?: string | undefined;
  /** The keyring file that its signature is checked with. */
  readonly keyring?: string | undefined;
}

/**
 * How to make a base image: as `krunner.json` says, with the user's options.
 *
 * @param dir The package directory: a keyring of `krunner.json` may be in it.
 */
export function planBootstrap(
  data: Bootstrap,
  dir: string,
  { mirror, keyring }: BootstrapOptions,
): BootstrapPlan {
  const own = data.keyring === undefined || data.keyring.startsWith("/")
    ? data.keyring
    : `${dir}/${data.keyring}`;
  const file = keyring ?? own;
  return {
    ...data,
    ...mirror === undefined ? {} : { mirror },
    // gpgv looks for a name without a slash elsewhere.
    ...file === undefined
      ? {}
      : { keyring: file.includes("/") ? file : `./${file}` },
  };
}

/**
 * Options of a bootstrap that cannot happen are mistakes.
 *
 * @param plan The plan that was made with them; absent where nothing is built on a
 * base image.
 * @throws {UsageError} If an option does not fit.
 * @throws {KrunnerError} If the keyring cannot be one.
 */
export async function checkBootstrapOptions(
  distroVersion: string,
  plan: BasePlan | undefined,
  { mirror, keyring, base, baseImage }: BootstrapOptions & {
    readonly base: BasePolicy;
    readonly baseImage?: string | undefined;
  },
): Promise<void> {
  if (mirror !== undefined) checkMirror(mirror);
  const [option] = [
    ...mirror === undefined ? [] : [`--mirror ${mirror}`],
    ...keyring === undefined ? [] : [`--keyring ${keyring}`],
    ...base === "bootstrap" ? ["--base=bootstrap"] : [],
  ];
  if (option === undefined) return;
  const state = baseImage !== undefined
    ? '"--base-image" names the image to take, and none is bootstrapped; leave one of them out'
    : base === "registry"
    ? '"--base=registry" bootstraps nothing; leave one of them out'
    : plan === undefined
    ? `nothing of "${distroVersion}" is built on a base image of krunner.json; leave it out`
    : plan.bootstrap === undefined
    ? `krunner.json knows no suite to bootstrap "${distroVersion}" from; add one, or leave it out`
    : undefined;
  if (state !== undefined) {
    throw new UsageError(`Cannot use "${option}": ${state}`);
  }
  if (keyring !== undefined) await checkKeyring(keyring);
}

/**
 * Looks whether a file may be a keyring.
 *
 * @throws {KrunnerError} If it cannot be read, or gpgv would not read it.
 */
export async function checkKeyring(path: string): Promise<void> {
  const start = new Uint8Array(10);
  try {
    using file = await Deno.open(path);
    await file.read(start);
  } catch (error) {
    throw fileError("read", path, error);
  }
  if (new TextDecoder().decode(start) === "-----BEGIN") {
    throw new KrunnerError(
      `Cannot use the keyring "${path}": it is text, and debootstrap reads binary keyrings only; convert it with "gpg --dearmor"`,
    );
  }
}

/** The image keeps the URL, and its apt reads it. */
function checkMirror(mirror: string): void {
  const shown = withoutCredentials(mirror);
  const url = URL.parse(mirror);
  if (url === null || !/^https?:\/\/[^\s?#]+$/.test(mirror)) {
    throw new UsageError(
      `Cannot use "--mirror ${shown}": give a URL that begins with http:// or https:// and has no spaces, "?" or "#"`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new UsageError(
      `Cannot use "--mirror ${shown}": its name and password would stay in the image; give a mirror that asks for none`,
    );
  }
}
