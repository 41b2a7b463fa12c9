/**
 * The bundle `krunner.js`, which is what the compiled program holds, builds on a
 * real engine with no cache of modules.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { bundle } from "../tools/bundle.ts";
import { permissionFlags } from "../tools/compile.ts";
import { Laboratory, run } from "./engine_fixture.ts";

Deno.test("krunner.js sets up, builds, verifies and bumps what is in ./dockerfiles", async () => {
  await using laboratory = await Laboratory.open();
  const [script = ""] = await bundle(laboratory.root, ["krunner"]);
  const family = await laboratory.family();
  const place = `${laboratory.root}/an empty place`;
  await Deno.mkdir(`${place}/dockerfiles`, { recursive: true });
  await Deno.rename(family.dir, `${place}/dockerfiles/demo`);
  const krunner = async (...args: string[]) =>
    await run([
      ...[Deno.execPath(), "run", "-q", "--no-prompt", "--no-config"],
      // As the compiled program has them.
      ...permissionFlags(config.permissions.krunner),
      ...["--no-remote", "--no-npm", script, ...args],
    ], {
      cwd: place,
      env: { ...laboratory.env, DENO_DIR: `${laboratory.root}/no-modules` },
    });
  const { code, stdout, stderr } = await krunner("setup");
  assertEquals([code, stdout, stderr], [0, "", ""]);
  const build = [
    "build",
    "demo1.0",
    "--no-verify",
    `--image-prefix=${laboratory.prefix}`,
    `--base-image=${laboratory.base}`,
  ];
  const built = await krunner(...build);
  assertEquals(built.code, 0, built.stderr);
  assertMatch(
    built.stdout,
    new RegExp(
      `^demo1\\.0  built .*  dockerfiles/demo/krunner-env\\.demo1\\.0`,
    ),
  );
  const arch = Deno.build.arch;
  const info = await Deno.stat(
    `${place}/dockerfiles/demo/krunner-env.demo1.0.${arch}.tar.xz`,
  );
  assertEquals(info.isFile, true);
  assertMatch((await krunner(...build)).stderr, /demo1\.0: up to date/);
  // The volume is no good: its Python is a shell script. It is judged as ever.
  const judged = await krunner("verify", "demo1.0", "--no-engine");
  assertEquals(judged.code, 1, judged.stderr);
  assertMatch(judged.stdout + judged.stderr, /demo1\.0/);
  const bumped = await krunner("bump", "volume", "demo1.0");
  assertEquals(bumped.code, 0, bumped.stderr);
  assertMatch(bumped.stdout, /7 → 8/);
});
