/**
 * Several files that change together or not at all.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";

/** One file's new content. */
export type FileChange =
  & {
    /** The file to replace or to make; its folder must exist. */
    path: string;
  }
  & ({
    /** The whole new content. */
    content: string | Uint8Array<ArrayBuffer>;
  } | {
    /**
     * A finished file on the same file system. It is gone afterwards: moved to
     * `path`, or removed where the commit fails.
     */
    from: string;
  });

/** The one file operation that ends a commit; a test can make it fail. */
export interface CommitOperations {
  /** As `Deno.rename`. */
  rename(from: string, to: string): Promise<void>;
}

/** A change that is ready to be renamed into place. */
interface Prepared {
  /** The real file: symbolic links are followed, not replaced. */
  target: string;
  /** The new content, beside the target. */
  fresh: string;
  /** A second name of the old file; `undefined` where there was none. */
  backup: string | undefined;
}

async function statTarget(
  path: string,
): Promise<{ target: string; info: Deno.FileInfo } | undefined> {
  try {
    const target = await Deno.realPath(path);
    const info = await Deno.stat(target);
    if (!info.isFile) {
      throw new KrunnerError(
        `Cannot write "${path}": it is not a regular file; move it away`,
      );
    }
    return { target, info };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** `.name.{id}.{suffix}` in the target's folder: outputs never start with ".". */
function beside(target: string, suffix: string): string {
  const slash = target.lastIndexOf("/") + 1;
  const name = `.${target.slice(slash)}.${crypto.randomUUID()}.${suffix}`;
  return target.slice(0, slash) + name;
}

async function writeFresh(change: FileChange, fresh: string): Promise<void> {
  using file = await Deno.open(
    "from" in change ? change.from : fresh,
    "from" in change ? { write: true } : { write: true, createNew: true },
  );
  if ("content" in change) {
    let rest = typeof change.content === "string"
      ? new TextEncoder().encode(change.content)
      : change.content;
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
  }
  await file.sync();
}

/** Mode and owner of the old file, as far as this user may set them. */
async function keepAttributes(
  fresh: string,
  { mode, uid, gid }: Deno.FileInfo,
): Promise<void> {
  const own = await Deno.stat(fresh);
  if (own.uid !== uid || own.gid !== gid) {
    await Deno.chown(fresh, uid, gid).catch(() => {});
  }
  if (mode !== null) await Deno.chmod(fresh, mode & 0o7777);
}

/** A hard link where the file system has them, else a copy. */
async function backUp(target: string): Promise<string> {
  const backup = beside(target, "old");
  try {
    await Deno.link(target, backup);
  } catch {
    await Deno.copyFile(target, backup);
  }
  return backup;
}

class Commit {
  readonly #operations: CommitOperations;
  readonly #prepared: Prepared[] = [];
  #leftovers: string[];

  constructor(
    changes: readonly FileChange[],
    operations: CommitOperations,
  ) {
    this.#operations = operations;
    this.#leftovers = changes.flatMap((change) =>
      "from" in change ? [change.from] : []
    );
  }

  async prepare(change: FileChange): Promise<void> {
    const old = await statTarget(change.path);
    const target = old?.target ?? change.path;
    if (this.#prepared.some((other) => other.target === target)) {
      throw new KrunnerError(
        `Cannot write "${change.path}": another change is to the same file`,
      );
    }
    const fresh = "from" in change ? change.from : beside(target, "new");
    if (!("from" in change)) this.#leftovers.push(fresh);
    await writeFresh(change, fresh);
    let backup: string | undefined;
    if (old !== undefined) {
      await keepAttributes(fresh, old.info);
      backup = await backUp(target);
      this.#leftovers.push(backup);
    }
    this.#prepared.push({ target, fresh, backup });
  }

  /** Renames all files into place, in order. */
  async finish(): Promise<void> {
    const done: Prepared[] = [];
    for (const item of this.#prepared) {
      try {
        await this.#operations.rename(item.fresh, item.target);
        done.push(item);
      } catch (cause) {
        await this.#rollBack(done);
        throw failure(item.target, cause);
      }
    }
  }

  async #rollBack(done: Prepared[]): Promise<void> {
    for (const { target, backup } of done.reverse()) {
      try {
        if (backup === undefined) await Deno.remove(target);
        else await this.#operations.rename(backup, target);
      } catch (cause) {
        this.#leftovers = this.#leftovers.filter((file) => file !== backup);
        throw new KrunnerError(
          `Cannot restore "${target}": ${messageOf(cause)}; ${
            backup === undefined
              ? "remove it by hand"
              : `rename "${backup}" to it by hand`
          }`,
          { cause },
        );
      }
    }
  }

  async cleanUp(): Promise<void> {
    for (const file of this.#leftovers) {
      await Deno.remove(file).catch(() => {});
    }
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function failure(path: string, cause: unknown): KrunnerError {
  if (cause instanceof KrunnerError) return cause;
  return new KrunnerError(
    `Cannot write "${path}": ${messageOf(cause)}; no file was changed`,
    { cause },
  );
}

/**
 * Writes all files or none. Each new content is complete and synced to the disk
 * beside its target before the first one is renamed over its target; when a
 * rename fails, those before it are undone. The renames are done in the order
 * given. Modes and owners stay; symbolic links are followed.
 *
 * Only a kill between two renames can leave a part of the files changed; each
 * single file is always either the old or the new one.
 *
 * @throws {KrunnerError} If a file cannot be written; no file is changed then.
 */
export async function commitFiles(
  changes: readonly FileChange[],
  operations: CommitOperations = { rename: Deno.rename },
): Promise<void> {
  const commit = new Commit(changes, operations);
  try {
    for (const change of changes) {
      try {
        await commit.prepare(change);
      } catch (cause) {
        throw failure(change.path, cause);
      }
    }
    await commit.finish();
  } finally {
    await commit.cleanUp();
  }
}
