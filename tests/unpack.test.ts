import { assert, assertEquals, assertRejects, fail } from "@std/assert";
import { archiveTime } from "../lib/archive_time.ts";
import type { EmbeddedData, EmbeddedFile } from "../lib/embedded.ts";
import { KrunnerError } from "../lib/errors.ts";
import { describeUnpacked } from "../lib/own_dockerfiles.ts";
import { planStep, RECORD, unpackDockerfiles } from "../lib/unpack.ts";
import { tempDir, writeFiles } from "./package_fixture.ts";

const FILES: Record<string, EmbeddedFile> = {
  "debian/krunner.json": { text: "{}\n" },
  "debian/recipe": { link: "../recipe" },
  "recipe/make.sh": { text: "#!/bin/sh\n", executable: true },
};

function data(
  dockerfiles: Record<string, EmbeddedFile> = FILES,
  version = "1.0.0",
): EmbeddedData {
  return { version, times: { debian: 1000 }, dockerfiles, ttyd: {} };
}

Deno.test("unpackDockerfiles() makes files, links and modes", async (t) => {
  for (const state of ["missing", "empty"]) {
    await t.step(`where the folder is ${state}`, async () => {
      using dir = tempDir();
      const root = `${dir.path}/docker files`;
      if (state === "empty") await Deno.mkdir(root);
      assertEquals(await unpackDockerfiles(data(), root), {
        status: "unpacked",
      });
      assertEquals(
        await Deno.readTextFile(`${root}/debian/recipe/make.sh`),
        "#!/bin/sh\n",
      );
      assertEquals(await Deno.readLink(`${root}/debian/recipe`), "../recipe");
      const modeOf = async (path: string) =>
        (await Deno.stat(`${root}/${path}`)).mode! & 0o777;
      assertEquals(await modeOf("recipe/make.sh"), 0o755);
      assertEquals(await modeOf("debian/krunner.json"), 0o644);
      assertEquals(await modeOf(""), 0o755);
      assertEquals(await unpackDockerfiles(data(), root), { status: "as-is" });
      const names = [...Deno.readDirSync(dir.path)].map(({ name }) => name);
      assertEquals(names, ["docker files"]);
    });
  }
});

Deno.test("unpackDockerfiles() keeps the time stamps of archives", async () => {
  using dir = tempDir();
  const root = `${dir.path}/dockerfiles`;
  await unpackDockerfiles(data(), root);
  assertEquals(await archiveTime(undefined, `${root}/debian`, fail), 1000);
  assertEquals(await archiveTime(7, `${root}/debian`, fail), 7);
  assertEquals(await archiveTime(undefined, `${root}/recipe`, fail), 0);
});

Deno.test("unpackDockerfiles() leaves a folder alone that it did not make", async () => {
  using dir = tempDir({ "dockerfiles/debian/krunner.json": "mine" });
  const root = `${dir.path}/dockerfiles`;
  assertEquals(await unpackDockerfiles(data(), root), { status: "as-is" });
  assertEquals(await Deno.readTextFile(`${root}/debian/krunner.json`), "mine");
  assertEquals([...Deno.readDirSync(root)].length, 1);
});

Deno.test("unpackDockerfiles() leaves nothing behind where it cannot write", async () => {
  using dir = tempDir({ file: "" });
  const error = await assertRejects(
    () => unpackDockerfiles(data(), `${dir.path}/missing/dockerfiles`),
    KrunnerError,
  );
  assert(error.message.startsWith("Cannot write "), error.message);
  const broken = data({ "x": { link: "" } });
  await assertRejects(() =>
    unpackDockerfiles(broken, `${dir.path}/dockerfiles`)
  );
  const names = [...Deno.readDirSync(dir.path)].map(({ name }) => name);
  assertEquals(names, ["file"]);
});

