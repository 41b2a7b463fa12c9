/**
 * The Debian family for real: built from its dockerfiles, filled into a volume
 * as the agent does it, and run in the bare base image.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { copyFamily } from "./family_fixture.ts";
import type { CheckReport } from "../lib/verify/finding.ts";
import { digest, eventually, Laboratory, must, run } from "./engine_fixture.ts";
import { SpdxValidator } from "./spdx_validator.ts";
import { assertPings } from "./ttyd_fixture.ts";

const script = (name: string) =>
  new URL(`../${name}.ts`, import.meta.url).pathname;

/** What an agent's extractor runs, with BusyBox's tar and xz. */
const EXTRACTOR =
  'rm -rf /root/volume/*; busybox tar xJf /root/archive.tar.xz -C /root/volume/; echo "$KRUNNER_VERSION" > /root/volume/VERSION';

/** The kernel runner's dependencies, and modules that need a bundled library. */
const IMPORTS =
  "import ssl, sqlite3, zlib, zmq, uvloop, attrs, janus, msgpack, jupyter_client, setproctitle, bz2, ctypes, curses, lzma, readline, uuid";

const PYTHON: Readonly<Record<string, string>> = {
  debian12: "3.11.2",
  debian13: "3.13.5",
};

interface BuiltResult {
  readonly distroVersion: string;
  readonly status: string;
  readonly volumeVersion: number;
  readonly archive: { readonly file: string };
}

/** Fills a new docker volume as the agent does, and returns its name. */
async function fillVolume(
  laboratory: Laboratory,
  { archive, volumeVersion, distroVersion }: BuiltResult,
): Promise<string> {
  const volume = `krunner-test-${laboratory.id}-${distroVersion}`;
  await must([
    "docker",
    "volume",
    "create",
    "--label",
    laboratory.label,
    volume,
  ]);
  await must([
    "docker",
    "run",
    "--rm",
    "--network=none",
    "--env",
    `KRUNNER_VERSION=${volumeVersion}`,
    "--volume",
    `${archive.file}:/root/archive.tar.xz:ro`,
    "--volume",
    `${volume}:/root/volume`,
    laboratory.base,
    "sh",
    "-c",
    EXTRACTOR,
  ]);
  return volume;
}

/** Runs the volume's Python as the agent's containers do. */
async function runPython(
  volume: string,
  image: string,
  code: string,
  flags: readonly string[] = [],
): Promise<string> {
  return await must([
    "docker",
    "run",
    "--rm",
    "--read-only",
    "--network=none",
    "--user=1000:1000",
    "--volume",
    `${volume}:/opt/backend.ai:ro`,
    ...flags,
    image,
    "/opt/backend.ai/bin/python",
    "-s",
    "-c",
    code,
  ]);
}

