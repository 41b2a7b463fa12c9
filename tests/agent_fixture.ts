/**
 * What an agent does with an installed krunner package, step by step.
 *
 * @module
 */

import { must, run } from "./engine_fixture.ts";

const ARCH = Deno.build.arch;

/** What a new agent does at its start, up to the engine's part. */
const AGENT = `
import asyncio, importlib.metadata, importlib.resources, json, platform

def agent():
    for entry_point in importlib.metadata.entry_points(group="backendai_krunner_v10"):
        plugin = entry_point.load()
        asyncio.run(plugin.init({}))
        files = importlib.resources.files("ai.backend.krunner." + entry_point.name)
        for distro in files.joinpath("versions.txt").read_text().splitlines():
            text = files.joinpath("krunner-version." + distro + ".txt").read_text()
            python = files.joinpath("krunner-python." + distro + ".txt").read_text()
            name = "krunner-env." + distro + "." + platform.machine() + ".tar.xz"
            yield {
                "distro": distro,
                "version": int(text.strip()),
                "python": python.strip(),
                "archive": str(files.joinpath(name)),
            }

print(json.dumps(list(agent())))`;

/** The agent's extractor script, with BusyBox's own names. */
const EXTRACT = `rm -rf /root/volume/*
busybox tar xJf /root/archive.tar.xz -C /root/volume/
echo "$KRUNNER_VERSION" > /root/volume/VERSION`;

/** An installed package's volume, as the agent sees it. */
export interface Provided {
  readonly distro: string;
  readonly version: number;
  readonly python: string;
  readonly archive: string;
}

/** The volumes that an agent finds which runs with this Python. */
export async function askAgent(python: string): Promise<Provided[]> {
  return JSON.parse(await must([python, "-c", AGENT]));
}

/**
 * Does what the agent does to have a volume, and starts a container of the image
 * with it; gives what its `VERSION` and its Python say.
 */
export async function startContainer(
  provided: Provided,
  image: string,
): Promise<string> {
  const { version, distro, archive } = provided;
  const volume = `backendai-krunner.v${version}.${ARCH}.${distro}`;
  const base = ["docker", "run", "--rm", "--network=none"];
  await must(["docker", "volume", "create", volume]);
  try {
    await must([
      ...base,
      ...["--volume", `${archive}:/root/archive.tar.xz:ro`],
      ...["--volume", `${volume}:/root/volume`],
      ...["--env", `KRUNNER_VERSION=${version}`],
      ...[image, "sh", "-c", EXTRACT],
    ]);
    return await must([
      ...[...base, "--volume", `${volume}:/opt/backend.ai:ro`],
      ...[image, "sh", "-c"],
      "cat /opt/backend.ai/VERSION; /opt/backend.ai/bin/python",
    ]);
  } finally {
    await run(["docker", "volume", "rm", "--force", volume]);
  }
}
