/**
 * The wheel and the sdist of three archives of 30 MB: `wheel.ts` against
 * `python3 setup.py sdist bdist_wheel`, as upstream makes them, on the same
 * package directory.
 *
 * @module
 */

import { writeFiles } from "../tests/package_fixture.ts";
import { MODULES, writeBuilt } from "../tests/wheel_fixture.ts";
import {
  bar,
  compare,
  durations,
  fact,
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
const SIZE = 30_000_000;
const ROUNDS = 5;

/** Upstream's, cut to what matters here. */
const SETUP = `from setuptools import setup, find_namespace_packages

setup(
    name="backend.ai-krunner-bench",
    version="1.4.0rc3",
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

/** A project as upstream's; gives its package directory. */
async function writeProject(root: string): Promise<string> {
  const below = "src/ai/backend/krunner/bench";
  const dir = `${root}/${below}`;
  await Deno.mkdir(dir, { recursive: true });
  for (const name of NAMES) {
    await writeBuilt(dir, name, "x86_64", randomBytes(SIZE));
  }
  writeFiles(root, {
    "setup.py": SETUP,
    "MANIFEST.in": `include ${below}/*\n`,
  });
  writeFiles(dir, {
    ...MODULES,
    "versions.txt": NAMES.map((name) => `${name}\n`).join(""),
  });
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
    const usual = async (...commands: string[]) => {
      // Each time from nothing: what it has copied before, it would keep.
      for (const name of ["build", "dist"]) {
        await Deno.remove(`${root}/${name}`, { recursive: true })
          .catch(() => {});
      }
      return await timed(() =>
        run(["env", "-C", root, PYTHON, "setup.py", ...commands])
      );
    };
    const times = compare(
      await takeTurns(
        ROUNDS,
        () => usual("sdist", "bdist_wheel"),
        () => timed(() => run(argv)),
        signal,
      ),
    );
    // Its sdist carries the archives; upstream's CI makes that where there are none.
    const alone = await usual("bdist_wheel");
    return [
      bar(
        "wheel and sdist of three archives of 30 MB, against setup.py",
        times.ratio,
        ">=",
        10,
        "x faster",
        durations(times),
      ),
      fact("  setup.py bdist_wheel alone", `${(alone / 1000).toFixed(2)} s`),
      bar("  peak memory", await peakMemory(argv), "<", 150, "MB"),
    ];
  });
}
