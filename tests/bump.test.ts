import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { checkBumps, main, planBump, showVersions } from "../bump.ts";
import { KrunnerError, UsageError } from "../lib/errors.ts";
import { formatManifest, type Manifest } from "../lib/manifest.ts";
import {
  findPackageDirs,
  openPackageDir,
  type Target,
} from "../lib/package_dir.ts";
import { DEFAULT_IMAGE_PREFIX } from "../lib/plan/image_names.ts";
import { makePlan } from "../lib/plan.ts";
import { runScript } from "./engine_fixture.ts";
import { withTempDir, writeFiles } from "./package_fixture.ts";

const LABEL = "ai.backend.krunner.version";

/** A package directory like upstream's, with two distro versions. */
const FILES: Record<string, string> = {
  "__init__.py": "__version__ = '3.5.0'\n",
  "requirements.txt": "attrs\n",
  "versions.txt": "ubuntu18.04\nubuntu20.04\n",
  "krunner-env.ubuntu18.04.dockerfile":
    `FROM ubuntu:18.04\r\nCOPY requirements.txt /root/\r\nLABEL "${LABEL}"="6" \\\r\n  other=x`,
  "krunner-env.ubuntu20.04.dockerfile":
    `# LABEL ${LABEL}=1\nFROM ubuntu:20.04\nONBUILD LABEL ${LABEL}=1\nLABEL ${LABEL}=9\nCMD ["python"]\n\n# vim: ft=dockerfile\n`,
};
const BIONIC = "krunner-env.ubuntu18.04.dockerfile";
const FOCAL = "krunner-env.ubuntu20.04.dockerfile";

async function read(dir: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name } of Deno.readDir(dir)) {
    files[name] = new TextDecoder("utf-8", { ignoreBOM: true })
      .decode(await Deno.readFile(`${dir}/${name}`));
  }
  return files;
}

/** Runs the body in a copy of the package directory. */
async function withPackage(body: (dir: string) => Promise<void>) {
  await withTempDir(async (root) => {
    writeFiles(`${root}/ubuntu`, FILES);
    await body(`${root}/ubuntu`);
  });
}

interface Run {
  code: number;
  out: string[];
  err: string[];
}

async function run(...args: string[]): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(args, {
    log: (text) => void out.push(text),
    error: (text) => void err.push(text),
  });
  return { code, out, err };
}

Deno.test("bump volume raises labels and keeps every other byte", async (t) => {
  const cases: [string, string[], number, number][] = [
    ["one", ["ubuntu18.04"], 7, 9],
    ["two", ["ubuntu18.04", "ubuntu20.04"], 7, 10],
    ["one twice", ["ubuntu18.04", "ubuntu18.04"], 7, 9],
    ["all", ["--all"], 7, 10],
    ["all to one version", ["--all", "--to", "12"], 12, 12],
    ["one to a version", ["ubuntu20.04", "--to=100"], 6, 100],
  ];
  for (const [name, args, bionic, focal] of cases) {
    await t.step(name, async () => {
      await withPackage(async (dir) => {
        const { code } = await run("volume", "--dir", dir, ...args);
        assertEquals(code, 0);
        assertEquals(await read(dir), {
          ...FILES,
          [BIONIC]: FILES[BIONIC]!.replace('"6"', `"${bionic}"`),
          [FOCAL]: FILES[FOCAL]!.replace("=9", `=${focal}`),
        });
      });
    });
  }
});

Deno.test("bump volume says what it did", async (t) => {
  const cases: [string[], (dir: string) => string[]][] = [
    [["ubuntu18.04"], (dir) => [
      `ubuntu18.04: volume version 6 → 7 (${dir}/${BIONIC})`,
    ]],
    [["--all", "--json"], (dir) => [
      `{"kind":"volume","name":"ubuntu18.04","file":"${dir}/${BIONIC}","from":6,"to":7}\n` +
      `{"kind":"volume","name":"ubuntu20.04","file":"${dir}/${FOCAL}","from":9,"to":10}`,
    ]],
    [["--all", "--quiet"], () => []],
  ];
  for (const [args, expected] of cases) {
    await t.step(args.join(" "), async () => {
      await withPackage(async (dir) => {
        const { out } = await run("volume", "--dir", dir, ...args);
        assertEquals(out, expected(dir));
      });
    });
  }
});

