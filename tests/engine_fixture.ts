/**
 * Made-up families for tests on a real engine: `build.ts` runs as a child
 * process, on images of a few kilobytes above BusyBox, and everything that came
 * of it is found by a label and removed at the end.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/** The label that a laboratory's base image hands down to all that is made of it. */
const LABEL = "ai.backend.krunner.test";

/** Programs of BusyBox that dockerfiles of tests call. */
const APPLETS = [
  "cat",
  "chmod",
  "cut",
  "dd",
  "echo",
  "ln",
  "ls",
  "mkdir",
  "mknod",
  "mv",
  "printf",
  "rm",
  "sh",
  "sleep",
  "tar",
  "touch",
];

/** A family's files where a test has no others. */
const FILES: Readonly<Record<string, string>> = {
  "krunner-python.demo.dockerfile": `ARG BASE_IMAGE
FROM \${BASE_IMAGE}
COPY python /opt/backend.ai/bin/python
RUN cd /opt/backend.ai && mkdir -p lib/python3.11/site-packages/ai/backend/kernel lib/python3.11/site-packages/ai/backend/helpers
`,
  "krunner-env.demo1.0.dockerfile": envDockerfile("", 7),
  "python": "#!/bin/sh\necho 3.11.2\n",
};

/** An env stage on top of the python stage, with `steps` of its own. */
export function envDockerfile(steps: string, version = 1): string {
  return `ARG IMAGE_PREFIX
ARG DISTRO_VERSION
FROM \${IMAGE_PREFIX}-python:\${DISTRO_VERSION}
${steps}
LABEL ai.backend.krunner.version=${version}
`;
}

/** A finished process. */
export interface Outcome {
  /** The exit code. */
  readonly code: number;
  /** All of stdout. */
  readonly stdout: string;
  /** All of stderr. */
  readonly stderr: string;
}

/** What may differ from one call of `build.ts` to another. */
export interface CallOptions {
  /** Variables besides those of the fixture. */
  readonly env?: Readonly<Record<string, string>>;
  /** A command line that the call is put behind, e.g. `["setpriv", …]`. */
  readonly wrapper?: readonly string[];
  /** The script; `build.ts` by default. */
  readonly script?: "build.ts" | "sources.ts";
  /** Whether the volume is judged. */
  readonly verify?: boolean;
  /** Permissions and other flags for Deno; `-A` by default. */
  readonly flags?: readonly string[];
}

