/**
 * The wheel and the sdist of three archives of 30 MB: `wheel.ts` against
 * `python3 setup.py sdist bdist_wheel`, as upstream makes them, on the same
 * package directory.
 *
 * @module
 */

import { formatManifest, type Manifest } from "../lib/manifest.ts";
import { outputNames } from "../lib/package_dir.ts";
import {
  bar,
  compare,
  durations,
  type Row,
  run,
  takeTurns,
  timed,
  withTempDir,
} from "./measure.ts";

/** Debian's own, which has setuptools and wheel from Debian's packages. */
const PYTHON = "/usr/bin/python3";
const WHEEL = new URL("../wheel.ts", import.meta.url).pathname;
const NAMES = ["bench1.0", "bench2.0", "bench3.0"];
const ARCH = "x86_64";
const SIZE = 30_000_000;
const ROUNDS = 3;

/** Upstream's, cut to what matters here. */
const SETUP = `from setuptools import setup, find_namespace_packages

setup(
    name="backend.ai-krunner-bench",
    version="1.0.0",
    description="Three archives",
    package_dir={"": "src"},
    packages=find_namespace_packages(where="src", include="ai.backend.*"),
    include_package_data=True,
    zip_safe=False,
    entry_points={
        "backendai_krunner_v10": ["bench = ai.backend.krunner.bench.plugin"],
    },
)
`;

/** Bytes that do not compress, as those of an archive. */
function randomBytes(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65536));
  }
  return bytes;
}

async function writeVolume(dir: string, distroVersion: string): Promise<void> {
  const names = outputNames(distroVersion, ARCH);
  const bytes = randomBytes(SIZE);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  const sha256 = new Uint8Array(digest).toHex();
  const inputs = { files: {}, sources: {}, args: {} };
  const manifest: Manifest = {
    schema: 1,
    distroVersion,
    family: "bench",
    arch: ARCH,
    volumeVersion: 1,
    python: "3.11",
    archive: {
      file: names.archive,
      sha256,
      size: SIZE,
      unpackedSize: SIZE,
      entries: 1,
      treeSha256: sha256,
      mtime: 0,
    },
    packages: [],
    image: { reference: "bench", id: "sha256:0" },
    inputs,
    firstInputs: inputs,
  };
  await Deno.writeFile(`${dir}/${names.archive}`, bytes);
  const texts = {
    [names.manifest]: formatManifest(manifest),
    [names.spdx]: JSON.stringify({ sha256 }),
    [names.python]: "3.11\n",
    [names.version]: "1\n",
    [`krunner-env.${distroVersion}.dockerfile`]:
      "FROM scratch\nLABEL ai.backend.krunner.version=1\n",
  };
  for (const [name, text] of Object.entries(texts)) {
    await Deno.writeTextFile(`${dir}/${name}`, text);
  }
}

/** A project as upstream's; gives its package directory. */
async function writeProject(root: string): Promise<string> {
  const below = "src/ai/backend/krunner/bench";
  const dir = `${root}/${below}`;
  await Deno.mkdir(dir, { recursive: true });
  for (const name of NAMES) await writeVolume(dir, name);
  const texts = {
    "setup.py": SETUP,
    "MANIFEST.in": `include ${below}/*\n`,
    [`${below}/__init__.py`]: "__version__ = '1.0.0'\n",
    [`${below}/plugin.py`]: "async def init(config):\n    pass\n",
    [`${below}/versions.txt`]: NAMES.map((name) => `${name}\n`).join(""),
  };
  for (const [name, text] of Object.entries(texts)) {
    await Deno.writeTextFile(`${root}/${name}`, text);
  }
  return dir;
}

/** Peak memory in MB of a command, all its processes taken one by one. */
async function peakMemory(argv: readonly string[]): Promise<number> {
  const script = `import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)`;
  const kibibytes = await run([PYTHON, "-c", script, ...argv]);
  return Number(kibibytes) * 1024 / 1e6;
}

/** Measures; the project is made and removed here. */
export async function benchWheel(signal?: AbortSignal): Promise<Row[]> {
  return await withTempDir(async (root) => {
    const dir = await writeProject(root);
    const argv = [
      ...[Deno.execPath(), "run", "-A", WHEEL, "--dir", dir],
      ...["--out", `${root}/dist`, "--quiet"],
    ];
    const usual = async () => {
      // Each time from nothing: what it has copied before, it would keep.
      for (const name of ["build", "dist"]) {
        await Deno.remove(`${root}/${name}`, { recursive: true })
          .catch(() => {});
      }
      return await timed(() =>
        run(["env", "-C", root, PYTHON, "setup.py", "sdist", "bdist_wheel"])
      );
    };
    const times = compare(
      await takeTurns(ROUNDS, usual, () => timed(() => run(argv)), signal),
    );
    return [
      bar(
        "wheel and sdist of three archives of 30 MB, against setup.py",
        times.ratio,
        ">=",
        10,
        "x faster",
        durations(times),
      ),
      bar("  peak memory", await peakMemory(argv), "<", 150, "MB"),
    ];
  });
}
