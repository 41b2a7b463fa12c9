/**
 * Made-up checkouts in the layout and with the conventions of upstream's krunner
 * repositories. The dockerfiles do in miniature, on BusyBox, what upstream's do;
 * the Python in the volumes is the script of `probe_fixture.ts`.
 *
 * @module
 */

import { type Laboratory, must, type Outcome, run } from "./engine_fixture.ts";
import { writeFiles } from "./package_fixture.ts";
import { BARE, HOSTILE, PYTHON } from "./probe_fixture.ts";

const SCRIPTS = new URL("../", import.meta.url).pathname;

/** Where upstream has its packages. */
const PACKAGES = "src/ai/backend/krunner";

/** What stands around every package. */
function repositoryFiles(name: string): Record<string, string> {
  return {
    "setup.py": "from setuptools import setup\n\nsetup()\n",
    "setup.cfg":
      `[metadata]\nname = backend.ai-krunner-${name}\nversion = attr: ai.backend.krunner.${name}.__version__\n`,
    "MANIFEST.in": `include ${PACKAGES}/${name}/*\n`,
    "README.md": `# backend.ai-krunner-${name}\n`,
    "scripts/build.py": "raise SystemExit('not this one')\n",
    // Upstream's keeps `lib/`, `build/` and `wheels/` out.
    ".gitignore":
      `__pycache__/\nbuild/\nlib/\nwheels/\n*.log\n/${PACKAGES}/${name}/*.tar\n`,
  };
}

const PLUGIN =
  "from typing import Any, Mapping\n\n\nasync def init(config: Mapping[str, Any]) -> None:\n    pass\n";

/** What a volume's script needs in place of a standard library. */
const ANSWERS = {
  "answers/bare": JSON.stringify(BARE),
  "answers/hostile": JSON.stringify(HOSTILE),
  "answers/python": PYTHON,
};

/** The folders that the agent mounts on, as upstream's env stages make them. */
const MOUNT_FOLDERS = `# folders for more mounts of the agent
RUN MM="$(echo $PYTHON_VERSION | cut -d. -f1).$(echo $PYTHON_VERSION | cut -d. -f2)" && \\
    mkdir -p "\${PREFIX}/lib/python\${MM}/site-packages/ai/backend/kernel" && \\
    mkdir -p "\${PREFIX}/lib/python\${MM}/site-packages/ai/backend/helpers"
`;

/** The python stage of the first packages: tabs, comments in between, old ENV. */
export function earlyPython(base: string): string {
  return `FROM ${base}

ARG PREFIX=/opt/backend.ai

ENV PATH=\${PREFIX}/bin:$PATH
ENV LANG=C.UTF-8
ENV PYTHON_VERSION 3.11.2

RUN mkdir -p \${PREFIX}/bin
COPY answers/python \${PREFIX}/bin/python3
COPY answers/bare answers/hostile \${PREFIX}/
RUN set -ex \\
\t&& chmod 755 \${PREFIX}/bin/python3 \\
\t\\
# as of some release
\t&& chmod 644 \${PREFIX}/bare \${PREFIX}/hostile

# names that people expect
RUN cd \${PREFIX}/bin \\
\t&& ln -s python3 python

CMD ["python3"]

# vim: ft=dockerfile
`;
}

/** The env stage of the first packages: one arch, no wheels, no licences. */
export function earlyEnv(distroVersion: string, version: number): string {
  return `FROM lablup/backendai-krunner-python:${distroVersion}

ARG PREFIX=/opt/backend.ai

COPY requirements.txt /root/

${MOUNT_FOLDERS}
COPY ttyd_linux.x86_64.bin \${PREFIX}/bin/ttyd
RUN chmod +x \${PREFIX}/bin/ttyd

# Build the image archive
RUN cd \${PREFIX}; \\
    tar cf /root/image.tar ./*

LABEL ai.backend.krunner.version=${version}
CMD ["\${PREFIX}/bin/python"]

# vim: ft=dockerfile
`;
}

