/**
 * An engine of a test's own beside the host's: one that may be killed.
 *
 * @module
 */

import { eventually, run } from "./engine_fixture.ts";

/** A `dockerd` with its own folders, socket and `containerd`. Needs root. */
export class SecondEngine implements AsyncDisposable {
  /** Variables that make clients use it. */
  readonly env: { readonly DOCKER_HOST: string };
  readonly #root: string;
  readonly #daemon: Deno.ChildProcess;

  private constructor(root: string) {
    this.#root = root;
    this.env = { DOCKER_HOST: `unix://${root}/sock` };
    // With "--bridge=none" it removes the interface docker0 at its start: without
    // a network name space of its own, that of the host's engine.
    this.#daemon = new Deno.Command("unshare", {
      args: [
        "--net",
        "dockerd",
        `--data-root=${root}/data`,
        `--exec-root=${root}/exec`,
        `--pidfile=${root}/pid`,
        `--host=${this.env.DOCKER_HOST}`,
        "--bridge=none",
        "--iptables=false",
      ],
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  /** Starts it and waits until it answers. */
  static async start(): Promise<SecondEngine> {
    const engine = new SecondEngine(
      await Deno.makeTempDir({ prefix: "krunner-engine-" }),
    );
    try {
      await eventually(
        "the second engine answers",
        async () => (await run(["docker", "version"], engine)).code === 0,
        30_000,
      );
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
    return engine;
  }

  /** Ends it as a crash would, with everything that it started. */
  async kill(): Promise<void> {
    for (const pid of await this.#processes()) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    await this.#daemon.status;
  }

  /** The daemon, its `containerd` and their helpers: all name its folder. */
  async #processes(): Promise<number[]> {
    const pids: number[] = [];
    for await (const { name } of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const command = await Deno.readTextFile(`/proc/${name}/cmdline`)
        .catch(() => "");
      if (
        /^(dockerd|\S*containerd\S*)$/.test(command.split("\0")[0] ?? "") &&
        command.includes(this.#root)
      ) pids.push(Number(name));
    }
    return pids;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    const mounts = await Deno.readTextFile("/proc/self/mounts");
    const own = mounts.split("\n")
      .map((line) => line.split(" ")[1] ?? "")
      .filter((path) => path.startsWith(this.#root));
    for (const path of own.reverse()) await run(["umount", "--lazy", path]);
    await Deno.remove(this.#root, { recursive: true });
  }
}
