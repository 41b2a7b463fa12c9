/**
 * The agent's docker volumes: which there are, who uses them, and how a new one
 * gets its name.
 *
 * @module
 */

import type { Engine } from "./engine.ts";
import { KrunnerError } from "./errors.ts";
import { capture } from "./process.ts";
import { createVolume, type Scratch } from "./scratch.ts";
import {
  parseVolumeName,
  VOLUME_PREFIX,
  type VolumeName,
} from "./volume_name.ts";

/** A volume of the agent's that the engine has. */
export interface AgentVolume extends VolumeName {
  /** Its full name. */
  readonly name: string;
}

/**
 * The agent's volumes, in the order of their names.
 *
 * @throws {KrunnerError} If the engine does not answer.
 */
export async function findVolumes(engine: Engine): Promise<AgentVolume[]> {
  const names = await engine.run(
    ["volume", "ls", "--quiet", "--filter", `name=${VOLUME_PREFIX}`],
    "list volumes",
  );
  return names.split("\n").flatMap((name) => {
    const parsed = parseVolumeName(name);
    return parsed === undefined ? [] : [{ ...parsed, name }];
  }).sort((a, b) => a.name < b.name ? -1 : 1);
}

/**
 * Where the engine keeps a volume, `undefined` where it has none of that name.
 *
 * @throws {KrunnerError} If the engine does not answer.
 */
export async function volumePath(
  engine: Engine,
  name: string,
): Promise<string | undefined> {
  engine.throwIfCancelled();
  const { code, stdout, stderr } = await capture([
    engine.name,
    "volume",
    "inspect",
    "--format",
    "{{.Mountpoint}}",
    name,
  ]);
  if (code === 0) return stdout.trim();
  if (/no such volume|not found/i.test(stderr)) return undefined;
  throw engine.failure(`look up the volume "${name}"`, stderr);
}

/**
 * Names of the containers that have a volume, running or not.
 *
 * @throws {KrunnerError} If the engine does not answer.
 */
export async function volumeUsers(
  engine: Engine,
  name: string,
): Promise<string[]> {
  const names = await engine.run([
    "ps",
    "--all",
    "--filter",
    `volume=${name}`,
    "--format",
    "{{.Names}}",
  ], "list containers");
  return names.split("\n").filter((name) => name !== "").sort();
}

/**
 * Removes a volume.
 *
 * @throws {KrunnerError} If a container has it.
 */
export async function removeVolume(
  engine: Engine,
  name: string,
): Promise<void> {
  await requireUnused(engine, name);
  await engine.run(["volume", "rm", name], `remove the volume "${name}"`);
}

/** @throws {KrunnerError} If a container has the volume. */
export async function requireUnused(
  engine: Engine,
  name: string,
): Promise<void> {
  const users = await volumeUsers(engine, name);
  if (users.length === 0) return;
  throw new KrunnerError(
    `Cannot remove the volume "${name}": it belongs to the container "${
      users.join('", "')
    }"; end and remove that first`,
  );
}

/** The folder that all volumes of an engine are in, as `{root}/{name}/_data`. */
function storageRoot(name: string, path: string): string {
  const end = `/${name}/_data`;
  if (path.endsWith(end)) return path.slice(0, -end.length);
  throw new KrunnerError(
    `Cannot fill a volume safely: this engine keeps "${name}" in "${path}", not in a folder of its own with "_data" in it; use docker with its own kind of volumes ("local")`,
  );
}

/**
 * Puts a complete tree into the place of a volume that is not there yet. What
 * stands there is not known to the engine: a run was killed after this script.
 */
const MOVE = `set -eu
cd /volumes
[ -d "$2" ] || mkdir -m 701 "$2"
[ ! -e "$2/_data" ] || mv "$2/_data" "$1/stale"
mv -T "$1/_data" "$2/_data"
mkdir "$1/_data"`;

/**
 * Gives the content of a temporary volume the final name.
 *
 * An agent uses a volume of the right name unread, so there must be no moment at
 * which that name stands for a part of a volume, whatever is killed. Engines
 * cannot rename volumes. Copying into a new volume takes a second in which it is
 * there and incomplete. A volume that is a bind mount of the complete one's
 * folder appears at once, but lives on in two places, and `volume prune` takes
 * the folder away under running containers. So the complete tree is renamed on
 * disk to where the engine would put the new volume's, and only then the engine
 * is told to make that volume: it takes the folder that is there. The volume
 * appears complete in one step, and is an ordinary one. Until then no engine
 * knows the name; if it is restarted in between, it finds the complete volume.
 *
 * The layout that this relies on, `{root}/{name}/_data`, is that of docker's
 * `local` driver (and of podman's and nerdctl's); another is refused.
 *
 * @param image The extractor's image
 * @throws {KrunnerError} If the engine keeps its volumes otherwise, or fails.
 */
export async function publishVolume(
  { engine, label }: Scratch,
  { image, from, name }: { image: string; from: string; name: string },
): Promise<void> {
  engine.throwIfCancelled();
  // From here on no signal ends it: both steps are done, or none.
  const calm = engine.forCleanup();
  const root = storageRoot(from, await volumePath(calm, from) ?? "");
  const id = await calm.create([
    "--label",
    label,
    "--network",
    "none",
    // The folder is the engine's own, whatever keeps containers out of it.
    ...engine.name === "docker" ? ["--userns=host"] : [],
    "--security-opt=label=disable",
    "--volume",
    `${root}:/volumes`,
    "--entrypoint",
    "sh",
    image,
    "-c",
    MOVE,
    "krunner",
    from,
    name,
  ], image);
  await calm.start(id, `put the volume "${name}" into its place`);
  await createVolume(calm, name, []);
  const path = await volumePath(calm, name);
  if (path === `${root}/${name}/_data`) return;
  await calm.run(["volume", "rm", name], `remove the volume "${name}"`);
  throw new KrunnerError(
    `Cannot make the volume "${name}": this engine puts it in "${path}", not in "${root}"; use docker with its own kind of volumes ("local")`,
  );
}
