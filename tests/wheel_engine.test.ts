/**
 * Wheels and sdists in the hands of those who get them: twine, pip, and what an
 * agent does with the installed package, on a real engine.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { askAgent, startContainer } from "./agent_fixture.ts";
import { Laboratory, must, run } from "./engine_fixture.ts";
import { writeFiles } from "./package_fixture.ts";
import { tarOf } from "./tar_builder.ts";
import { pack } from "./volume_fixture.ts";
import { writeBuilt } from "./wheel_fixture.ts";

const ROOT = new URL("../", import.meta.url);
const ARCH = Deno.build.arch;
const OTHER = ARCH === "x86_64" ? "aarch64" : "x86_64";

/** Debian's own programs: others may be first on PATH. */
const PYTHON = "/usr/bin/python3";
const TWINE = "/usr/bin/twine";

let laboratory: Laboratory;
Deno.test.beforeAll(async () => {
  laboratory = await Laboratory.open();
});
Deno.test.afterAll(async () => {
  await laboratory[Symbol.asyncDispose]();
});

/** A family with two distro versions, whose names are in no other. */
async function makeFamily(): Promise<{ dir: string; names: string[] }> {
  const dir = `${laboratory.root}/${crypto.randomUUID()}/static_demo`;
  await Deno.mkdir(dir, { recursive: true });
  const names = ["1", "2"].map((n) => `demo${n}-${laboratory.id}`);
  for (const name of names) {
    const archive = await pack(tarOf([
      { name: "./" },
      { name: "./bin/" },
      { name: "./bin/python", mode: 0o755, content: `#!/bin/sh\necho ${name}` },
    ]));
    await writeBuilt(dir, name, ARCH, archive);
    await writeBuilt(dir, name, OTHER, archive);
  }
  writeFiles(dir, {
    "__init__.py": "__version__ = '2.0.0-rc.1'\n",
    "plugin.py": "async def init(config):\n    assert config == {}\n",
    "versions.txt": names.map((name) => `${name}\n`).join(""),
    "LICENSE": "MIT\n",
    [`ttyd_linux.${ARCH}.bin`]: "ttyd",
  });
  return { dir, names };
}

/** Runs `wheel.ts` with its task's permissions; gives the paths by arch. */
async function makeWheels(dir: string, out: string) {
  const lines = await must([
    ...[Deno.execPath(), "run", "-q", "-P=wheel", "--no-prompt", "wheel.ts"],
    ...["--dir", dir, "--out", out, "--json"],
  ], { cwd: ROOT.pathname, env: laboratory.env });
  const made: { arch: string | null; path: string }[] = lines.split("\n").map(
    (line) => JSON.parse(line),
  );
  const pathOf = (arch: string | null) =>
    made.find((it) => it.arch === arch)?.path ?? "";
  return { wheel: pathOf(ARCH), foreign: pathOf(OTHER), sdist: pathOf(null) };
}

/** The tags that a wheel's file name compresses. */
function tagsOf(path: string): string[] {
  const [python, abi, platforms = ""] = path.replace(/\.whl$/, "")
    .split("-").slice(-3);
  return platforms.split(".").map((it) => `${python}-${abi}-${it}`);
}

Deno.test("twine, pip and an agent take what wheel.ts makes", async (t) => {
  const { dir, names } = await makeFamily();
  const { wheel, foreign, sdist } = await makeWheels(dir, `${dir}/../dist`);
  const venv = `${laboratory.root}/venv`;
  const pip = [`${venv}/bin/pip`, "--isolated", "--disable-pip-version-check"];
  await must([PYTHON, "-m", "venv", venv]);
  await t.step("twine", async () => {
    await must([TWINE, "check", "--strict", wheel, foreign, sdist]);
  });
  await t.step("wheel compares all files with RECORD", async () => {
    const folder = await Deno.makeTempDir({ dir: laboratory.root });
    await must([PYTHON, "-m", "wheel", "unpack", "--dest", folder, wheel]);
  });
  await t.step(
    "pip's own list of tags has the wheel's, and none of another processor's",
    async () => {
      const lines = await must([...pip, "debug", "--verbose"]);
      const accepted = new Set(lines.split("\n").map((line) => line.trim()));
      assert(tagsOf(wheel).some((tag) => accepted.has(tag)), lines);
      assertEquals(tagsOf(foreign).filter((tag) => accepted.has(tag)), []);
    },
  );
  await t.step("pip refuses another processor's wheel", async () => {
    const refused = await run([...pip, "install", "--no-index", foreign]);
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.stderr, "is not a supported wheel");
  });
  await t.step("pip makes no empty package of an sdist", async () => {
    const refused = await run([...pip, "install", "--no-index", sdist]);
    assertEquals(refused.code, 1);
    assertStringIncludes(
      refused.stderr,
      "Cannot build this package from its source distribution: it has no volumes",
    );
    const list = await must([...pip, "list", "--format=freeze"]);
    assert(!list.includes("krunner"), list);
    // It can be had and looked at all the same.
    const folder = await Deno.makeTempDir({ dir: laboratory.root });
    await must([...pip, "download", "--no-index", "--dest", folder, sdist]);
  });
  await t.step("pip installs the wheel, and knows all about it", async () => {
    await must([...pip, "install", "--no-index", wheel]);
    await must([...pip, "check"]);
    const shown = await must([
      ...[...pip, "show", "--files", "backend.ai-krunner-static-demo"],
    ]);
    assertStringIncludes(shown, "\nVersion: 2.0.0rc1\n");
    assertStringIncludes(shown, `ttyd_linux.${ARCH}.bin`);
    assert(!shown.includes(OTHER), shown);
  });
  const provided = await askAgent(`${venv}/bin/python`);
  assertEquals(provided.map(({ distro }) => distro), names);
  for (const volume of provided) {
    await t.step(`the agent uses ${volume.distro}`, async () => {
      assertEquals([volume.version, volume.python], [3, "3.11"]);
      assertEquals(
        await startContainer(volume, laboratory.base),
        `3\n${volume.distro}`,
      );
    });
  }
  await t.step("the terminal is a program", async () => {
    const folder = provided[0]!.archive.replace(/[^/]*$/, "");
    const { mode } = await Deno.stat(`${folder}ttyd_linux.${ARCH}.bin`);
    assertEquals((mode ?? 0) & 0o111, 0o111);
  });
});
