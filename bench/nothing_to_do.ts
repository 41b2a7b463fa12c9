/**
 * Three distro versions with nothing to do: `build.ts` against the sequence of
 * docker commands that upstream's build script runs for the same.
 *
 * The images are tiny, but for an archive of 28 MB in each, as large as upstream's.
 * The sequence copies it into the package directory, which is also its context:
 * each build sends the old archives along, as it does for upstream.
 *
 * @module
 */

import { LABEL, removeMade } from "./engine.ts";
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

const PREFIX = "krunner-bench-idle";
const NAMES = ["bench1.0", "bench2.0", "bench3.0"];
const BUILD = new URL("../build.ts", import.meta.url).pathname;
const ROUNDS = 9;

/** A package directory with three distro versions, each with two stages. */
async function writePackage(dir: string): Promise<void> {
  await Deno.writeTextFile(`${dir}/python`, "#!/bin/sh\necho 3.13.5\n");
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
async function upstream(dir: string, name: string) {
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
  const container = await run(
    ["docker", "create", "--label", LABEL, image, "sh"],
  );
  const out = `${dir}/krunner-env.${name}.x86_64.tar.xz`;
  await run(["docker", "cp", `${container}:/root/image.tar.xz`, out]);
  await run(["docker", "inspect", image]);
  await run(["docker", "rm", container]);
}

/** Where this Deno keeps modules, whatever `XDG_CACHE_HOME` a child gets. */
async function denoDir(): Promise<string> {
  return JSON.parse(await run([Deno.execPath(), "info", "--json"])).denoDir;
}

/** Measures; the package directory and the images are made and removed here. */
export async function benchNothingToDo(signal?: AbortSignal): Promise<Row[]> {
  return await withTempDir(async (scratch) => {
    const dir = `${scratch}/bench`;
    const usual = `${scratch}/usual`;
    const argv = [
      ...[Deno.execPath(), "run", "-A", BUILD, "--dir", dir, "--all"],
      // A made-up volume passes no check; one that is up to date is not checked.
      ...[`--image-prefix=${PREFIX}`, "--quiet", "--no-verify"],
    ];
    const env = { XDG_CACHE_HOME: scratch, DENO_DIR: await denoDir() };
    const build = async () => {
      await run(argv, env);
    };
    const sequence = async () => {
      for (const name of NAMES) await upstream(usual, name);
    };
    for (const folder of [dir, usual]) {
      await Deno.mkdir(folder);
      await writePackage(folder);
    }
    try {
      await removeMade(PREFIX);
      await importBase(scratch);
      await build();
      await sequence();
      const times = compare(
        await takeTurns(
          ROUNDS,
          () => timed(sequence),
          () => timed(build),
          signal,
        ),
      );
      return [
        bar(
          "nothing to do, 3 distro versions",
          times.ratio,
          ">=",
          20,
          "x faster",
          durations(times),
        ),
        bar("  build.ts", times.ours / 1000, "<", 0.3, "s"),
      ];
    } finally {
      await removeMade(PREFIX);
    }
  });
}
