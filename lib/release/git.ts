/**
 * The checkout that a release is made in, through the git command line.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import { capture, type Captured } from "../process.ts";

/** One checkout. */
export class Git {
  /** Its top folder. */
  readonly top: string;

  private constructor(top: string) {
    this.top = top;
  }

  /**
   * The checkout that a folder is in.
   *
   * @throws {KrunnerError} If it is in none, or git is not installed.
   */
  static async open(dir: string): Promise<Git> {
    const { code, stdout, stderr } = await capture(
      ["git", "rev-parse", "--show-toplevel"],
      { cwd: dir },
    );
    if (code === 0) return new Git(stdout.replace(/\n$/, ""));
    throw new KrunnerError(
      `Cannot release "${dir}": git finds no checkout there (${
        lastLine(stderr)
      }); a release is made from a commit`,
    );
  }

  /** A file of this project's own in the checkout's Git folder. */
  async privatePath(name: string): Promise<string> {
    const path = await this.#must("rev-parse", "--git-path", `krunner/${name}`);
    return path.startsWith("/") ? path : `${this.top}/${path}`;
  }

  /**
   * The id of the commit that is checked out.
   *
   * @throws {KrunnerError} If there is none.
   */
  async head(): Promise<string> {
    const id = await this.#may("rev-parse", "--verify", "--quiet", "HEAD");
    if (id !== undefined) return id;
    throw new KrunnerError(
      `Cannot release from "${this.top}": there is no commit yet; a release is made from one`,
    );
  }

  /** Id, parent and subject of the commit that is checked out. */
  async headCommit(): Promise<{ id: string; parent: string; subject: string }> {
    const text = await this.#must("log", "-1", "--format=%H%n%P%n%s");
    const [id = "", parent = "", subject = ""] = text.split("\n");
    return { id, parent, subject };
  }

  /** The branch that is checked out; `undefined` where a commit is. */
  async branch(): Promise<string | undefined> {
    return await this.#may("symbolic-ref", "--short", "--quiet", "HEAD");
  }

  /**
   * The branches that releases are made from: the remote's default, else `main`
   * and `master`.
   */
  async defaultBranches(): Promise<string[]> {
    const remote = await this.#may(
      ...["symbolic-ref", "--short", "--quiet", "refs/remotes/origin/HEAD"],
    );
    return remote === undefined
      ? ["main", "master"]
      : [remote.replace(/^origin\//, "")];
  }

  /** Paths below the top of all that is not committed, untracked files included. */
  async changes(): Promise<string[]> {
    const { stdout } = await this.#run(
      ...["status", "--porcelain=v1", "-z", "--untracked-files=all"],
      "--no-renames",
    );
    return stdout.split("\0").filter((entry) => entry !== "")
      .map((entry) => entry.slice(3));
  }

  /** Paths below the top of the files in a folder that git is told to ignore. */
  async ignored(below: string): Promise<string[]> {
    const { stdout } = await this.#run(
      ...["ls-files", "--others", "--ignored", "--exclude-standard", "-z"],
      ...["--", below === "" ? "." : below],
    );
    return stdout.split("\0").filter((path) => path !== "");
  }

  /** Paths below the top of the changes to files that git knows. */
  async trackedChanges(): Promise<string[]> {
    const { stdout } = await this.#run("diff", "--name-only", "-z", "HEAD");
    return stdout.split("\0").filter((path) => path !== "");
  }

  /** Whether commits before some one are left out. */
  async isShallow(): Promise<boolean> {
    return await this.#must("rev-parse", "--is-shallow-repository") === "true";
  }

  /** Names of all tags. */
  async tags(): Promise<string[]> {
    const text = await this.#must("tag", "--list");
    return text.split("\n").filter((tag) => tag !== "");
  }

  /** The commit that a tag is on; `undefined` where there is no such tag. */
  async tagged(tag: string): Promise<string | undefined> {
    return await this.#may(
      ...["rev-parse", "--verify", "--quiet", `refs/tags/${tag}^{commit}`],
    );
  }

  /** @throws {KrunnerError} If git would take it for no tag's name. */
  async requireTagName(tag: string): Promise<void> {
    const { code } = await capture(
      ["git", "check-ref-format", `refs/tags/${tag}`],
      { cwd: this.top },
    );
    if (code === 0 && !tag.startsWith("-")) return;
    throw new KrunnerError(
      `Cannot use "--tag=${tag}": git takes it for no tag's name; give one like "1.2.3"`,
    );
  }

  /**
   * Who commits: `name <mail>`.
   *
   * @throws {KrunnerError} If git does not know that.
   */
  async identity(): Promise<string> {
    const ident = await this.#may("var", "GIT_COMMITTER_IDENT");
    if (ident !== undefined) return ident.replace(/ \d+ [-+]\d+$/, "");
    throw new KrunnerError(
      'Cannot commit: git does not know who you are; run "git config user.name" and "git config user.email" with a value each',
    );
  }

  /** Commits these files, and nothing else. */
  async commit(paths: readonly string[], message: string): Promise<void> {
    await this.#must("add", "--", ...paths);
    await this.#must("commit", "--quiet", "-m", message, "--", ...paths);
  }

  /** Makes an annotated tag on what is checked out. */
  async tag(name: string, message: string): Promise<void> {
    await this.#must("tag", "--annotate", "-m", message, "--", name);
  }

  async #run(...args: string[]): Promise<Captured> {
    const result = await capture(["git", ...args], { cwd: this.top });
    if (result.code === 0) return result;
    throw new KrunnerError(
      `Cannot run "git ${args.join(" ")}" in "${this.top}": ${
        lastLine(result.stderr) || `exit code ${result.code}`
      }`,
    );
  }

  async #must(...args: string[]): Promise<string> {
    return (await this.#run(...args)).stdout.replace(/\n$/, "");
  }

  async #may(...args: string[]): Promise<string | undefined> {
    const { code, stdout } = await capture(["git", ...args], { cwd: this.top });
    return code === 0 && stdout !== "" ? stdout.replace(/\n$/, "") : undefined;
  }
}

/** The last line of what a program printed. */
export function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)?.trim() ?? "";
}
