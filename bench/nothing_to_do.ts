/**
 * Three distro versions with nothing to do: `build.ts` against the sequence of
 * docker commands that upstream's build script runs for the same.
 *
 * The images are tiny and the context holds dockerfiles only, which is kind to the
 * sequence: in a package directory its context would hold the old archives too.
 *
 * @module
 */

import { type Bar, bar, median, run, withTempDir } from "./measure.ts";

const PREFIX = "krunner-bench";
const NAMES = ["bench1.0", "bench2.0", "bench3.0"];
const BUILD = new URL("../build.ts", import.meta.url).pathname;
const ROUNDS = 5;

/** A package directory with three distro versions, each with two stages. */
async function writePackage(dir: string): Promise<void> {
  await Deno.writeTextFile(`${dir}/python`, "#!/bin/sh\necho 3.13\n");
  await Deno.chmod(`${dir}/python`, 0o755);
  const folders = ["kernel", "helpers"].map((name) =>
    `/opt/backend.ai/lib/python3.13/site-packages/ai/backend/${name}`
  );
  await Deno.writeTextFile(
    `${dir}/krunner-python.bench.dockerfile`,
    `FROM ${PREFIX}-base\nCOPY python /opt/backend.ai/bin/python\nRUN mkdir -p ${
      folders.join(" ")
    }\n`,
  );
  for (const name of NAMES) {
    await Deno.writeTextFile(
      `${dir}/krunner-env.${name}.dockerfile`,
      `FROM ${PREFIX}-python:${name}\nRUN head -c 28000000 /dev/urandom > /root/image.tar.xz\nLABEL ai.backend.krunner.version=1\n`,
    );
  }
}

/** A base image of BusyBox alone. */
async function importBase(dir: string): Promise<void> {
  const root = `${dir}/root`;
  await Deno.mkdir(`${root}/bin`, { recursive: true });
  await Deno.mkdir(`${root}/root`);
  await Deno.copyFile("/bin/busybox", `${root}/bin/busybox`);
  for (const applet of ["sh", "mkdir", "head"]) {
    await Deno.symlink("busybox", `${root}/bin/${applet}`);
  }
  const tar = `${dir}/root.tar`;
  await run(["tar", "-C", root, "-cf", tar, "."]);
  await run(["docker", "import", tar, `${PREFIX}-base`]);
}

/** Upstream's steps for one distro version, all layers cached. */
async function upstream(dir: string, out: string, name: string) {
  const env = { DOCKER_BUILDKIT: "0" };
  for (const stage of ["python", "env"]) {
    const owner = stage === "env" ? name : "bench";
    await run(
      [
        "docker",
        "build",
        "-t",
        `${PREFIX}-${stage}:${name}`,
        "-f",
        `${dir}/krunner-${stage}.${owner}.dockerfile`,
        dir,
      ],
      env,
    );
  }
  const image = `${PREFIX}-env:${name}`;
  const container = await run(["docker", "create", image, "sh"]);
  await run(["docker", "cp", `${container}:/root/image.tar.xz`, out]);
  await run(["docker", "inspect", image]);
  await run(["docker", "rm", container]);
}

/** Measures; the package directory is made and removed here. */
export async function benchNothingToDo(): Promise<Bar[]> {
  return await withTempDir(async (scratch) => {
    const dir = `${scratch}/bench`;
    await Deno.mkdir(dir);
    await writePackage(dir);
    await importBase(scratch);
    const ours = [
      Deno.execPath(),
      "run",
      "-A",
      BUILD,
      "--dir",
      dir,
      "--all",
      `--image-prefix=${PREFIX}`,
      "--quiet",
    ];
    const env = { XDG_CACHE_HOME: scratch };
    try {
      await run(ours, env);
      for (const name of NAMES) await upstream(dir, `${scratch}/out`, name);
      const theirs: number[] = [];
      const mine: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        let start = performance.now();
        for (const name of NAMES) {
          await upstream(dir, `${scratch}/out`, name);
        }
        theirs.push(performance.now() - start);
        start = performance.now();
        await run(ours, env);
        mine.push(performance.now() - start);
      }
      const ratio = median(theirs) / median(mine);
      return [
        bar("nothing to do, 3 distro versions", ratio, ">=", 20, "x faster"),
        bar("  build.ts", median(mine) / 1000, "<", 0.3, "s"),
      ];
    } finally {
      const images = NAMES.flatMap((name) => [
        `${PREFIX}-env:${name}`,
        `${PREFIX}-python:${name}`,
      ]);
      await run([
        "docker",
        "image",
        "rm",
        "--force",
        ...images,
        `${PREFIX}-base`,
      ]);
    }
  });
}
