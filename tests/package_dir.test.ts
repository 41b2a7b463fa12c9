import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { KrunnerError, UsageError } from "../lib/errors.ts";
import {
  compareNatural,
  envDockerfilePath,
  familyOf,
  findPackageDirs,
  inPackage,
  isOutput,
  openPackageDir,
  openPackages,
  outputNames,
  type PackageDir,
  selectTargets,
  type Stage,
  stageDockerfile,
} from "../lib/package_dir.ts";
import { tempDir } from "./package_fixture.ts";

Deno.test("compareNatural() sorts as people count", () => {
  assertEquals(
    [
      "ubuntu20.04",
      "debian12",
      "ubuntu18.04",
      "debian9",
      "centos7.10",
      "static-gnu",
      "centos7.6",
      "alpine3.8",
      "alpine3.10",
    ].sort(compareNatural),
    [
      "alpine3.8",
      "alpine3.10",
      "centos7.6",
      "centos7.10",
      "debian9",
      "debian12",
      "static-gnu",
      "ubuntu18.04",
      "ubuntu20.04",
    ],
  );
});

Deno.test("familyOf() takes the last component, with dashes", () => {
  assertEquals(familyOf("src/ai/backend/krunner/static_gnu"), "static-gnu");
  assertEquals(familyOf("/x/debian//"), "debian");
  assertEquals(familyOf("alpine"), "alpine");
});

Deno.test("isOutput() knows what builds leave behind", async (t) => {
  const outputs = [
    "krunner-env.debian12.x86_64.tar.xz",
    "krunner-env.debian12.x86_64.json",
    "krunner-version.debian12.txt",
    "krunner-python.debian12.txt",
    "ttyd_linux.x86_64.json",
    "logs",
    "__pycache__",
    ".krunner-env.debian12.x86_64.tar.xz.17.tmp",
    ".dockerignore",
  ];
  const inputs = [
    "krunner-env.debian12.dockerfile",
    "krunner-python.debian.dockerfile",
    "krunner.json",
    "versions.txt",
    "requirements.txt",
    "ttyd_linux.x86_64.bin",
    "logs.txt",
    "my.logs",
    "tar.xz",
    "xkrunner-version.debian12.txt",
    "krunner-version.debian12.txt.orig",
    ".",
  ];
  for (const [expected, names] of [[true, outputs], [false, inputs]] as const) {
    for (const name of names) {
      await t.step(name, () => assertEquals(isOutput(name), expected));
    }
  }
});

Deno.test("openPackageDir() finds the distro versions", async () => {
  using root = tempDir({
    "static_gnu/krunner-env.static-gnu.dockerfile": "",
    "static_gnu/krunner-env.debian12.dockerfile": "",
    "static_gnu/krunner-env.debian9.dockerfile": "",
    "static_gnu/krunner-env.dockerfile": "",
    "static_gnu/krunner-python.alpine3.8.dockerfile": "",
    "static_gnu/krunner-env.folder.dockerfile/x": "",
    "static_gnu/sub/krunner-env.ubuntu18.04.dockerfile": "",
  });
  const dir = `${root.path}/static_gnu`;
  const pkg = await openPackageDir(dir);
  assertEquals(pkg, {
    dir,
    family: "static-gnu",
    distroVersions: ["debian9", "debian12", "static-gnu"],
    files: new Set([
      "krunner-env.static-gnu.dockerfile",
      "krunner-env.debian12.dockerfile",
      "krunner-env.debian9.dockerfile",
      "krunner-env.dockerfile",
      "krunner-python.alpine3.8.dockerfile",
    ]),
  });
});

Deno.test("openPackageDir() names the family by the real folder", async () => {
  using root = tempDir({ "debian/krunner-env.debian12.dockerfile": "" });
  await Deno.symlink("debian", `${root.path}/link`);
  const { dir, family } = await openPackageDir(`${root.path}/link`);
  assertEquals([dir, family], [`${root.path}/link`, "debian"]);
});

