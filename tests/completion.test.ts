import { assertEquals } from "@std/assert";
import type { Help } from "../lib/cli.ts";
import { joinAssignments } from "../lib/completion/answer.ts";
import { complete, type Tables } from "../lib/completion/complete.ts";
import { tempDir } from "./package_fixture.ts";
import { askFish, typeAt } from "./shell_fixture.ts";

const BUILD: Help = {
  summary: "Builds.",
  usage: ["build.ts [options] <distro-version>...", "build.ts --all"],
  options: {
    dir: { type: "string", value: "DIR", help: "A folder" },
    arch: { type: "string", values: ["x86_64", "aarch64"], help: "Arch" },
    lock: { type: "string", alias: "l", value: "FILE", help: "A file" },
    jobs: { type: "string", help: "How many" },
    arg: { type: "collect", help: "Any\nnumber" },
    all: { type: "boolean", alias: "a", help: "All" },
  },
  examples: {},
  exitCodes: {},
};

const BUMP: Help = {
  ...BUILD,
  usage: [
    "bump.ts volume <distro-version>... | --all",
    "bump.ts package <change> [family]...",
    "bump.ts show [options]",
    "bump.ts diff <old> <new>",
  ],
  commands: { volume: "Raise", package: "Raise", show: "List", diff: "Tell" },
};

const WHEEL: Help = { ...BUILD, usage: ["wheel.ts [options] [family]..."] };

const RELEASE: Help = { ...BUILD, usage: ["release.ts [options] [family]"] };

const TABLES: Tables = {
  help: {
    ...BUILD,
    commands: { build: "Build", bump: "Bump\nversions", help: "Help" },
    options: { version: { type: "boolean", help: "Version" } },
  },
  helpOf: (name) =>
    Promise.resolve(
      ({
        build: BUILD,
        bump: BUMP,
        wheel: WHEEL,
        release: RELEASE,
      } as Record<string, Help>)[name],
    ),
  names: (dir) =>
    Promise.resolve({
      distroVersions: dir === undefined ? ["debian12", "debian13"] : [dir],
      families: ["debian", "ubuntu"],
    }),
};

Deno.test("complete() offers what may stand at the cursor", async (t) => {
  const cases: [string[], string[], "files" | "folders" | undefined][] = [
    [[""], ["build", "bump", "help"], undefined],
    [["bu"], ["build", "bump"], undefined],
    [["-"], ["--version"], undefined],
    [["help", "b"], ["build", "bump"], undefined],
    [["help", "build", ""], [], undefined],
    [["nonsense", ""], [], undefined],
    [["build", ""], ["debian12", "debian13"], undefined],
    [["build", "debian12", ""], ["debian13"], undefined],
    [["build", "--a"], ["--arch", "--arg", "--all"], undefined],
    [["build", "--all", "--arg", "x", "--a"], ["--arch", "--arg"], undefined],
    [["build", "-a", "--al"], [], undefined],
    [["build", "--arch", ""], ["x86_64", "aarch64"], undefined],
    [["build", "--arch", "a"], ["aarch64"], undefined],
    [["build", "--arch=a"], ["--arch=aarch64"], undefined],
    [["build", "--arch=x86_64", "--ar"], ["--arg"], undefined],
    [["build", "--jobs", ""], [], undefined],
    [["build", "--dir", ""], [], "folders"],
    [["build", "--dir=x"], [], "folders"],
    [["build", "-l", ""], [], "files"],
    [["build", "--dir", "x1", ""], ["x1"], undefined],
    [["build", "--dir=x2", ""], ["x2"], undefined],
    [["build", "--all="], [], undefined],
    [["build", "--", ""], [], "files"],
    [["bump", ""], ["volume", "package", "show", "diff"], undefined],
    [["bump", "volume", "debian13", "d"], ["debian12"], undefined],
    [["bump", "package", ""], [], undefined],
    [["bump", "package", "minor", ""], ["debian", "ubuntu"], undefined],
    [["bump", "package", "minor", "debian", ""], ["ubuntu"], undefined],
    [["wheel", ""], ["debian", "ubuntu"], undefined],
    [["wheel", "--all", "ubuntu", ""], ["debian"], undefined],
    [["release", "u"], ["ubuntu"], undefined],
    [["release", "debian", ""], [], undefined],
    [["bump", "show", ""], [], undefined],
    [["bump", "diff", ""], [], "files"],
  ];
  for (const [words, expected, paths] of cases) {
    await t.step(JSON.stringify(words), async () => {
      const found = await complete(words, TABLES);
      assertEquals(found.candidates.map(({ word }) => word), expected);
      assertEquals(found.paths, paths);
    });
  }
});