Deno.test("bump --dry-run prints a diff and changes nothing", async () => {
  await withPackage(async (dir) => {
    const { code, out } = await run("volume", "--all", "-n", "--dir", dir);
    assertEquals(code, 0);
    assertEquals(
      out.join(""),
      `--- ${dir}/${BIONIC}
+++ ${dir}/${BIONIC}
@@ -1,4 +1,4 @@
 FROM ubuntu:18.04\r
 COPY requirements.txt /root/\r
-LABEL "${LABEL}"="6" \\\r
+LABEL "${LABEL}"="7" \\\r
   other=x
\\ No newline at end of file
--- ${dir}/${FOCAL}
+++ ${dir}/${FOCAL}
@@ -1,7 +1,7 @@
 # LABEL ${LABEL}=1
 FROM ubuntu:20.04
 ONBUILD LABEL ${LABEL}=1
-LABEL ${LABEL}=9
+LABEL ${LABEL}=10
 CMD ["python"]
 
 # vim: ft=dockerfile`,
    );
    const dryJson = await run("package", "minor", "-n", "--json", "--dir", dir);
    assertEquals(dryJson.out, [
      `{"kind":"package","name":"ubuntu","file":"${dir}/__init__.py","from":"3.5.0","to":"3.6.0"}`,
    ]);
    assertEquals(await read(dir), FILES);
  });
});

Deno.test("bump package raises __version__", async () => {
  await withPackage(async (dir) => {
    const { code, out } = await run("package", "minor", "--dir", dir);
    assertEquals(code, 0);
    assertEquals(out, [
      `ubuntu: package version 3.5.0 → 3.6.0 (${dir}/__init__.py)`,
    ]);
    assertEquals(await read(dir), {
      ...FILES,
      "__init__.py": "__version__ = '3.6.0'\n",
    });
  });
});

Deno.test("bump changes no file when one is bad", async (t) => {
  const cases: [string, string[], Record<string, string>, string][] = [
    [
      "a misspelt label",
      ["volume", "--all"],
      { [FOCAL]: "FROM a\nLABEL ai.backend.krunner.vesrion=9\n" },
      `line 2: label "ai.backend.krunner.vesrion" is misspelt; write "${LABEL}"`,
    ],
    [
      "a version that would go down",
      ["volume", "--all", "--to", "8"],
      {},
      'Cannot set volume version 8 for "ubuntu20.04": it is not above the current 9; a version never goes down',
    ],
    [
      "a version that would stay",
      ["volume", "ubuntu18.04", "--to", "6"],
      {},
      'Cannot set volume version 6 for "ubuntu18.04": it is not above the current 6; a version never goes down',
    ],
    [
      "a package version that would go down",
      ["package", "3.4.9"],
      {},
      'Cannot set package version "3.4.9": it is not above the current "3.5.0"; a version never goes down',
    ],
    [
      "no package version",
      ["package", "minor"],
      { "__init__.py": "\n" },
      "it has no __version__",
    ],
  ];
  for (const [name, args, files, message] of cases) {
    await t.step(name, async () => {
      await withPackage(async (dir) => {
        writeFiles(dir, files);
        const error = await assertRejects(
          () => run(...args, "--dir", dir),
          KrunnerError,
        );
        assertStringIncludes(error.message, message);
        assertEquals(await read(dir), { ...FILES, ...files });
      });
    });
  }
  await t.step("text that is not UTF-8", async () => {
    await withPackage(async (dir) => {
      await Deno.writeFile(
        `${dir}/${FOCAL}`,
        new Uint8Array([0x23, 0x20, 0xe4, 0x0a]),
      );
      await assertRejects(
        () => run("volume", "--all", "--dir", dir),
        KrunnerError,
        `Cannot read "${dir}/${FOCAL}": it is not UTF-8; convert it`,
      );
      assertEquals(await Deno.readTextFile(`${dir}/${BIONIC}`), FILES[BIONIC]);
    });
  });
  await t.step("no __init__.py", async () => {
    await withPackage(async (dir) => {
      await Deno.remove(`${dir}/__init__.py`);
      await assertRejects(
        () => run("package", "minor", "--dir", dir),
        KrunnerError,
        `Cannot raise the package version of "ubuntu": there is no "${dir}/__init__.py"; add it with a line "__version__ = '0.1.0'"`,
      );
    });
  });
});

