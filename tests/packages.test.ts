import { assertEquals, assertThrows } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import {
  findPackages,
  isPackageText,
  type VolumeContents,
  type VolumeOrigin,
} from "../lib/packages.ts";

const ORIGIN: VolumeOrigin = { distroVersion: "debian12", arch: "x86_64" };
const SITE = "./lib/python3.11/site-packages";
const PSF = "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2\n";
const COPYRIGHT =
  "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: ";

/** A volume with these texts and other files. */
function volume(
  texts: Record<string, string>,
  ...others: string[]
): VolumeContents {
  return {
    files: new Set([...Object.keys(texts), ...others]),
    texts: new Map(Object.entries(texts)),
    pythonVersion: "3.11.2",
  };
}

/** The packages by name. */
function find(contents: VolumeContents, origin = ORIGIN) {
  const { packages } = findPackages(contents, origin);
  return Object.fromEntries(packages.map((record) => [record.name, record]));
}

Deno.test("findPackages() finds what was compiled for the volume", () => {
  const { openssl, unclear } = find(volume({
    "./licenses/sources.tsv":
      "openssl\t3.5.9\tApache-2.0\nunclear\t1\tNOASSERTION\n",
    "./licenses/openssl/LICENSE.txt": "",
  }));
  assertEquals(openssl, {
    name: "openssl",
    version: "3.5.9",
    purl: "pkg:generic/openssl@3.5.9",
    licence: "Apache-2.0",
    licenceFiles: ["licenses/openssl/LICENSE.txt"],
    neededBy: ["Python"],
  });
  assertEquals(unclear?.licence, "NOASSERTION");
  assertThrows(
    () => find(volume({ "./licenses/sources.tsv": "openssl\n" })),
    KrunnerError,
    'Cannot read "./licenses/sources.tsv" of the volume: line 1 is "openssl"; give name, version and licence, with tabs in between',
  );
});

Deno.test("isPackageText() picks what tells packages", async (t) => {
  const cases: [name: string, picked: boolean][] = [
    [`${SITE}/six-1.16.0.dist-info/METADATA`, true],
    [`${SITE}/setuptools/_vendor/x-1.dist-info/METADATA`, true],
    [`${SITE}/six-1.16.0.dist-info/RECORD`, false],
    ["./licenses/debian-packages.tsv", true],
    ["./licenses/pyzmq/libzmq5", true],
    ["./licenses/common-licenses/GPL-3", false],
    ["./lib/python3.11/LICENSE.txt", true],
    ["./lib/python3.11/six.py", false],
    ["./bin/ttyd", false],
  ];
  for (const [name, picked] of cases) {
    await t.step(name, () => assertEquals(isPackageText(name), picked));
  }
});

Deno.test("findPackages() finds Python itself", async (t) => {
  const licence = "./licenses/CPython";
  const cases: [what: string, text: string, expression: string][] = [
    ["the PSF's", PSF, "PSF-2.0"],
    [
      "with its history",
      `${PSF}CNRI LICENSE AGREEMENT FOR PYTHON 1.6.1\n`,
      "Python-2.0.1",
    ],
    ["another", "Own", "NOASSERTION"],
  ];
  for (const [what, text, expression] of cases) {
    await t.step(what, () => {
      assertEquals(findPackages(volume({ [licence]: text }), ORIGIN), {
        packages: [{
          name: "Python",
          version: "3.11.2",
          purl: "pkg:generic/python@3.11.2",
          licence: expression,
          licenceFiles: ["licenses/CPython"],
        }],
        licenceTexts: {},
      });
    });
  }
  await t.step("without a text", () => {
    const { licence, licenceFiles } = find(volume({})).Python!;
    assertEquals([licence, licenceFiles], ["NOASSERTION", []]);
  });
});