Deno.test("unpackDockerfiles() is done once where two do it at a time", async () => {
  using dir = tempDir();
  const root = `${dir.path}/dockerfiles`;
  await Promise.all(
    Array.from({ length: 5 }, () => unpackDockerfiles(data(), root)),
  );
  assertEquals(await unpackDockerfiles(data(), root), { status: "as-is" });
  const names = [...Deno.readDirSync(dir.path)].map(({ name }) => name);
  assertEquals(names, ["dockerfiles"]);
});

Deno.test("unpackDockerfiles() updates what nobody changed", async () => {
  using dir = tempDir();
  const root = `${dir.path}/dockerfiles`;
  const old = data({
    ...FILES,
    "debian/changed": { text: "1" },
    "debian/gone": { text: "1" },
    "debian/removed": { text: "1" },
    "debian/mine": { text: "1" },
  });
  await unpackDockerfiles(old, root);
  writeFiles(root, { "debian/mine": "2", "debian/own": "0" });
  await Deno.remove(`${root}/debian/removed`);
  const fresh = data({
    ...FILES,
    "debian/changed": { text: "3", executable: true },
    "debian/removed": { text: "3" },
    "debian/mine": { text: "3" },
    "alpine/new": { text: "3" },
  }, "1.1.0");
  assertEquals(await unpackDockerfiles(fresh, root), {
    status: "updated",
    from: "1.0.0",
    changed: ["alpine/new", "debian/changed", "debian/gone"],
    kept: ["debian/mine"],
  });
  const names = [...Deno.readDirSync(`${root}/debian`)].map(({ name }) => name);
  assertEquals(names.sort(), [
    "changed",
    "krunner.json",
    "mine",
    "own",
    "recipe",
  ]);
  const changed = `${root}/debian/changed`;
  assertEquals(await Deno.readTextFile(changed), "3");
  assertEquals((await Deno.stat(changed)).mode! & 0o777, 0o755);
  assertEquals(await Deno.readTextFile(`${root}/debian/mine`), "2");
  assertEquals(await unpackDockerfiles(fresh, root), { status: "as-is" });
});

Deno.test("unpackDockerfiles() refuses a record that it cannot read", async () => {
  using dir = tempDir({ [RECORD]: "{" });
  const error = await assertRejects(
    () => unpackDockerfiles(data(), dir.path),
    KrunnerError,
  );
  assert(error.message.includes("remove it to keep"), error.message);
});

Deno.test("planStep() never replaces what somebody changed", async (t) => {
  const cases: [string, Parameters<typeof planStep>, string][] = [
    ["new", [undefined, undefined, "b"], "write"],
    ["changed by the new version", ["a", "a", "b"], "write"],
    ["the same in both", ["a", "a", "a"], "nothing"],
    ["dropped by the new version", ["a", "a", undefined], "remove"],
    ["changed by the user", ["x", "a", "b"], "keep"],
    ["changed by the user as the new version", ["b", "a", "b"], "nothing"],
    ["changed by the user, dropped", ["x", "a", undefined], "keep"],
    ["removed by the user", [undefined, "a", "b"], "nothing"],
    ["the user's own under a new name", ["x", undefined, "b"], "keep"],
    ["removed by both", [undefined, "a", undefined], "nothing"],
  ];
  for (const [name, args, step] of cases) {
    await t.step(name, () => assertEquals(planStep(...args), step));
  }
});

Deno.test("describeUnpacked() says what was done and what not", () => {
  assertEquals(describeUnpacked({ status: "as-is" }, "2.0.0", "x"), "");
  assertEquals(
    describeUnpacked(
      { status: "updated", from: "1.0.0", changed: ["a"], kept: ["b", "c"] },
      "2.0.0",
      "dockerfiles",
    ),
    `Updated "dockerfiles" from krunner 1.0.0 to 2.0.0: 1 file(s)
Left alone, for they were changed here: b, c; move "dockerfiles" away to start from krunner's own`,
  );
});
