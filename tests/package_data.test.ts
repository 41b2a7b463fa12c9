import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import {
  dataOf,
  parsePackageData,
  readPackageData,
} from "../lib/package_data.ts";
import { tempDir } from "./package_fixture.ts";

Deno.test("parsePackageData() reads all that a distro version may have", () => {
  const data = parsePackageData(
    `{
      "debian12": {
        "base": "debian:12-slim",
        "bootstrap": {
          "suite": "bookworm",
          "components": ["main", "contrib"],
          "extraSuites": ["bookworm-updates"],
          "script": "sid",
          "keyring": "/k.gpg"
        },
        "args": { "PYTHON_VERSION": "3.11.2" },
        "alternatives": [{ "HOW": "fast" }, {}]
      },
      "debian13": { "bootstrap": { "suite": "trixie" } },
      "debian14": {}
    }`,
    "krunner.json",
  );
  assertEquals(data, {
    debian12: {
      base: "debian:12-slim",
      bootstrap: {
        suite: "bookworm",
        components: ["main", "contrib"],
        extraSuites: ["bookworm-updates"],
        script: "sid",
        keyring: "/k.gpg",
      },
      args: { PYTHON_VERSION: "3.11.2" },
      alternatives: [{ HOW: "fast" }, {}],
    },
    debian13: { bootstrap: { suite: "trixie" }, args: {} },
    debian14: { args: {} },
  });
});

Deno.test("parsePackageData() says which value is wrong", async (t) => {
  const noText = "not a string of one or more characters";
  const cases: [string, string][] = [
    ["[]", 'Cannot use "F": it is [], not an object'],
    ["null", 'Cannot use "F": it is null, not an object'],
    [
      '{"debian12": "x"}',
      'Cannot use "F: debian12": it is "x", not an object',
    ],
    [
      '{"debian12": {"bases": "x"}}',
      'Cannot use "F: debian12": it has an unknown key "bases"; remove it or correct its spelling',
    ],
    [
      '{"debian12": {"base": ""}}',
      `Cannot use "F: debian12.base": it is "", ${noText}`,
    ],
    [
      '{"debian12": {"args": {"V": 3.11}}}',
      `Cannot use "F: debian12.args: V": it is 3.11, ${noText}`,
    ],
    [
      '{"debian12": {"alternatives": {}}}',
      'Cannot use "F: debian12.alternatives": it is {}, not a list of build arguments by name',
    ],
    [
      '{"debian12": {"alternatives": [{"A": 1}]}}',
      `Cannot use "F: debian12.alternatives[0]: A": it is 1, ${noText}`,
    ],
    [
      '{"debian12": {"bootstrap": {}}}',
      `Cannot use "F: debian12.bootstrap.suite": it is undefined, ${noText}`,
    ],
    [
      '{"debian12": {"bootstrap": {"suite": "--x"}}}',
      'Cannot use "F: debian12.bootstrap.suite": it is "--x", not the name of a suite or component',
    ],
    [
      '{"debian12": {"bootstrap": {"suite": "x", "components": []}}}',
      'Cannot use "F: debian12.bootstrap.components": it is [], not a list of one or more names',
    ],
    [
      '{"debian12": {"bootstrap": {"suite": "x", "extraSuites": "y"}}}',
      'Cannot use "F: debian12.bootstrap.extraSuites": it is "y", not a list of one or more names',
    ],
    [
      '{"debian12": {"bootstrap": {"suite": "x", "extraSuites": ["y", "a b"]}}}',
      'Cannot use "F: debian12.bootstrap.extraSuites[1]": it is "a b", not the name of a suite or component',
    ],
    [
      '{"debian12": {"bootstrap": {"suite": "x", "script": 1}}}',
      `Cannot use "F: debian12.bootstrap.script": it is 1, ${noText}`,
    ],
    [
      '{"debian12": {"bootstrap": {"suite": "x", "mirror": "y"}}}',
      'Cannot use "F: debian12.bootstrap": it has an unknown key "mirror"; remove it or correct its spelling',
    ],
  ];
  for (const [text, message] of cases) {
    await t.step(text, () => {
      const error = assertThrows(
        () => parsePackageData(text, "F"),
        KrunnerError,
      );
      assertEquals(error.message, message);
    });
  }
});

Deno.test("readPackageData() is empty without the file, and names a broken one", async () => {
  using dir = tempDir({ "broken/krunner.json": "{" });
  assertEquals(await readPackageData(dir.path), {});
  await assertRejects(
    () => readPackageData(`${dir.path}/broken`),
    KrunnerError,
    `Cannot read "${dir.path}/broken/krunner.json": it is not JSON (`,
  );
});

Deno.test("dataOf() is empty for a distro version without data", () => {
  const data = { debian12: { base: "debian:12", args: {} } };
  assertEquals(dataOf(data, "debian12"), { base: "debian:12", args: {} });
  assertEquals(dataOf(data, "debian13"), { args: {} });
  assertEquals(dataOf(data, "constructor"), { args: {} });
});