Deno.test("findPackages() finds a wheel of the package index", () => {
  const info = `${SITE}/Some_Pets-1.0.dist-info`;
  const contents = volume(
    {
      [`${info}/METADATA`]:
        "Metadata-Version: 2.4\nName: Some.Pets\nVersion: 1.0\nLicense-Expression: MIT OR ISC\nLicense: UNKNOWN\n\nName: no\n",
    },
    `${info}/licenses/a/LICENSE`,
    `${info}/COPYING.md`,
    `${info}/RECORD`,
    "./licenses/Some_Pets/NOTICE",
    "./licenses/Some_Pets_2/NOTICE",
  );
  assertEquals(find(contents)["Some.Pets"], {
    name: "Some.Pets",
    version: "1.0",
    purl: "pkg:pypi/some.pets@1.0",
    licence: "MIT OR ISC",
    licenceFiles: [
      "lib/python3.11/site-packages/Some_Pets-1.0.dist-info/COPYING.md",
      "lib/python3.11/site-packages/Some_Pets-1.0.dist-info/licenses/a/LICENSE",
      "licenses/Some_Pets/NOTICE",
    ],
  });
});

Deno.test("findPackages() finds a distribution of Debian's, and its libraries", () => {
  const contents = volume(
    {
      [`${SITE}/pyzmq-24.0.1.dist-info/METADATA`]:
        "Name: pyzmq\nVersion: 24.0.1\nLicense: LGPL+BSD\nClassifier: License :: OSI Approved :: BSD License\n",
      "./licenses/pyzmq/debian-packages.tsv":
        "python3-zmq\t24.0.1-4+b1\tpyzmq\t24.0.1-4\nlibzmq5\t4.3.4-6\tzeromq3\t4.3.4-6\nlibgcc-s1\t12.2.0-14\tgcc-12\t12.2.0-14\n",
      "./licenses/pyzmq/python3-zmq": `${COPYRIGHT}BSD-3-clause\n`,
      "./licenses/pyzmq/libzmq5": `${COPYRIGHT}Own\n A text\n`,
      "./licenses/pyzmq/libgcc-s1": "GCC is free software.\n",
      "./licenses/debian-packages.tsv":
        "libgcc-s1\t12.2.0-14\tgcc-12\t12.2.0-14\nzlib1g\t1:1.2.13.dfsg-1\tzlib\t1:1.2.13.dfsg-1\n",
      "./licenses/zlib1g": `${COPYRIGHT}Zlib\n`,
    },
    "./licenses/pyzmq/AUTHORS.md",
  );
  const { packages, licenceTexts } = findPackages(contents, ORIGIN);
  assertEquals(packages.filter(({ name }) => name !== "Python"), [
    {
      name: "libgcc-s1",
      version: "12.2.0-14",
      purl: "pkg:deb/debian/libgcc-s1@12.2.0-14?arch=amd64&distro=debian-12",
      licence: "NOASSERTION",
      licenceFiles: ["licenses/pyzmq/libgcc-s1"],
      source: "gcc-12 12.2.0-14",
      neededBy: ["Python", "pyzmq"],
    },
    {
      name: "libzmq5",
      version: "4.3.4-6",
      purl: "pkg:deb/debian/libzmq5@4.3.4-6?arch=amd64&distro=debian-12",
      licence: "LicenseRef-Debian-zeromq3-Own",
      licenceFiles: ["licenses/pyzmq/libzmq5"],
      source: "zeromq3 4.3.4-6",
      neededBy: ["pyzmq"],
    },
    {
      name: "zlib1g",
      version: "1:1.2.13.dfsg-1",
      purl: "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?arch=amd64&distro=debian-12",
      licence: "Zlib",
      licenceFiles: ["licenses/zlib1g"],
      source: "zlib 1:1.2.13.dfsg-1",
      neededBy: ["Python"],
    },
    {
      name: "pyzmq",
      version: "24.0.1",
      purl: "pkg:pypi/pyzmq@24.0.1",
      licence: "BSD-3-Clause",
      licenceFiles: ["licenses/pyzmq/AUTHORS.md", "licenses/pyzmq/python3-zmq"],
      source: "pyzmq 24.0.1-4",
      debian: "pkg:deb/debian/python3-zmq@24.0.1-4+b1?distro=debian-12",
    },
  ]);
  assertEquals(licenceTexts, { "LicenseRef-Debian-zeromq3-Own": "A text" });
});

Deno.test("findPackages() names Debian packages by their distribution and arch", async (t) => {
  const contents = volume({
    "./licenses/debian-packages.tsv": "libffi6\t3.2-8\tlibffi\t3.2-8\n",
  });
  const cases: [distroVersion: string, arch: string, purl: string][] = [
    [
      "ubuntu18.04",
      "aarch64",
      "ubuntu/libffi6@3.2-8?arch=arm64&distro=ubuntu-18.04",
    ],
    ["static-gnu", "x86_64", "debian/libffi6@3.2-8?arch=amd64"],
  ];
  for (const [distroVersion, arch, purl] of cases) {
    await t.step(distroVersion, () => {
      assertEquals(
        find(contents, { distroVersion, arch }).libffi6?.purl,
        `pkg:deb/${purl}`,
      );
    });
  }
});

