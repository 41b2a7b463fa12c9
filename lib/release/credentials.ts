/**
 * Whether twine will find a name and a password. Neither is ever read into a
 * message, nor are they handed on: twine finds them by itself.
 *
 * Source: twine's documentation, "Keyring support" and "Environment variables".
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import { spawn } from "../process.ts";
import type { Destination, Env } from "./destination.ts";

/** Where twine finds a password; `terminal` where it asks for it. */
export type Place = "environment" | ".pypirc" | "keyring" | "terminal";

/**
 * Tells where twine finds what it needs.
 *
 * @param canAsk Whether twine may ask on a terminal.
 * @throws {KrunnerError} If it will not find it.
 */
export async function findCredentials(
  { name, url, section }: Destination,
  env: Env,
  canAsk: boolean,
): Promise<Place> {
  const username = env("TWINE_USERNAME") || section?.get("username");
  const password = await findPassword(url, username, section, env);
  if (username !== undefined && password !== undefined) {
    return password;
  }
  if (canAsk) return "terminal";
  const missing = [
    ...username === undefined ? ["TWINE_USERNAME"] : [],
    ...password === undefined ? ["TWINE_PASSWORD"] : [],
  ].join(" and ");
  throw new KrunnerError(
    `Cannot upload to "${name}": twine has no ${
      username === undefined ? "name" : "password"
    } for it, and no terminal to ask on; set ${missing} ("__token__" is the name for an API token), or write them into ~/.pypirc or the keyring`,
  );
}

async function findPassword(
  url: string,
  username: string | undefined,
  section: Destination["section"],
  env: Env,
): Promise<Place | undefined> {
  if (env("TWINE_PASSWORD")) return "environment";
  if (section?.get("password")) return ".pypirc";
  if (username === undefined) return undefined;
  return await isInKeyring(url, username) ? "keyring" : undefined;
}

/** The password itself goes nowhere. */
async function isInKeyring(url: string, username: string): Promise<boolean> {
  try {
    const { success } = await spawn(
      ["keyring", "get", url, username],
      { stdout: "null", stderr: "null" },
    ).status;
    return success;
  } catch (error) {
    if (error instanceof KrunnerError) return false;
    throw error;
  }
}
