import { assertEquals } from "@std/assert";
import {
  describeListDifferences,
  parseVersionsList,
} from "../lib/versions_list.ts";
import { packageFixture } from "./package_fixture.ts";

Deno.test("parseVersionsList() takes one distro version a line", () => {
  assertEquals(parseVersionsList("ubuntu16.04\r\n\n ubuntu18.04"), [
    "ubuntu16.04",
    "ubuntu18.04",
  ]);
  assertEquals(parseVersionsList("\n"), []);
});

Deno.test("describeListDifferences() tells both ways", async (t) => {
  using fixture = await packageFixture({
    "krunner-env.debian12.dockerfile": "",
    "krunner-env.debian13.dockerfile": "",
    "versions.txt": "debian12\nstatic\n",
  });
  const { dir, target: { pkg } } = fixture;
  const missing =
    `"${dir}/versions.txt" does not list "debian13": an agent never looks for its volume; add the line before you release it`;
  await t.step("for all", async () => {
    assertEquals(await describeListDifferences(pkg), [
      missing,
      `"${dir}/versions.txt" lists "static", which has no krunner-env.static.dockerfile: an agent looks for a volume that nobody can build; remove the line, or add the dockerfile`,
    ]);
  });
  await t.step("for some", async () => {
    assertEquals(await describeListDifferences(pkg, ["debian12"]), []);
    assertEquals(await describeListDifferences(pkg, ["debian13"]), [missing]);
  });
  await t.step("where there is none", async () => {
    using bare = await packageFixture({
      "krunner-env.debian12.dockerfile": "",
    });
    assertEquals(await describeListDifferences(bare.target.pkg), [
      `There is no "${bare.dir}/versions.txt": an agent finds no volume of this package; list its distro versions there, one a line`,
    ]);
  });
});