/** The files of a later package: wheels, arches, licences, absolute links. */
function lateFiles(
  distroVersion: string,
  base: string,
  python: string,
): Record<string, string> {
  return {
    [`krunner-wheels.${distroVersion}.dockerfile`]: `ARG ARCH=x86_64
FROM --platform=linux/\${ARCH} ${base}

COPY requirements.txt /root/

RUN set -ex \\
    && cd /root \\
    && mkdir wheels \\
    && echo wheel > wheels/one-1.0-py3-none-any.whl

# vim: ft=dockerfile
`,
    [`krunner-python.${distroVersion}.dockerfile`]: python,
    [`krunner-env.${distroVersion}.dockerfile`]: `
ARG ARCH=x86_64
FROM --platform=linux/\${ARCH} lablup/backendai-krunner-wheels:${distroVersion} AS wheels

ARG ARCH
FROM --platform=linux/\${ARCH} lablup/backendai-krunner-python:${distroVersion}

ARG PREFIX=/opt/backend.ai
ARG ARCH

COPY --from=wheels /root/wheels/* /root/wheels/
COPY requirements.txt /root/
RUN cat /root/wheels/one-1.0-py3-none-any.whl /root/requirements.txt

${MOUNT_FOLDERS}
RUN if test ! -f "\${PREFIX}/bin/python" -a ! -h "\${PREFIX}/bin/python" ; then \\
      ln -s "\${PREFIX}/bin/python3" "\${PREFIX}/bin/python"; \\
    fi

COPY ttyd_linux.\${ARCH}.bin \${PREFIX}/bin/ttyd
COPY licenses/* \${PREFIX}/licenses/wheels/
RUN chmod +x \${PREFIX}/bin/ttyd

# Create the image archive
# (compression is done in the host)
RUN cd \${PREFIX}; \\
    tar cf /root/image.tar ./*

LABEL ai.backend.krunner.version=14
CMD ["\${PREFIX}/bin/python"]

# vim: ft=dockerfile
`,
  };
}

/** The python stage of later packages, with lines of its own in front and behind. */
export function latePython(base: string, head = "", tail = ""): string {
  return `${head}ARG ARCH=x86_64
FROM --platform=linux/\${ARCH} ${base}

ARG PREFIX=/opt/backend.ai
ARG ARCH=x86_64

ENV PATH=\${PREFIX}/bin:$PATH \\
    PYTHON_VERSION=3.11.2 \\
    LANG=C.UTF-8

COPY answers/python \${PREFIX}/bin/python3
COPY answers/bare answers/hostile \${PREFIX}/
RUN chmod 755 \${PREFIX}/bin/python3 && chmod 644 \${PREFIX}/bare \${PREFIX}/hostile
${tail}

# vim: ft=dockerfile tw=0
`;
}

/** A pointer of Git LFS. */
export const LFS_POINTER = `version https://git-lfs.github.com/spec/v1
oid sha256:${"0123456789abcdef".repeat(4)}
size 36433140
`;

/** The files of a package like upstream's first ones. */
export function earlyPackage(
  base: string,
  distroVersions: readonly string[],
  listed: readonly string[] = distroVersions,
): Record<string, string> {
  const files: Record<string, string> = {
    "__init__.py": "__version__ = '3.5.0'\n",
    "plugin.py": PLUGIN,
    "versions.txt": listed.map((name) => `${name}\n`).join(""),
    "requirements.txt": "pyzmq~=20.0\nuvloop~=0.14\n",
    "ttyd_linux.x86_64.bin": "#!/bin/sh\necho ttyd\n",
    ...ANSWERS,
  };
  for (const name of distroVersions) {
    files[`krunner-python.${name}.dockerfile`] = earlyPython(base);
    files[`krunner-env.${name}.dockerfile`] = earlyEnv(name, 6);
    files[`krunner-python.${name}.txt`] = "3.11";
  }
  return files;
}