Deno.test("openPackageDir() says what is wrong", async (t) => {
  using root = tempDir({
    "file": "",
    "empty/x": "",
    "checkout/src/ai/backend/krunner/b/krunner-env.b1.dockerfile": "",
    "checkout/src/ai/backend/krunner/a/krunner-env.a1.dockerfile": "",
    "checkout/src/ai/backend/krunner/x/y": "",
    "bad/krunner-env.debian 12.dockerfile": "",
    "dash/krunner-env.-x.dockerfile": "",
  });
  const wanted =
    "name a folder that holds krunner-env.{distro-version}.dockerfile files";
  const tag = (distroVersion: string, dir: string) =>
    `Cannot use distro version "${distroVersion}" of "${root.path}/${dir}": a docker tag cannot hold it; rename krunner-env.${distroVersion}.dockerfile to letters, digits, ".", "_" and "-"`;
  const cases: [string, string][] = [
    [
      "gone",
      `Cannot open package directory "${root.path}/gone": it does not exist; ${wanted}`,
    ],
    [
      "file",
      `Cannot open package directory "${root.path}/file": it is not a folder; ${wanted}`,
    ],
    [
      "empty",
      `Cannot use "${root.path}/empty" as a package directory: it holds no krunner-env.{distro-version}.dockerfile; point "--dir" at the folder that does`,
    ],
    [
      "checkout",
      `Cannot use "${root.path}/checkout" as a package directory: it holds no krunner-env.{distro-version}.dockerfile; point "--dir" at "${root.path}/checkout/src/ai/backend/krunner/a" or "${root.path}/checkout/src/ai/backend/krunner/b"`,
    ],
    [
      "checkout/src/ai/backend/krunner",
      `Cannot use "${root.path}/checkout/src/ai/backend/krunner" as a package directory: it holds no krunner-env.{distro-version}.dockerfile; point "--dir" at "${root.path}/checkout/src/ai/backend/krunner/a" or "${root.path}/checkout/src/ai/backend/krunner/b"`,
    ],
    ["bad", tag("debian 12", "bad")],
    ["dash", tag("-x", "dash")],
    [
      "circle",
      `Cannot read "${root.path}/circle": too many levels of symbolic links; see that it is a file that you may read`,
    ],
  ];
  Deno.symlinkSync("circle", `${root.path}/circle`);
  for (const [name, message] of cases) {
    await t.step(name, async () => {
      const error = await assertRejects(
        () => openPackageDir(`${root.path}/${name}`),
        KrunnerError,
      );
      assertEquals(error.message, message);
    });
  }
});

Deno.test("openPackages() finds all package directories, or opens one", async () => {
  using root = tempDir({
    "b/krunner-env.b1.dockerfile": "",
    "a/krunner-env.a1.dockerfile": "",
    "c/other": "",
    "file": "",
  });
  const { path } = root;
  await Deno.symlink("a", `${path}/z`);
  await Deno.symlink("nowhere", `${path}/dangling`);
  const dirs = (packages: PackageDir[]) => packages.map(({ dir }) => dir);
  assertEquals(dirs(await openPackages(undefined, path)), [
    `${path}/a`,
    `${path}/b`,
    `${path}/z`,
  ]);
  assertEquals(dirs(await openPackages(`${path}/b`, path)), [`${path}/b`]);
  assertEquals(dirs(await openPackages(`${path}/b/`, path)), [`${path}/b`]);
  assertEquals(dirs(await openPackages(undefined, `${path}/a`)), [`${path}/a`]);
});

Deno.test("findPackageDirs() says where it looked", async (t) => {
  using root = tempDir({ "c/other": "" });
  for (const path of [root.path, `${root.path}/gone`]) {
    await t.step(path === root.path ? "none there" : "no folder", async () => {
      const error = await assertRejects(
        () => findPackageDirs(path),
        KrunnerError,
      );
      assertEquals(
        error.message,
        `Cannot find package directories in "${path}": no folder there holds a krunner-env.{distro-version}.dockerfile; name one with "--dir"`,
      );
    });
  }
});

function fakePackage(family: string, ...names: string[]): PackageDir {
  return {
    dir: `/p/${family}`,
    family,
    distroVersions: names,
    files: new Set(),
  };
}

const PACKAGES = [
  fakePackage("debian", "debian12", "debian13"),
  fakePackage("ubuntu", "ubuntu18.04"),
];