Deno.test("debian12 and debian13 are built and run in their bare base images", async (t) => {
  await using laboratory = await Laboratory.open();
  const dir = await copyFamily("debian", laboratory.root);
  const deno = (name: string, ...args: string[]) => [
    Deno.execPath(),
    "run",
    "-A",
    script(name),
    ...args,
    "--dir",
    dir,
  ];
  const build = deno("build", "--all", "--json");
  const results: BuiltResult[] = [];

  await t.step("ttyd.ts makes the terminal, proven by its pings", async () => {
    const { code, stdout, stderr } = await run(
      deno("ttyd", "--recipe=modern", `--arch=${Deno.build.arch}`),
    );
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /ttyd 1\.7\.7 .* pings at \d+, \d+, \d+ s /);
  });

  await t.step("build.ts --all builds both", async () => {
    const { code, stdout, stderr } = await run(build);
    assertEquals(code, 0, stderr);
    results.push(
      ...stdout.trim().split("\n").map((line): BuiltResult => JSON.parse(line)),
    );
    assertEquals(
      results.map(({ distroVersion, status }) => [distroVersion, status])
        .sort(),
      [["debian12", "built"], ["debian13", "built"]],
    );
  });

  for (const result of results) {
    const { distroVersion } = result;
    const python = PYTHON[distroVersion] ?? "";
    await t.step(
      `${distroVersion}: version files and manifest agree`,
      async () => {
        const read = (name: string) => Deno.readTextFile(`${dir}/${name}`);
        const manifest = JSON.parse(
          await read(`krunner-env.${distroVersion}.${Deno.build.arch}.json`),
        );
        const minor = python.split(".").slice(0, 2).join(".");
        assertEquals(
          await read(`krunner-python.${distroVersion}.txt`),
          `${minor}\n`,
        );
        assertEquals(
          await read(`krunner-version.${distroVersion}.txt`),
          `${manifest.volumeVersion}\n`,
        );
        assertEquals(manifest.python, minor);
        const binary = `ttyd_linux.${Deno.build.arch}.bin`;
        const { proof, ...terminal } = manifest.ttyd;
        assertEquals(terminal, {
          sha256: await digest(`${dir}/${binary}`),
          recipe: "modern",
        });
        assertPings(proof);
      },
    );

    await t.step(`${distroVersion}: runs in the bare base image`, async () => {
      const manifest = JSON.parse(
        await Deno.readTextFile(
          `${dir}/krunner-env.${distroVersion}.${Deno.build.arch}.json`,
        ),
      );
      const volume = await fillVolume(laboratory, result);
      try {
        const code =
          `${IMPORTS}\nimport sys\nprint(sys.version.split()[0], ssl.OPENSSL_VERSION_INFO[0])`;
        for (
          const flags of [
            [],
            ["--env", "LD_LIBRARY_PATH=/opt/backend.ai/lib"],
          ]
        ) {
          assertEquals(
            await runPython(volume, manifest.base.reference, code, flags),
            `${python} 3`,
          );
        }
      } finally {
        // The engine lets go of a volume a moment after its container.
        await eventually(
          `${volume} is removed`,
          async () =>
            (await run(["docker", "volume", "rm", volume])).code === 0,
        );
      }
    });
  }

  await t.step(
    "verify.ts finds nothing wrong, beside the release's own Python too",
    async () => {
      // The wheels stage's image has Debian's Python of the same minor version.
      for (const { distroVersion } of results) {
        const outcome = await run(
          deno(
            "verify",
            distroVersion,
            "--json",
            "--image",
            `lablup/backendai-krunner-wheels:${distroVersion}`,
          ),
        );
        assertEquals(outcome.code, 0, outcome.stdout);
        const { reports } = JSON.parse(outcome.stdout);
        assertEquals(
          reports.map(({ check, findings }: CheckReport) => [check, findings]),
          [
            ["contract", []],
            ["safety", []],
            ["linkage", []],
            ["extractor", []],
            ["bare image", []],
            ["hostile environment", []],
            ["ttyd", []],
            ["bare image", []],
            ["hostile environment", []],
          ],
        );
        // The one in the image with its own Python was done in full.
        assertEquals(reports.at(-1).skipped, undefined);
      }
    },
  );

  await t.step(
    "the SPDX project's library accepts what is said of the packages",
    async () => {
      const validator = await SpdxValidator.make(laboratory);
      for (const { distroVersion } of results) {
        const { code, stderr } = await validator.validate(
          `${dir}/krunner-env.${distroVersion}.${Deno.build.arch}.spdx.json`,
        );
        assertEquals(code, 0, stderr);
      }
    },
  );

  await t.step("a second call finds both up to date", async () => {
    const { code, stdout } = await run(build);
    assertEquals(code, 0);
    const statuses = stdout.trim().split("\n").map((line) =>
      JSON.parse(line).status
    );
    assertEquals(statuses, ["up-to-date", "up-to-date"]);
  });

  await t.step(
    "bump.ts raises both labels, and finds a forgotten bump",
    async () => {
      const [{ volumeVersion }] = results as [BuiltResult];
      await must(deno("bump", "volume", "--all"));
      await must(deno("bump", "check"));
      await must(deno("build", "debian12"));
      assertEquals(
        await Deno.readTextFile(`${dir}/krunner-version.debian12.txt`),
        `${volumeVersion + 1}\n`,
      );
      await must(deno("bump", "check"));
      const wheels = `${dir}/krunner-wheels.debian.dockerfile`;
      await Deno.writeTextFile(wheels, "\n# Another input\n", { append: true });
      const { code, stdout } = await run(deno("bump", "check", "debian12"));
      assertEquals(code, 1);
      assertMatch(stdout, /krunner-wheels\.debian\.dockerfile/);
    },
  );
});
