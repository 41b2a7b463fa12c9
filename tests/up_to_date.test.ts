import { assertEquals } from "@std/assert";
import { checkFreshness } from "../lib/up_to_date.ts";
import { type BuiltFixture, builtFixture, FAMILY } from "./built_fixture.ts";
import { writeFiles } from "./package_fixture.ts";

Deno.test("checkFreshness() finds nothing to do after a build", async () => {
  using built = await builtFixture();
  assertEquals(await checkFreshness(await built.plan()), {
    fresh: true,
    manifest: built.manifest,
  });
});

const CHANGES: [string, (built: BuiltFixture) => void, string[]][] = [
  [
    "never built",
    ({ dir, outputs }) => Deno.removeSync(`${dir}/${outputs.manifest}`),
    ["it was not built here yet"],
  ],
  [
    "a broken manifest",
    ({ dir, outputs }) => writeFiles(dir, { [outputs.manifest]: "{" }),
    ["its manifest cannot be read"],
  ],
  [
    "another volume version",
    ({ dir }) =>
      writeFiles(dir, {
        "krunner-env.debian12.dockerfile":
          FAMILY["krunner-env.debian12.dockerfile"].replace("=3", "=4"),
      }),
    ["volume version 3 → 4"],
  ],
  ["another file", ({ dir }) => writeFiles(dir, { a: "b" }), ["a"]],
  [
    "no archive",
    ({ dir, outputs }) => Deno.removeSync(`${dir}/${outputs.archive}`),
    [
      "krunner-env.debian12.x86_64.tar.xz is missing or not its build's own",
    ],
  ],
  [
    "half an archive",
    ({ dir, outputs }) => Deno.truncateSync(`${dir}/${outputs.archive}`, 3),
    [
      "krunner-env.debian12.x86_64.tar.xz is missing or not its build's own",
    ],
  ],
  [
    "another archive's SPDX document",
    ({ dir, outputs }) => writeFiles(dir, { [outputs.spdx]: "another" }),
    ["krunner-env.debian12.x86_64.spdx.json is missing or not its build's own"],
  ],
  [
    "other version files",
    ({ dir, outputs }) =>
      writeFiles(dir, { [outputs.python]: "3.9\n", [outputs.version]: "2\n" }),
    [
      "krunner-python.debian12.txt is missing or not its build's own",
      "krunner-version.debian12.txt is missing or not its build's own",
    ],
  ],
];

Deno.test("checkFreshness() says why a build is needed", async (t) => {
  for (const [name, change, reasons] of CHANGES) {
    await t.step(name, async () => {
      using built = await builtFixture();
      change(built);
      assertEquals(await checkFreshness(await built.plan()), {
        fresh: false,
        reasons,
      });
    });
  }
});