Deno.test("joinAssignments() undoes how bash splits words", async (t) => {
  const cases: [string[], string[]][] = [
    [["build", "--arch", "=", "x"], ["build", "--arch=x"]],
    [["build", "--arch", "="], ["build", "--arch="]],
    [["build", "--arch=x", ""], ["build", "--arch=x", ""]],
    [["--arch", "=", "x", "y"], ["--arch=x", "y"]],
    [["=", "x"], ["=", "x"]],
  ];
  for (const [words, expected] of cases) {
    await t.step(JSON.stringify(words), () => {
      assertEquals(joinAssignments(words), expected);
    });
  }
});

/** A folder with a package directory, whose names have blanks in them. */
function openPlace() {
  return tempDir({
    "my family/krunner-env.demo1.0.dockerfile": "",
    "my family/krunner-env.other2.dockerfile": "",
  });
}

for (const shell of ["bash", "zsh"] as const) {
  Deno.test(`${shell} completes krunner's command lines`, async (t) => {
    using place = openPlace();
    const cases: [string, string][] = [
      ["krunner vol\t", "krunner volume "],
      [
        "krunner build debian12 ubuntu24\t",
        "krunner build debian12 ubuntu24.04 ",
      ],
      ["krunner build --eng\tpod\t", "krunner build --engine podman "],
      ["krunner build --arch=aar\t", "krunner build --arch=aarch64 "],
      ["krunner bump pa\t", "krunner bump package "],
      ["krunner release stat\t", "krunner release static-gnu "],
      ["krunner release --arch aar\t", "krunner release --arch aarch64 "],
      ["krunner verify ubuntu24\t", "krunner verify ubuntu24.04 "],
      ["krunner verify my\t", String.raw`krunner verify my\ family/`],
      ["krunner build --dir my\t", String.raw`krunner build --dir my\ family/`],
      [
        String.raw`krunner build --dir my\ family dem` + "\t",
        String.raw`krunner build --dir my\ family demo1.0 `,
      ],
      [
        "krunner build --dir='my family' oth\t",
        "krunner build --dir='my family' other2 ",
      ],
      ["krunner build --nonsense\t", "krunner build --nonsense"],
    ];
    for (const [keys, line] of cases) {
      await t.step(keys.trim(), async () => {
        assertEquals(await typeAt(shell, keys, place.path), line);
      });
    }
  });
}

Deno.test("fish completes krunner's command lines", async (t) => {
  using place = openPlace();
  const cases: [string, string[]][] = [
    ["krunner vol", ["volume\tFill and keep an engine's volumes"]],
    ["krunner build ubuntu24", ["ubuntu24.04"]],
    ["krunner build --eng", [
      "--engine\tdocker, podman or nerdctl (default: docker)",
    ]],
    ["krunner build --engine ", ["docker", "podman", "nerdctl"]],
    ["krunner build --arch=aar", ["--arch=aarch64"]],
    ["krunner build --dir my", ["my family/"]],
    ["krunner build --dir=my", ["--dir=my family/"]],
    ["krunner build --dir 'my family' ", ["demo1.0", "other2"]],
    ["krunner bump volume debian13 debian1", ["debian12"]],
  ];
  for (const [line, expected] of cases) {
    await t.step(line, async () => {
      const found = await askFish(line, place.path);
      assertEquals(found.sort(), expected.sort());
    });
  }
});