/** Runs a program to its end. */
export async function run(
  argv: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Outcome> {
  const [program = "", ...args] = argv;
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    ...options,
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

/** Runs one of the project's scripts with the permissions of its task. */
export async function runScript(
  name: string,
  ...args: string[]
): Promise<Outcome> {
  const deno = [Deno.execPath(), "run", "-q", `-P=${name}`, "--no-prompt"];
  return await run([...deno, `${name}.ts`, ...args], {
    cwd: ROOT.pathname,
    env: { NO_COLOR: "1" },
  });
}

/** Variables that give a script a cache below `folder`, and Deno its usual one. */
export function cacheEnvironment(folder: string): Record<string, string> {
  const caches = Deno.env.get("XDG_CACHE_HOME") ||
    `${Deno.env.get("HOME") ?? ""}/.cache`;
  return {
    XDG_CACHE_HOME: `${folder}/cache`,
    DENO_DIR: Deno.env.get("DENO_DIR") || `${caches}/deno`,
  };
}

/** As {@linkcode run}, for programs that must not fail; returns stdout, trimmed. */
export async function must(
  argv: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  assertEquals(code, 0, `${argv.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** Waits until `holds`, and fails if that takes longer than `limit` milliseconds. */
export async function eventually(
  what: string,
  holds: () => Promise<boolean>,
  limit = 30_000,
): Promise<void> {
  const end = performance.now() + limit;
  while (!await holds()) {
    assert(performance.now() < end, `not in ${limit} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * Milliseconds for the removal of images: one with a whole toolchain has tens of
 * thousands of files, on a disk that others use too.
 */
const REMOVAL_LIMIT = 180_000;

/** A folder, a base image and a name of its own for everything made in it. */
export class Laboratory implements AsyncDisposable {
  /** Part of all names. */
  readonly id = crypto.randomUUID().slice(0, 8);
  /** A temporary folder. */
  readonly root: string;
  /** The base image. */
  readonly base = `krunner-test-base:${this.id}`;
  /** The first part of the images' names. */
  readonly prefix = `krunner-test-${this.id}`;
  #families = 0;

  private constructor(root: string) {
    this.root = root;
  }

  /** Makes the folder and the base image. */
  static async open(): Promise<Laboratory> {
    const laboratory = new Laboratory(
      await Deno.makeTempDir({ prefix: "krunner-test-" }),
    );
    await laboratory.importBase();
    return laboratory;
  }

  /** The label that all images and containers of this laboratory carry. */
  get label(): string {
    return `${LABEL}=${this.id}`;
  }

  /** Makes the base image, in another engine if `env` says so. */
  async importBase(env: Record<string, string> = {}): Promise<void> {
    const tree = `${this.root}/base`;
    const tar = `${this.root}/base.tar`;
    await Deno.mkdir(`${tree}/bin`, { recursive: true });
    await Deno.mkdir(`${tree}/tmp`, { recursive: true });
    await Deno.copyFile("/bin/busybox", `${tree}/bin/busybox`);
    for (const name of APPLETS) {
      await Deno.symlink("busybox", `${tree}/bin/${name}`).catch(() => {});
    }
    await must(["tar", "-C", tree, "-cf", tar, "."]);
    await must(
      ["docker", "import", "-c", `LABEL ${this.label}`, tar, this.base],
      { env },
    );
  }

  /** A new family: `files` beside, in place of, or (where empty) without the usual ones. */
  async family(files: Readonly<Record<string, string>> = {}): Promise<Family> {
    const dir = `${this.root}/${++this.#families}/demo`;
    await Deno.mkdir(dir, { recursive: true });
    const family = new Family(this, dir);
    await family.write({ ...FILES, ...files });
    return family;
  }

  /** A family whose folder is there already. */
  openFamily(dir: string): Family {
    return new Family(this, dir);
  }

  /** The variables that `build.ts` is called with. */
  get env(): Record<string, string> {
    return {
      ...cacheEnvironment(this.root),
      DENO_NO_UPDATE_CHECK: "1",
      KRUNNER_SOURCES: "",
      SOURCE_DATE_EPOCH: "",
    };
  }

  /**
   * Values of PATH by what is first on it: each client that PATH has, and the
   * first of them with nothing but the classic builder.
   */
  async clients(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    const path = Deno.env.get("PATH") ?? "";
    for (const dir of path.split(":")) {
      const real = await Deno.realPath(`${dir}/docker`).catch(() => undefined);
      if (real !== undefined) found[real] ??= `${dir}:${path}`;
    }
    const dir = await this.program(
      "docker",
      `[ "$1" != buildx ] && [ "\${DOCKER_BUILDKIT:-0}" = 0 ] || exit 1
exec ${Object.keys(found)[0]} "$@"`,
    );
    return { ...found, [dir]: `${dir}:${path}` };
  }

  /** A new folder with one program, a shell script. */
  async program(name: string, script: string): Promise<string> {
    const dir = await Deno.makeTempDir({ dir: this.root });
    await Deno.writeTextFile(`${dir}/${name}`, `#!/bin/sh\n${script}\n`);
    await Deno.chmod(`${dir}/${name}`, 0o755);
    return dir;
  }

  /** Ids of all containers made from this laboratory's images. */
  async containers(): Promise<string[]> {
    return await this.#list("ps");
  }

  /**
   * All images made in this laboratory, the base image included: by id where they
   * have its label, by name where they have its prefix.
   */
  async images(): Promise<string[]> {
    // A stage "FROM scratch" has no label. One of a real family comes out of the
    // builder's cache: its id may be that of an image that others have named.
    const named = await must([
      "docker",
      "images",
      "--format={{.Repository}}:{{.Tag}}",
      `--filter=reference=${this.prefix}-*`,
    ]);
    const images = [...named.split("\n"), ...await this.#list("images")];
    return [...new Set(images)].filter((image) => image !== "");
  }

  async #list(command: "ps" | "images"): Promise<string[]> {
    const filter = `label=${this.label}`;
    const ids = await must(["docker", command, "-aq", "--filter", filter]);
    return ids.split("\n").filter((id) => id !== "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const containers = await this.containers();
    if (containers.length > 0) {
      await run(["docker", "rm", "-fv", ...containers]);
    }
    // An image goes after those that are made from it, whose order nobody tells.
    await eventually("all images are removed", async () => {
      const images = await this.images();
      if (images.length > 0) await run(["docker", "rmi", "-f", ...images]);
      return images.length === 0;
    }, REMOVAL_LIMIT);
    await Deno.remove(this.root, { recursive: true });
  }
}

/** One package directory. */
export class Family {
  /** Its folder. */
  readonly dir: string;
  readonly #laboratory: Laboratory;

  /** For {@linkcode Laboratory.family}. */
  constructor(laboratory: Laboratory, dir: string) {
    this.#laboratory = laboratory;
    this.dir = dir;
  }

  /** Writes files, makes them executable, and removes those that are `""`. */
  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      const path = this.path(name);
      if (text === "") {
        await Deno.remove(path).catch(() => {});
        continue;
      }
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), {
        recursive: true,
      });
      await Deno.writeTextFile(path, text);
      await Deno.chmod(path, 0o755);
    }
  }

  /** The path of a file in it. */
  path(name: string): string {
    return `${this.dir}/${name}`;
  }

  /** The text of a file in it. */
  async read(name: string): Promise<string> {
    return await Deno.readTextFile(this.path(name));
  }

  /** Replaces the first `old` in a file by `fresh`. */
  async replace(name: string, old: string, fresh: string): Promise<void> {
    const text = await this.read(name);
    assert(text.includes(old), `no "${old}" in ${text}`);
    await Deno.writeTextFile(this.path(name), text.replace(old, fresh));
  }

  /** Another package directory with the same files, outputs included. */
  async copy(): Promise<Family> {
    const parent = await Deno.makeTempDir({ dir: this.#laboratory.root });
    await must(["cp", "-a", this.dir, parent]);
    return new Family(this.#laboratory, `${parent}/demo`);
  }

  /** Names of all files and folders in it, the hidden ones included, sorted. */
  async list(): Promise<string[]> {
    const names = await Array.fromAsync(Deno.readDir(this.dir));
    return names.map(({ name }) => name).sort();
  }

  /** Names of what builds leave there, with digests of the files. */
  async outputs(): Promise<Record<string, string>> {
    const names = (await this.list()).filter((name) =>
      /\.(xz|json|txt|tmp|new|old)$/.test(name)
    );
    return Object.fromEntries(
      await Promise.all(
        names.map(async (name) => [name, await digest(this.path(name))]),
      ),
    );
  }

  /** The command line of a build. */
  argv(args: readonly string[], options: CallOptions = {}): string[] {
    const { prefix, base } = this.#laboratory;
    const { script = "build.ts" } = options;
    return [
      ...options.wrapper ?? [],
      Deno.execPath(),
      "run",
      "-q",
      ...options.flags ?? ["-A"],
      new URL(script, ROOT).pathname,
      `--dir=${this.dir}`,
      `--image-prefix=${prefix}`,
      // These volumes are no good: their Python is a shell script.
      ...options.verify || script !== "build.ts" ? [] : ["--no-verify"],
      ...args.some((arg) => arg.startsWith("--base-image"))
        ? []
        : [`--base-image=${base}`],
      ...args,
    ];
  }

  /** Runs a build to its end. */
  async build(
    args: readonly string[] = ["demo1.0"],
    options: CallOptions = {},
  ): Promise<Outcome> {
    return await run(this.argv(args, options), this.#surroundings(options));
  }

  /** Runs a build that must succeed. */
  async built(
    args: readonly string[] = ["demo1.0"],
    options: CallOptions = {},
  ): Promise<Outcome> {
    const outcome = await this.build(args, options);
    assertEquals(outcome.code, 0, outcome.stderr);
    return outcome;
  }

  /** Starts a build. */
  start(
    args: readonly string[] = ["demo1.0"],
    options: CallOptions = {},
  ): RunningBuild {
    const [program = "", ...rest] = this.argv(args, options);
    const child = new Deno.Command(program, {
      args: rest,
      ...this.#surroundings(options),
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new RunningBuild(child);
  }

  #surroundings({ env = {} }: CallOptions) {
    return { cwd: ROOT.pathname, env: { ...this.#laboratory.env, ...env } };
  }
}

/** A build whose stderr can be waited for. */
export class RunningBuild {
  /** The process. */
  readonly child: Deno.ChildProcess;
  /** How it ended. */
  readonly outcome: Promise<Outcome>;
  #stderr = "";

  /** Takes over the child's pipes. */
  constructor(child: Deno.ChildProcess) {
    this.child = child;
    this.outcome = this.#collect();
  }

  async #collect(): Promise<Outcome> {
    const readStderr = async () => {
      const decoder = new TextDecoder();
      for await (const chunk of this.child.stderr) {
        this.#stderr += decoder.decode(chunk, { stream: true });
      }
    };
    const [{ code }, stdout] = await Promise.all([
      this.child.status,
      new Response(this.child.stdout).text(),
      readStderr(),
    ]);
    return { code, stdout, stderr: this.#stderr };
  }

  /** Waits for a line of stderr. */
  async saw(line: RegExp): Promise<void> {
    await eventually(
      `${line} in ${JSON.stringify(this.#stderr)}`,
      () => Promise.resolve(line.test(this.#stderr)),
      20_000,
    );
  }
}

/** SHA-256 of a file, in hexadecimal. */
export async function digest(path: string): Promise<string> {
  const bytes = await Deno.readFile(path);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/**
 * Checks that a build ended with an exit code and one message for a person.
 *
 * @returns The message, without `error: `.
 */
export function assertFailure(outcome: Outcome, code: number): string {
  const { stderr } = outcome;
  assertEquals(outcome.code, code, stderr);
  assert(!/This is a bug|^\s+at .*:\d+:\d+|Uncaught/m.test(stderr), stderr);
  const messages = stderr.match(/^error: .*$/gm) ?? [];
  assertEquals(messages.length, 1, stderr);
  const message = messages[0]!.slice("error: ".length);
  assert(/^["A-Z]/.test(message) && !message.endsWith("."), message);
  return message;
}