Deno.test("bump keeps a byte order mark", async () => {
  await withPackage(async (dir) => {
    const text = `\uFEFFFROM a\nLABEL ${LABEL}=9\n`;
    writeFiles(dir, { [FOCAL]: text });
    await run("volume", "ubuntu20.04", "--dir", dir);
    assertEquals((await read(dir))[FOCAL], text.replace("=9", "=10"));
  });
});

Deno.test("bump rejects wrong usage", async (t) => {
  const cases: [string[], string][] = [
    [
      [],
      "No command given: give one of volume, package, show, check; see --help",
    ],
    [["chekc"], 'Unknown command "chekc"; did you mean "check"?'],
    [["frobnicate"], 'Unknown command "frobnicate"; see --help'],
    [
      ["volume"],
      "No distro version given: name one or more of ubuntu18.04, ubuntu20.04",
    ],
    [
      ["volume", "ubuntu18.40"],
      'Unknown distro version "ubuntu18.40": did you mean "ubuntu18.04"?',
    ],
    [["volume", "--all", "ubuntu18.04"], 'Cannot combine "--all"'],
    [
      ["volume", "--all", "--to", "0"],
      'Cannot use "--to=0": it must be a positive integer',
    ],
    [
      ["volume", "--all", "--to", "seven"],
      'Cannot use "--to=seven": it must be a positive integer',
    ],
    [
      ["volume", "--all", "--too", "7"],
      'Unknown option "--too"; did you mean "--to"?',
    ],
    [["package"], 'No change given: give "major"'],
    [
      ["package", "huge"],
      'Cannot set package version "huge": it is no version',
    ],
    [
      ["package", "minor", "ubutnu"],
      'Unknown family "ubutnu"; did you mean "ubuntu"?; known are ubuntu',
    ],
    [
      ["package", "minor", "--to", "7"],
      'Cannot use "--to" with "package": it belongs to "volume"',
    ],
    [
      ["show", "--all"],
      'Cannot use "--all" with "show": it belongs to "volume"',
    ],
    [
      ["show", "ubuntu18.04"],
      'Cannot use "ubuntu18.04": "show" takes no names',
    ],
    [
      ["check", "-n"],
      'Cannot use "--dry-run" with "check": it belongs to "volume" and "package"',
    ],
    [["check", "nope"], 'Unknown distro version "nope"'],
  ];
  await withPackage(async (dir) => {
    for (const [args, message] of cases) {
      await t.step(args.join(" ") || "nothing", async () => {
        const error = await assertRejects(
          () => run(...args, "--dir", dir),
          UsageError,
        );
        assertStringIncludes(error.message, message);
      });
    }
    assertEquals(await read(dir), FILES);
  });
});

