/**
 * Checkouts with one tiny family that `release.ts` can release for real.
 *
 * @module
 */

import { type Laboratory, must, type Outcome, run } from "./engine_fixture.ts";
import { LOGIN } from "./package_index.ts";
import { writeFiles } from "./package_fixture.ts";
import { BARE, HOSTILE, PYTHON } from "./probe_fixture.ts";

const ROOT = new URL("../", import.meta.url);
const ARCH = Deno.build.arch;

/** The files of a family with one distro version, whose name is in no other. */
function familyFiles(base: string, name: string): Record<string, string> {
  return {
    [`krunner-env.${name}.dockerfile`]: `ARG BASE_IMAGE
FROM \${BASE_IMAGE}
COPY python /opt/backend.ai/bin/python
COPY bare hostile note /opt/backend.ai/
COPY ttyd_linux.${ARCH}.bin /opt/backend.ai/bin/ttyd
COPY licenses /opt/backend.ai/licenses
RUN cd /opt/backend.ai && chmod 755 bin/python bin/ttyd && ln -s python bin/python3 && \\
  mkdir -p lib/python3.11/site-packages/ai/backend/kernel lib/python3.11/site-packages/ai/backend/helpers
LABEL ai.backend.krunner.version=3
`,
    "krunner.json": JSON.stringify({ [name]: { base } }),
    "python": PYTHON,
    "bare": JSON.stringify(BARE),
    "hostile": JSON.stringify(HOSTILE),
    "note": "one\n",
    "licenses/one": "MIT\n",
    "LICENSE": "MIT\n",
    "versions.txt": `${name}\n`,
    "__init__.py": "__version__ = '0.1.0'\n",
    "plugin.py": "async def init(config):\n    assert config == {}\n",
    [`ttyd_linux.${ARCH}.bin`]: "#!/bin/sh\necho ttyd\n",
  };
}

/** A checkout with a family. */
export class ReleaseCheckout {
  /** The checkout's top. */
  readonly top: string;
  /** The family's one distro version. */
  readonly name: string;
  readonly #laboratory: Laboratory;

  private constructor(laboratory: Laboratory, top: string, name: string) {
    this.#laboratory = laboratory;
    this.top = top;
    this.name = name;
  }

  /** Makes one; all is committed. */
  static async make(laboratory: Laboratory): Promise<ReleaseCheckout> {
    const name = `demo-${crypto.randomUUID().slice(0, 8)}`;
    const top = await Deno.makeTempDir({ dir: laboratory.root });
    const checkout = new ReleaseCheckout(laboratory, top, name);
    await Deno.mkdir(checkout.dir, { recursive: true });
    writeFiles(checkout.dir, familyFiles(laboratory.base, name));
    await checkout.git("init", "--quiet", "--initial-branch=main");
    await checkout.git("config", "user.name", "Nobody");
    await checkout.git("config", "user.email", "nobody@localhost");
    await checkout.git("add", "--all");
    await checkout.commit("begin");
    return checkout;
  }

  /** A copy, outputs included. */
  async copy(): Promise<ReleaseCheckout> {
    const top = await Deno.makeTempDir({ dir: this.#laboratory.root });
    await must(["cp", "-a", `${this.top}/.`, top]);
    return new ReleaseCheckout(this.#laboratory, top, this.name);
  }

  /** The package directory. */
  get dir(): string {
    return `${this.top}/families/demo`;
  }

  /** Names of the wheel and the sdist of a version. */
  files(version: string): [wheel: string, sdist: string] {
    const stem = `backend_ai_krunner_demo-${version}`;
    const tags = ["manylinux2014", "musllinux_1_1", "macosx_11_0"]
      .map((tag) =>
        `${tag}_${
          tag.startsWith("macosx") && ARCH === "aarch64" ? "arm64" : ARCH
        }`
      );
    return [`${stem}-py3-none-${tags.join(".")}.whl`, `${stem}.tar.gz`];
  }

  /** The text of a file in the package directory. */
  async read(name: string): Promise<string> {
    return await Deno.readTextFile(`${this.dir}/${name}`);
  }

  /** Replaces text in a file of the package directory. */
  async replace(name: string, old: string, fresh: string): Promise<void> {
    const text = await this.read(name);
    await Deno.writeTextFile(`${this.dir}/${name}`, text.replace(old, fresh));
  }

  /** Runs git there; gives its stdout. */
  async git(...args: string[]): Promise<string> {
    return await must(["git", ...args], { cwd: this.top });
  }

  /** Commits the changes to all files that git knows. */
  async commit(message: string): Promise<void> {
    await this.git("commit", "--quiet", "--all", "-m", message);
  }

  /** The command line of a release. */
  argv(args: readonly string[], script = "release"): string[] {
    const flags = script === "release" ? ["-P=release", "--no-prompt"] : ["-A"];
    return [
      ...[Deno.execPath(), "run", "-q", ...flags],
      new URL(`${script}.ts`, ROOT).pathname,
      ...["--dir", this.dir],
      ...args,
    ];
  }

  /** Where and with what a release runs. */
  get surroundings(): { cwd: string; env: Record<string, string> } {
    return {
      cwd: this.top,
      env: {
        ...this.#laboratory.env,
        HOME: this.#laboratory.root,
        TWINE_USERNAME: LOGIN.username,
        TWINE_PASSWORD: LOGIN.password,
        // Whoever runs the tests may have others.
        TWINE_REPOSITORY: "pypi",
        TWINE_REPOSITORY_URL: "",
      },
    };
  }

  /** Runs a release to its end. */
  async release(
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<Outcome> {
    const { cwd, env: own } = this.surroundings;
    return await run(this.argv(args), { cwd, env: { ...own, ...env } });
  }

  /** Runs another script. */
  async script(name: string, ...args: string[]): Promise<Outcome> {
    return await run(this.argv(args, name), this.surroundings);
  }
}
