/**
 * `bump.ts check` in a clone where nothing was built: it goes by `released.json`.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { checkBumps } from "../bump.ts";
import { openPackageDir } from "../lib/package_dir.ts";
import { formatReleased, releasedVolume } from "../lib/released.ts";
import { describeFailure } from "../lib/version_report.ts";
import { isFailure } from "../lib/versions.ts";
import { builtFixture } from "./built_fixture.ts";
import { writeFiles } from "./package_fixture.ts";

const ENV = "krunner-env.debian12.dockerfile";

/** A family whose last release had what `builtFixture()` has, and nothing built. */
async function releasedFixture() {
  const fixture = await builtFixture();
  const { dir, manifest, outputs } = fixture;
  for (const name of Object.values(outputs)) Deno.removeSync(`${dir}/${name}`);
  // The row of the fixture is in no lock file of the project's.
  const dockerfile = Deno.readTextFileSync(`${dir}/${ENV}`)
    .replace("COPY a sources/x-1.tgz /", "COPY a /");
  writeFiles(dir, { [ENV]: dockerfile });
  const { makePlan } = await import("../lib/plan.ts");
  const { inputs } = await makePlan(fixture.target, {
    arch: "x86_64",
    base: "auto",
    buildArgs: {},
    imagePrefix: "me/krunner",
  });
  const volume = releasedVolume({ ...manifest, inputs }, "1.2.0");
  writeFiles(dir, {
    "released.json": formatReleased({
      schema: 1,
      family: "debian",
      version: "1.2.0",
      tag: "debian/1.2.0",
      commit: "abc",
      date: "2026-11-25",
      repository: null,
      files: [],
      volumes: { debian12: { x86_64: volume } },
    }),
  });
  return { ...fixture, dockerfile };
}

Deno.test("bump check goes by the last release", async (t) => {
  using fixture = await releasedFixture();
  const { dir, dockerfile } = fixture;
  const check = async () => {
    const [result] = await checkBumps([await openPackageDir(dir)], []);
    return result!;
  };
  await t.step("nothing changed", async () => {
    const { status, arch, released, recorded } = await check();
    assertEquals(
      [status, arch, released, recorded],
      ["unchanged", "x86_64", 3, null],
    );
  });
  await t.step("a file changed, the label did not", async () => {
    writeFiles(dir, { a: "other" });
    const result = await check();
    assertEquals(
      [result.status, result.changed, isFailure(result)],
      ["forgotten", ["a"], true],
    );
    assertEquals(
      describeFailure(result),
      'Volume version 3 of "debian12" was released in 1.2.0, and since then changed a: agents that have it would never read the new one; run "bump.ts volume debian12"',
    );
  });
  await t.step("the label was raised", async () => {
    writeFiles(dir, { [ENV]: dockerfile.replace("version=3", "version=4") });
    assertEquals((await check()).status, "raised");
  });
  await t.step("the label was lowered", async () => {
    writeFiles(dir, { [ENV]: dockerfile.replace("version=3", "version=2") });
    const result = await check();
    assertEquals(result.status, "lowered");
    assertEquals(
      describeFailure(result),
      'Volume version 2 of "debian12" is below 3, which was released in 1.2.0: agents have that one; run "bump.ts volume debian12 --to 4"',
    );
  });
  await t.step("another base image is each host's own matter", async () => {
    const data = JSON.parse(Deno.readTextFileSync(`${dir}/krunner.json`));
    data.debian12.base = "debian:12";
    writeFiles(dir, {
      a: "a",
      [ENV]: dockerfile,
      "krunner.json": JSON.stringify(data),
    });
    assertEquals((await check()).status, "unchanged");
  });
});