Deno.test("findPackages() takes a distribution's licence from the best that there is", async (t) => {
  const osi = (name: string) =>
    `Classifier: License :: OSI Approved :: ${name}\n`;
  const cases: [
    what: string,
    metadata: string,
    copyright: string,
    licence: string,
  ][] = [
    ["clear words", "License: MIT\n", `${COPYRIGHT}ISC\n`, "MIT"],
    [
      "Debian's where they are not",
      `License: MIT\n${osi("MIT License")}${osi("Apache Software License")}`,
      `${COPYRIGHT}Expat or Apache-2.0\n`,
      "MIT OR Apache-2.0",
    ],
    [
      "unclear words where Debian's are none",
      `License: MIT\n${osi("MIT License")}${osi("Apache Software License")}`,
      "For people",
      "MIT",
    ],
    ["nothing", "License: BSD\n", "For people", "NOASSERTION"],
    [
      "a text",
      "License: # Terms\n        \n        Be kind\n",
      "For people",
      "LicenseRef-PyPI-pets",
    ],
  ];
  for (const [what, metadata, copyright, licence] of cases) {
    await t.step(what, () => {
      const found = findPackages(
        volume({
          [`${SITE}/pets-1.dist-info/METADATA`]:
            `Name: pets\nVersion: 1\n${metadata}\nA description\n`,
          "./licenses/pets/debian-packages.tsv":
            "python3-pets\t1-1\tpets\t1-1\n",
          "./licenses/pets/python3-pets": copyright,
        }),
        ORIGIN,
      );
      const pets = found.packages.find(({ name }) => name === "pets");
      assertEquals(pets?.licence, licence);
      assertEquals(
        found.licenceTexts,
        licence.startsWith("LicenseRef")
          ? { [licence]: "# Terms\n\nBe kind" }
          : {},
      );
    });
  }
});

Deno.test("findPackages() finds ttyd, with what its record says", async (t) => {
  const contents = volume({}, "./bin/ttyd", "./licenses/ttyd/zlib");
  const names = (origin: VolumeOrigin) =>
    findPackages(contents, origin).packages.map(({ purl }) => purl);

  await t.step("no record", () => {
    assertEquals(names(ORIGIN), [
      "pkg:generic/python@3.11.2",
      "pkg:generic/ttyd",
    ]);
  });

  await t.step("a record", () => {
    const ttyd = JSON.stringify({
      packages: [
        { name: "ttyd", version: "1.7.7", licence: "MIT" },
        { name: "zlib", version: "1.3.1", licence: "Zlib" },
        { name: "mystery", licence: "what?" },
      ],
    });
    const { zlib, mystery } = find(contents, { ...ORIGIN, ttyd });
    assertEquals(zlib, {
      name: "zlib",
      version: "1.3.1",
      purl: "pkg:generic/zlib@1.3.1",
      licence: "Zlib",
      licenceFiles: ["licenses/ttyd/zlib"],
      neededBy: ["ttyd"],
    });
    assertEquals(mystery?.licence, "NOASSERTION");
  });

  await t.step("a record, and no ttyd", () => {
    const { packages } = findPackages(volume({}), { ...ORIGIN, ttyd: "{" });
    assertEquals(packages.length, 1);
  });

  for (const ttyd of ["{", "{}", '{"packages":[{"version":"1"}]}', "null"]) {
    await t.step(`a broken record: ${ttyd}`, () => {
      assertThrows(
        () => names({ ...ORIGIN, ttyd }),
        KrunnerError,
        "Cannot read the record of ttyd",
      );
    });
  }
});

Deno.test("findPackages() refuses a broken list of packages", () => {
  const contents = volume({
    "./licenses/debian-packages.tsv": "a\t1\ta\t1\nb\t1\t\t1\n",
  });
  assertThrows(
    () => findPackages(contents, ORIGIN),
    KrunnerError,
    'Cannot read "./licenses/debian-packages.tsv" of the volume: line 2 is "b\t1\t\t1"; give',
  );
});