Deno.test("planBump() wants a family where there are several", async (t) => {
  await withTempDir(async (root) => {
    const init = { "__init__.py": "__version__ = '1.0.0'\n" };
    writeFiles(`${root}/alpine`, {
      ...init,
      "krunner-env.alpine3.8.dockerfile": `FROM a\nLABEL ${LABEL}=1\n`,
    });
    writeFiles(`${root}/static_gnu`, {
      ...init,
      "krunner-env.static-gnu.dockerfile": `FROM a\nLABEL ${LABEL}=2\n`,
    });
    const packages = await findPackageDirs(root);
    const plan = async (...families: string[]) =>
      (await planBump(packages, { kind: "package", change: "patch", families }))
        .map(({ name, to }) => `${name} ${to}`);

    await t.step("none named", async () => {
      await assertRejects(
        () => plan(),
        UsageError,
        "No family given: name one or more of alpine, static-gnu",
      );
    });
    await t.step("one named", async () => {
      assertEquals(await plan("static-gnu"), ["static-gnu 1.0.1"]);
    });
    await t.step("both named", async () => {
      assertEquals(await plan("static-gnu", "alpine"), [
        "alpine 1.0.1",
        "static-gnu 1.0.1",
      ]);
    });
    await t.step("volumes of all families", async () => {
      const changes = await planBump(packages, {
        kind: "volume",
        names: [],
        all: true,
      });
      assertEquals(changes.map(({ name, to }) => `${name} ${to}`), [
        "alpine3.8 2",
        "static-gnu 3",
      ]);
    });
  });
});

Deno.test("bump show lists all versions", async (t) => {
  await withPackage(async (dir) => {
    writeFiles(dir, {
      "krunner-version.ubuntu18.04.txt": "5\n",
      "krunner-python.ubuntu18.04.txt": "3.13\n",
    });
    await t.step("as a table", async () => {
      assertEquals(await run("show", "--dir", dir), {
        code: 0,
        out: [
          "DISTRO VERSION  VOLUME  BUILT  PYTHON  PACKAGE\n" +
          "ubuntu18.04     6       5      3.13    3.5.0\n" +
          "ubuntu20.04     9       -      -       3.5.0",
        ],
        err: [],
      });
    });
    await t.step("as JSON", async () => {
      const { out } = await run("show", "--json", "--dir", dir);
      assertEquals(out.join("").split("\n").map((line) => JSON.parse(line)), [
        {
          family: "ubuntu",
          distroVersion: "ubuntu18.04",
          volume: 6,
          recorded: 5,
          python: "3.13",
          package: "3.5.0",
        },
        {
          family: "ubuntu",
          distroVersion: "ubuntu20.04",
          volume: 9,
          recorded: null,
          python: null,
          package: "3.5.0",
        },
      ]);
    });
    await t.step("without a package version", async () => {
      await Deno.remove(`${dir}/__init__.py`);
      const [first] = await showVersions([await openPackageDir(dir)]);
      assertEquals(first?.package, null);
    });
    await t.step("but no broken version file", async () => {
      writeFiles(dir, { "krunner-version.ubuntu18.04.txt": "five" });
      await assertRejects(
        () => run("show", "--dir", dir),
        KrunnerError,
        `Cannot read "${dir}/krunner-version.ubuntu18.04.txt": it is "five", not a positive integer; build again, or remove it`,
      );
    });
  });
});

/** Records a build of the target as it is now. */
async function record(
  target: Target,
  arch: string,
  change: Partial<Manifest> = {},
) {
  const plan = await makePlan(target, {
    arch,
    base: "auto",
    buildArgs: {},
    imagePrefix: DEFAULT_IMAGE_PREFIX,
  });
  const manifest: Manifest = {
    schema: 1,
    distroVersion: target.distroVersion,
    family: target.pkg.family,
    arch,
    volumeVersion: plan.volumeVersion,
    python: "3.13",
    archive: {
      file: plan.outputs.archive,
      sha256: "",
      size: 0,
      unpackedSize: 0,
      entries: 0,
      treeSha256: "",
      mtime: 0,
    },
    packages: [],
    image: { reference: "", id: "" },
    inputs: plan.inputs,
    firstInputs: plan.inputs,
    ...change,
  };
  await Deno.writeTextFile(
    `${target.pkg.dir}/${plan.outputs.manifest}`,
    formatManifest(manifest),
  );
}