Deno.test("selectTargets() takes names, each once, in their order", () => {
  const select = (names: string[], all = false) =>
    selectTargets(PACKAGES, names, { all }).map(({ pkg, distroVersion }) =>
      `${pkg.family}/${distroVersion}`
    );
  assertEquals(select(["ubuntu18.04", "debian12", "ubuntu18.04"]), [
    "ubuntu/ubuntu18.04",
    "debian/debian12",
  ]);
  assertEquals(select([], true), [
    "debian/debian12",
    "debian/debian13",
    "ubuntu/ubuntu18.04",
  ]);
});

Deno.test("selectTargets() says what can be named", async (t) => {
  const twice = [...PACKAGES, fakePackage("copy", "debian12")];
  const known = "debian12, debian13, ubuntu18.04";
  const cases: [string, PackageDir[], string[], boolean, string][] = [
    [
      "a slip",
      PACKAGES,
      ["debain12"],
      false,
      `Unknown distro version "debain12": did you mean "debian12"? Known are ${known}`,
    ],
    [
      "a version too short",
      PACKAGES,
      ["ubuntu18.4"],
      false,
      `Unknown distro version "ubuntu18.4": did you mean "ubuntu18.04"? Known are ${known}`,
    ],
    [
      "something else",
      PACKAGES,
      ["fedora40"],
      false,
      `Unknown distro version "fedora40": known are ${known}`,
    ],
    [
      "nothing",
      PACKAGES,
      [],
      false,
      `No distro version given: name one or more of ${known}, or give "--all"`,
    ],
    [
      "both",
      PACKAGES,
      ["debian12", "debian13"],
      true,
      'Cannot combine "--all" with "debian12 debian13": give either names or "--all"',
    ],
    [
      "in two packages",
      twice,
      ["debian12"],
      false,
      'Distro version "debian12" is in "/p/debian" and in "/p/copy": say which with "--dir"',
    ],
  ];
  for (const [name, packages, names, all, message] of cases) {
    await t.step(name, () => {
      const error = assertThrows(
        () => selectTargets(packages, names, { all }),
        UsageError,
      );
      assertEquals(error.message, message);
    });
  }
});

Deno.test("stageDockerfile() looks up by distro version, then by family", async (t) => {
  const pkg = {
    ...fakePackage("debian", "debian12"),
    files: new Set([
      "krunner-env.debian12.dockerfile",
      "krunner-env.debian.dockerfile",
      "krunner-python.debian12.dockerfile",
      "krunner-python.debian.dockerfile",
      "krunner-wheels.debian.dockerfile",
    ]),
  };
  const cases: [string, Stage, string | undefined][] = [
    ["debian12", "env", "krunner-env.debian12.dockerfile"],
    ["debian12", "python", "krunner-python.debian12.dockerfile"],
    ["debian12", "wheels", "krunner-wheels.debian.dockerfile"],
    ["debian13", "python", "krunner-python.debian.dockerfile"],
    ["debian13", "env", undefined],
  ];
  for (const [distroVersion, stage, expected] of cases) {
    await t.step(`${distroVersion} ${stage}`, () => {
      assertEquals(stageDockerfile({ pkg, distroVersion }, stage), expected);
    });
  }
});

Deno.test("outputNames() are those that the agent looks for", () => {
  assertEquals(outputNames("ubuntu18.04", "aarch64"), {
    archive: "krunner-env.ubuntu18.04.aarch64.tar.xz",
    manifest: "krunner-env.ubuntu18.04.aarch64.json",
    spdx: "krunner-env.ubuntu18.04.aarch64.spdx.json",
    python: "krunner-python.ubuntu18.04.txt",
    version: "krunner-version.ubuntu18.04.txt",
  });
  for (const name of Object.values(outputNames("debian12", "x86_64"))) {
    assertEquals(isOutput(name), true, name);
  }
});

Deno.test("inPackage() and envDockerfilePath() give paths", () => {
  const target = { pkg: PACKAGES[0]!, distroVersion: "debian12" };
  assertEquals(inPackage(target, "a/b"), "/p/debian/a/b");
  assertEquals(
    envDockerfilePath(target),
    "/p/debian/krunner-env.debian12.dockerfile",
  );
});
