import { assertEquals, assertThrows } from "@std/assert";
import { KrunnerError, UsageError } from "../lib/errors.ts";
import { parseListed } from "../lib/wheel/listed.ts";
import {
  entryPointsText,
  isProjectName,
  moduleName,
  platformTags,
  sdistName,
  wheelName,
  wheelText,
} from "../lib/wheel/names.ts";
import { normalizeVersion } from "../lib/wheel/python_version.ts";
import { parseSize } from "../lib/wheel/sizes.ts";

const NAMES = {
  project: "backend.ai-krunner-static-gnu",
  version: "4.0.0rc1",
  module: "static_gnu",
};

Deno.test("file names are normalized as installers and indexes compare them", () => {
  assertEquals(
    wheelName(NAMES, "aarch64"),
    "backend_ai_krunner_static_gnu-4.0.0rc1-py3-none-manylinux2014_aarch64.musllinux_1_1_aarch64.macosx_11_0_arm64.whl",
  );
  assertEquals(
    sdistName({ ...NAMES, project: "Backend.AI--krunner_X" }),
    "backend_ai_krunner_x-4.0.0rc1.tar.gz",
  );
});

Deno.test("wheelText() has every tag of the file name, each on a line", () => {
  for (const arch of ["x86_64", "aarch64"]) {
    const tags = [...wheelText(arch, "krunner 0.1.0").matchAll(/^Tag: (.*)$/gm)]
      .map(([, tag]) => tag);
    assertEquals(tags, platformTags(arch).map((tag) => `py3-none-${tag}`));
    const [, compressed = ""] = /-([^-]+)\.whl$/.exec(wheelName(NAMES, arch)) ??
      [];
    assertEquals(tags, compressed.split(".").map((tag) => `py3-none-${tag}`));
  }
  assertEquals(
    wheelText("x86_64", "krunner 0.1.0").split("Tag")[0],
    "Wheel-Version: 1.0\nGenerator: krunner 0.1.0\nRoot-Is-Purelib: true\n",
  );
});

Deno.test("entryPointsText() names the plugin module", () => {
  assertEquals(
    entryPointsText("static_gnu"),
    "[backendai_krunner_v10]\nstatic_gnu = ai.backend.krunner.static_gnu.plugin\n",
  );
});

Deno.test("moduleName() refuses what Python cannot import", () => {
  const pkg = {
    dir: "/x",
    distroVersions: [],
    files: new Set<string>(),
  };
  assertEquals(moduleName({ ...pkg, family: "static-gnu" }), "static_gnu");
  for (const family of ["3d", "a.b", "a b", ""]) {
    assertThrows(
      () => moduleName({ ...pkg, family }),
      KrunnerError,
      "is no name for a Python module",
    );
  }
});

Deno.test("isProjectName() knows what an index takes", () => {
  for (const name of ["a", "backend.ai-krunner-x_1"]) {
    assertEquals(isProjectName(name), true, name);
  }
  for (const name of ["", "-a", "a-", "a b", "a/b", "ä"]) {
    assertEquals(isProjectName(name), false, name);
  }
});

Deno.test("normalizeVersion() writes versions as PEP 440 does", async (t) => {
  const cases: [text: string, expected: string | undefined][] = [
    ["3.5.0", "3.5.0"],
    ["1.4.0-rc.3", "1.4.0rc3"],
    ["1.4.0-alpha.1", "1.4.0a1"],
    ["1.4.0-beta.0", "1.4.0b0"],
    ["v1.4.0RC3", "1.4.0rc3"],
    ["1.0c1", "1.0rc1"],
    ["1.0.preview2", "1.0rc2"],
    ["1.0a", "1.0a0"],
    ["1.0-1", "1.0.post1"],
    ["1.0.r4", "1.0.post4"],
    ["1.0post", "1.0.post0"],
    ["1.0rc1.post2.dev3", "1.0rc1.post2.dev3"],
    ["1.0_dev", "1.0.dev0"],
    ["0!01.002", "1.2"],
    ["1!2.0", "1!2.0"],
    [" 2023.10.0\n", "2023.10.0"],
    ["1.0+local", undefined],
    ["1.0-x.1", undefined],
    ["latest", undefined],
    ["1..0", undefined],
    ["", undefined],
  ];
  for (const [text, expected] of cases) {
    await t.step(JSON.stringify(text), () => {
      assertEquals(normalizeVersion(text), expected);
    });
  }
});

Deno.test("parseListed() reads distro versions and nothing else", async (t) => {
  assertEquals(parseListed("debian12\r\n\nstatic-gnu", "F"), [
    "debian12",
    "static-gnu",
  ]);
  const cases: [text: string, message: string][] = [
    ["", 'Cannot use "F": it is empty'],
    ["\n\n", 'Cannot use "F": it is empty'],
    ["debian12 \n", 'Cannot use "F": "debian12 " is no distro version'],
    ["\ufeffdebian12\n", "is no distro version; write one a line"],
    ["../x\n", 'Cannot use "F": "../x" is no distro version'],
    ["# all\n", 'Cannot use "F": "# all" is no distro version'],
    ["a\nb\na\n", 'Cannot use "F": "a" is there twice; remove one'],
  ];
  for (const [text, message] of cases) {
    await t.step(JSON.stringify(text), () => {
      assertThrows(() => parseListed(text, "F"), KrunnerError, message);
    });
  }
});

Deno.test("parseSize() reads sizes with and without units", async (t) => {
  const cases: [string, number][] = [
    ["100MB", 100_000_000],
    ["0.5 gb", 500_000_000],
    ["100MiB", 104_857_600],
    ["12kB", 12_000],
    ["7", 7],
  ];
  for (const [text, bytes] of cases) {
    await t.step(text, () => assertEquals(parseSize(text), bytes));
  }
  for (const text of ["0", "MB", "-1MB", "1TBps", "1e3", "0.1B", "many"]) {
    await t.step(text, () => {
      assertThrows(
        () => parseSize(text),
        UsageError,
        `Cannot use "--max-size=${text}": give a size such as`,
      );
    });
  }
});