async function target(dir: string, distroVersion: string): Promise<Target> {
  return { pkg: await openPackageDir(dir), distroVersion };
}

Deno.test("bump check finds a forgotten bump", async (t) => {
  await withPackage(async (dir) => {
    const check = async (...names: string[]) =>
      (await checkBumps([await openPackageDir(dir)], names))
        .map(({ distroVersion, arch, status, changed }) =>
          [distroVersion, arch, status, ...changed].join(" ")
        );

    await t.step("not where nothing was built", async () => {
      assertEquals(await check(), [
        "ubuntu18.04  unbuilt",
        "ubuntu20.04  unbuilt",
      ]);
      assertEquals((await run("check", "--dir", dir)).code, 0);
    });
    await t.step("not right after a build", async () => {
      await record(await target(dir, "ubuntu18.04"), "aarch64");
      await record(await target(dir, "ubuntu18.04"), "x86_64");
      assertEquals(await check("ubuntu18.04"), [
        "ubuntu18.04 aarch64 unchanged",
        "ubuntu18.04 x86_64 unchanged",
      ]);
      assertEquals(await run("check", "--dir", dir), {
        code: 0,
        out: [
          "DISTRO VERSION  ARCH     VOLUME  BUILT  RELEASED  STATE\n" +
          "ubuntu18.04     aarch64  6       6      -         nothing changed\n" +
          "ubuntu18.04     x86_64   6       6      -         nothing changed\n" +
          "ubuntu20.04     -        9       -      -         nothing was built yet",
        ],
        err: [],
      });
    });
    await t.step("after an edit without a bump", async () => {
      writeFiles(dir, { "requirements.txt": "attrs\njanus\n" });
      assertEquals(await check("ubuntu18.04"), [
        "ubuntu18.04 aarch64 forgotten requirements.txt",
        "ubuntu18.04 x86_64 forgotten requirements.txt",
      ]);
      const { code, out, err } = await run(
        "check",
        "ubuntu18.04",
        "--dir",
        dir,
      );
      assertEquals(code, 1);
      assertStringIncludes(out.join(""), "BUMP FORGOTTEN: requirements.txt");
      assertEquals(err, [
        'Volume version 6 of "ubuntu18.04" was built from other inputs: agents that have it would never read the new one; run "bump.ts volume ubuntu18.04"',
      ]);
      const quiet = await run("check", "--quiet", "--dir", dir);
      assertEquals([quiet.code, quiet.out, quiet.err], [1, [], err]);
      const json = await run("check", "--json", "--dir", dir);
      assertEquals(JSON.parse(json.out.join("").split("\n")[0] ?? ""), {
        distroVersion: "ubuntu18.04",
        arch: "aarch64",
        status: "forgotten",
        volume: 6,
        recorded: 6,
        changed: ["requirements.txt"],
        released: null,
        release: null,
      });
    });
    await t.step("not after the bump", async () => {
      await run("volume", "ubuntu18.04", "--dir", dir);
      assertEquals(await check("ubuntu18.04"), [
        "ubuntu18.04 aarch64 raised",
        "ubuntu18.04 x86_64 raised",
      ]);
      assertEquals((await run("check", "--dir", dir)).code, 0);
    });
    await t.step("after an edit to the dockerfile itself", async () => {
      await record(await target(dir, "ubuntu18.04"), "x86_64");
      await Deno.remove(`${dir}/krunner-env.ubuntu18.04.aarch64.json`);
      const text = await Deno.readTextFile(`${dir}/${BIONIC}`);
      writeFiles(dir, { [BIONIC]: text.replace("other=x", "other=y") });
      assertEquals(await check("ubuntu18.04"), [
        `ubuntu18.04 x86_64 forgotten ${BIONIC}`,
      ]);
    });
    await t.step("after a label that was taken back", async () => {
      writeFiles(dir, { [BIONIC]: FILES[BIONIC] ?? "" });
      assertEquals(await check("ubuntu18.04"), ["ubuntu18.04 x86_64 lowered"]);
      const { code, out, err } = await run("check", "--dir", dir);
      assertEquals(code, 1);
      assertStringIncludes(out.join(""), "BELOW THE BUILT VERSION");
      assertEquals(err, [
        'Volume version 6 of "ubuntu18.04" is below 7, which was built: agents have that one; run "bump.ts volume ubuntu18.04 --to 8"',
      ]);
    });
  });
});

