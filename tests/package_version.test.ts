import { assertEquals, assertThrows } from "@std/assert";
import { KrunnerError, UsageError } from "../lib/errors.ts";
import {
  nextPackageVersion,
  readPackageVersion,
  setPackageVersion,
} from "../lib/package_version.ts";

/** Module texts with `@` for the version. */
const TEMPLATES = [
  "__version__ = '@'\n",
  '__version__ = "@"',
  "__version__='@'\r\n",
  "__version__  =\t'@'  # the version\n",
  '__version__: str = "@"\n',
  "__version__: typing.Final = '@'\n",
  "\uFEFF'''Doc: __version__ = 'x'\n'''\nimport os\n__version__ = '@'\nx = 1\n",
  "# __version__ = '9.9.9'\n__version__ = '@'\n",
];

Deno.test("readPackageVersion() reads and setPackageVersion() sets", async (t) => {
  for (const template of TEMPLATES) {
    await t.step(JSON.stringify(template), () => {
      for (
        const version of [
          "3.5.0",
          "0.0.1",
          "10.20.30",
          "1.4.0-rc.3",
          "5.2.0rc1",
        ]
      ) {
        const text = template.replace("@", version);
        assertEquals(readPackageVersion(text, "f"), version);
        assertEquals(
          setPackageVersion(text, "f", "12.0.0-beta.1"),
          template.replace("@", "12.0.0-beta.1"),
        );
      }
    });
  }
});

Deno.test("readPackageVersion() throws", async (t) => {
  const cannot = 'Cannot read the package version in "f": ';
  const none =
    `${cannot}it has no __version__; add a line "__version__ = '0.1.0'"`;
  const cases: [string, string][] = [
    ["", none],
    ["  __version__ = '1.2.3'\n", none],
    ...[
      "__version__ = get()\n",
      'from importlib.metadata import version\n\ntry:\n    __version__ = version("x")\nexcept ImportError:\n    __version__ = "0.0.0"\n',
    ].map((text): [string, string] => [
      text,
      `${cannot}__version__ is computed there, as where setuptools-scm takes it from the Git tag; tag the release, or write a line "__version__ = '0.1.0'"`,
    ]),
    [`__version__ = "1.2.3'\n`, none],
    [
      "__version__ = '1.2.3'\n__version__ = '1.2.3'\n",
      `${cannot}__version__ is set 2 times; keep one of them`,
    ],
    ...[
      "",
      "1.2",
      "v1.2.3",
      "1.2.3c1",
      "1.2rc1",
      "1.2.3.dev1",
      "1.2.3-foo",
      "1.2.3+x",
    ]
      .map((version): [string, string] => [
        `__version__ = '${version}'`,
        `${cannot}__version__ is "${version}"; it must be like "1.2.3", "1.2.3-rc.1" or "1.2.3rc1"`,
      ]),
  ];
  for (const [text, message] of cases) {
    await t.step(JSON.stringify(text), () => {
      const error = assertThrows(
        () => readPackageVersion(text, "f"),
        KrunnerError,
      );
      assertEquals(error.message, message);
      assertThrows(
        () => setPackageVersion(text, "f", "9.0.0"),
        KrunnerError,
        message,
      );
    });
  }
});

Deno.test("nextPackageVersion() raises", async (t) => {
  const cases: [string, string, string][] = [
    ["3.5.0", "major", "4.0.0"],
    ["3.5.2", "minor", "3.6.0"],
    ["3.5.0", "patch", "3.5.1"],
    ["3.5.9", "patch", "3.5.10"],
    ["3.5.0", "prerelease", "3.5.1-rc.1"],
    ["3.5.1-rc.1", "prerelease", "3.5.1-rc.2"],
    ["3.5.1-rc.9", "prerelease", "3.5.1-rc.10"],
    ["3.6.0-beta.1", "prerelease", "3.6.0-beta.2"],
    ["3.5.1-rc.2", "patch", "3.5.1"],
    ["3.6.0-rc.2", "minor", "3.6.0"],
    ["3.5.1-rc.2", "minor", "3.6.0"],
    ["4.0.0-rc.2", "major", "4.0.0"],
    ["3.5.0", "3.5.1", "3.5.1"],
    ["3.9.0", "3.10.0", "3.10.0"],
    ["3.5.0", "4.0.0-alpha.1", "4.0.0-alpha.1"],
    ["4.0.0-alpha.1", "4.0.0-beta.1", "4.0.0-beta.1"],
    ["4.0.0-rc.1", "4.0.0", "4.0.0"],
    ["5.2.0rc1", "prerelease", "5.2.0rc2"],
    ["5.2.0a9", "prerelease", "5.2.0a10"],
    ["5.2.0b1", "patch", "5.2.0"],
    ["5.2.0rc1", "minor", "5.2.0"],
    ["5.2.0", "6.0.0rc1", "6.0.0rc1"],
    ["5.2.0b2", "5.2.0-rc.1", "5.2.0-rc.1"],
  ];
  for (const [current, change, expected] of cases) {
    await t.step(`${current} by ${change}`, () => {
      assertEquals(nextPackageVersion(current, change), expected);
    });
  }
});

Deno.test("nextPackageVersion() never stays or goes down", async (t) => {
  const cases: [string, string][] = [
    ["3.5.0", "3.5.0"],
    ["3.5.0", "3.4.9"],
    ["3.10.0", "3.9.0"],
    ["3.5.0", "3.5.0-rc.1"],
    ["3.5.0-rc.2", "3.5.0-beta.9"],
    ["3.5.0rc2", "3.5.0b9"],
    ["3.5.0rc2", "3.5.0-rc.2"],
  ];
  for (const [current, change] of cases) {
    await t.step(`${current} to ${change}`, () => {
      const error = assertThrows(
        () => nextPackageVersion(current, change),
        KrunnerError,
      );
      assertEquals(
        error.message,
        `Cannot set package version "${change}": it is not above the current "${current}"; a version never goes down`,
      );
    });
  }
});

Deno.test("nextPackageVersion() rejects what is no version", async (t) => {
  for (const change of ["", "Minor", "4", "v4.0.0", "4.0.0-x", "4.0.0c1"]) {
    await t.step(JSON.stringify(change), () => {
      assertThrows(
        () => nextPackageVersion("3.5.0", change),
        UsageError,
        `Cannot set package version "${change}": it is no version; give major, minor, patch, prerelease, or one like "1.2.3", "1.2.3-rc.1" or "1.2.3rc1"`,
      );
    });
  }
  assertThrows(() => nextPackageVersion("x", "minor"), TypeError);
});