/** The files of a package like upstream's later ones. */
export function latePackage(
  base: string,
  distroVersion: string,
  python = latePython(base),
): Record<string, string> {
  return {
    "__init__.py":
      'from importlib.metadata import version\n\ntry:\n    __version__ = version("backend.ai-krunner-static-gnu")\nexcept ImportError:\n    __version__ = "0.0.0"\n',
    "plugin.py": PLUGIN,
    "versions.txt": `${distroVersion}\n`,
    "requirements.txt": "pyzmq~=26.2\n",
    "ttyd_linux.x86_64.bin": "#!/bin/sh\necho ttyd\n",
    "ttyd_linux.aarch64.bin": "#!/bin/sh\necho ttyd\n",
    "licenses/LICENSE.one.txt": "MIT\n",
    "licenses/LICENSE.two.md": "BSD\n",
    [`krunner-python.${distroVersion}.txt`]: "3.11\n",
    ...ANSWERS,
    ...lateFiles(distroVersion, base, python),
  };
}

/** A checkout on disk, with one commit. */
export class Checkout {
  /** Its top folder. */
  readonly root: string;
  /** Its first package directory. */
  readonly dir: string;
  readonly #env: Record<string, string>;

  private constructor(root: string, name: string, env: Record<string, string>) {
    this.root = root;
    this.dir = `${root}/${PACKAGES}/${name}`;
    this.#env = env;
  }

  /**
   * Makes a checkout.
   *
   * @param packages Files of package directories, by the directory's name
   * @param env Variables of all that runs in it
   */
  static async make(
    parent: string,
    packages: Readonly<Record<string, Readonly<Record<string, string>>>>,
    env: Record<string, string> = {},
  ): Promise<Checkout> {
    const root = await Deno.makeTempDir({ dir: parent, prefix: "a checkout-" });
    const [name = ""] = Object.keys(packages);
    const checkout = new Checkout(root, name, env);
    writeFiles(root, repositoryFiles(name));
    for (const [name, files] of Object.entries(packages)) {
      Deno.mkdirSync(`${root}/${PACKAGES}/${name}`, { recursive: true });
      writeFiles(`${root}/${PACKAGES}/${name}`, files);
    }
    await checkout.git("init", "--quiet");
    await checkout.git("add", "--all");
    await checkout.git("commit", "--quiet", "--message=All");
    return checkout;
  }

  /** As {@linkcode make}, in a laboratory. */
  static async in(
    laboratory: Laboratory,
    packages: Readonly<Record<string, Readonly<Record<string, string>>>>,
  ): Promise<Checkout> {
    return await Checkout.make(laboratory.root, packages, laboratory.env);
  }

  /** Runs git, and returns its stdout. */
  async git(...args: string[]): Promise<string> {
    return await must([
      "git",
      "-c",
      "user.name=a",
      "-c",
      "user.email=a@localhost",
      ...args,
    ], { cwd: this.root });
  }

  /** Names of files that differ from the commit, and of new ones. */
  async changes(): Promise<string[]> {
    const status = await this.git("status", "--short", "--untracked-files=all");
    return status.split("\n").filter((line) => line !== "").map((line) =>
      line.trim().split("/").at(-1) ?? ""
    ).sort();
  }

  /**
   * Runs one of the scripts.
   *
   * @param cwd The working directory; the top folder by default
   */
  async script(
    name: string,
    args: readonly string[],
    { cwd = this.root, env = {} }: {
      cwd?: string;
      env?: Record<string, string>;
    } = {},
  ): Promise<Outcome> {
    return await run(
      [Deno.execPath(), "run", "-q", "-A", `${SCRIPTS}${name}.ts`, ...args],
      { cwd, env: { ...this.#env, ...env } },
    );
  }

  /** The path of a file of the first package. */
  path(name: string): string {
    return `${this.dir}/${name}`;
  }
}