Deno.test("bump check goes by the version file where there is no manifest", async (t) => {
  for (
    const [recorded, status] of [
      ["5", "raised"],
      ["6", "unrecorded"],
      ["7", "lowered"],
    ]
  ) {
    await t.step(`${recorded}: ${status}`, async () => {
      await withPackage(async (dir) => {
        writeFiles(dir, {
          "krunner-version.ubuntu18.04.txt": recorded ?? "",
        });
        const [result] = await checkBumps([await openPackageDir(dir)], [
          "ubuntu18.04",
        ]);
        assertEquals(result?.status, status);
      });
    });
  }
});

Deno.test("bump check compares no wheels of a wheelhouse", async () => {
  await withPackage(async (dir) => {
    const it = await target(dir, "ubuntu18.04");
    const { inputs } = await makePlan(it, {
      arch: "x86_64",
      base: "auto",
      buildArgs: {},
      imagePrefix: DEFAULT_IMAGE_PREFIX,
    });
    const { "requirements.txt": _, ...files } = inputs.files;
    await record(it, "x86_64", {
      firstInputs: { ...inputs, files, wheelhouse: { "a.whl": "00" } },
    });
    const [result] = await checkBumps([it.pkg], []);
    assertEquals(result?.status, "unbuilt");
    const [again] = await checkBumps([await openPackageDir(dir)], []);
    assertEquals(again?.status, "unchanged");
  });
});

Deno.test("bump.ts sets exit codes and prints one message", async (t) => {
  await withPackage(async (dir) => {
    await t.step("--help", async () => {
      const { code, stdout, stderr } = await runScript("bump", "--help");
      assertEquals([code, stderr], [0, ""]);
      assertMatch(
        stdout,
        /^Raises the versions .*\n\nUsage:\n {2}bump\.ts volume /,
      );
    });
    await t.step("--version", async () => {
      const { code, stdout } = await runScript("bump", "--version");
      assertEquals(code, 0);
      assertMatch(stdout, /^bump\.ts \d+\.\d+\.\d+\S*\n$/);
    });
    await t.step("done", async () => {
      assertEquals(
        await runScript("bump", "volume", "ubuntu18.04", "--dir", dir),
        {
          code: 0,
          stdout: `ubuntu18.04: volume version 6 → 7 (${dir}/${BIONIC})\n`,
          stderr: "",
        },
      );
    });
    await t.step("failed", async () => {
      const args = ["volume", "ubuntu18.04", "--to", "7", "--dir", dir];
      assertEquals(await runScript("bump", ...args), {
        code: 1,
        stdout: "",
        stderr:
          'error: Cannot set volume version 7 for "ubuntu18.04": it is not above the current 7; a version never goes down\n',
      });
    });
    await t.step("wrong usage", async () => {
      assertEquals(await runScript("bump", "--dri-run"), {
        code: 2,
        stdout: "",
        stderr:
          'error: Unknown option "--dri-run"; did you mean "--dry-run"?\n',
      });
    });
    await t.step("this project's own package directories", async () => {
      const { code, stdout } = await runScript("bump", "show", "--json");
      assertEquals(code, 0);
      assertMatch(stdout, /"distroVersion":"debian12"/);
    });
  });
});
