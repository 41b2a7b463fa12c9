/**
 * The single-file scripts, and the program that is compiled from one of them: the
 * same bytes, so what holds for the bundle holds for the program.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { archiveTime } from "../lib/archive_time.ts";
import config from "../deno.json" with { type: "json" };
import { readEmbedded } from "../tools/embed.ts";
import { bundle, BUNDLES } from "../tools/bundle.ts";
import { compileFault, permissionFlags } from "../tools/compile.ts";
import { RECORD } from "../lib/unpack.ts";
import { assertFailure, must, type Outcome, run } from "./engine_fixture.ts";
import { tempDir } from "./package_fixture.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const COMPILE = ["run", "-q", "-A", "tools/compile.ts"];

/** Makes the bundles once for all steps of a test. */
async function openBundles() {
  const dir = tempDir();
  await bundle(`${dir.path}/dist`);
  return {
    ...dir,
    /** Runs a bundle in `cwd`, with no cache, no network and no configuration. */
    run: (cwd: string, script: string, ...args: string[]): Promise<Outcome> =>
      run([
        ...[Deno.execPath(), "run", "-q", "--no-prompt"],
        // As the compiled program has them.
        ...permissionFlags(config.permissions.krunner),
        ...["--no-config", "--no-remote", "--no-npm", "--cached-only"],
        `${dir.path}/dist/${script}`,
        ...args,
      ], { cwd, env: { DENO_DIR: `${dir.path}/deno`, HOME: dir.path } }),
  };
}

/** All files and links below a folder, by path, with modes and contents. */
async function readTree(root: string): Promise<string> {
  return await must([
    ...["tar", "-C", root, "--sort=name", "--mtime=@0", "--owner=0"],
    ...["--group=0", `--exclude=./${RECORD}`, "-cf", "-", "."],
  ]);
}

Deno.test("bundles work in an empty folder without network and caches", async (t) => {
  using bundles = await openBundles();
  using place = tempDir();
  const krunner = (...args: string[]) =>
    bundles.run(place.path, "krunner.js", ...args);

  for (const name of BUNDLES) {
    await t.step(`${name}.js --help`, async () => {
      const { code, stdout, stderr } = await bundles.run(
        place.path,
        `${name}.js`,
        "--help",
      );
      assertEquals([code, stderr], [0, ""]);
      const typed = name === "krunner" ? "krunner" : `${name}\\.js`;
      assertMatch(stdout, new RegExp(`^ {2}${typed} `, "m"));
      assert(!/\b[a-z]+\.ts\b/.test(stdout), stdout);
    });
  }

  await t.step("nothing is unpacked to look at things", async () => {
    const plan = await bundles.run(
      place.path,
      "build.js",
      "--dry-run",
      "--json",
      "debian12",
    );
    assertEquals(plan.code, 0, plan.stderr);
    assertEquals(JSON.parse(plan.stdout).status, "planned");
    assertMatch(plan.stderr, /taking krunner's own, which "build\.js" puts/);
    const shown = await bundles.run(place.path, "bump.js", "show");
    assertMatch(shown.stdout, /^debian12 +\d+ /m);
    assertMatch(
      (await krunner("__complete", "build", "ubuntu24")).stdout,
      /^ubuntu24\.04\t$/m,
    );
    const outcome = await krunner("volume", "load", "debian12");
    assertMatch(assertFailure(outcome, 1), /"krunner build debian12"/);
    const release = await krunner("release", "debian", "--dry-run");
    assertMatch(assertFailure(release, 1), /git finds no checkout there/);
    assertEquals([...Deno.readDirSync(place.path)], []);
  });

  await t.step(
    "the dockerfiles appear as they are in the project",
    async () => {
      const { code, stdout, stderr } = await krunner(
        "bump",
        "volume",
        "debian12",
      );
      assertEquals(code, 0, stderr);
      assertEquals(
        stderr,
        `Unpacked the dockerfiles of krunner ${config.version} into "dockerfiles"\n`,
      );
      assertMatch(stdout, /^debian12: volume version/);
      using fresh = tempDir();
      await krunnerIn(fresh.path);
      const { dockerfiles } = await readEmbedded(ROOT.replace(/\/$/, ""));
      using expected = tempDir();
      for (const path of Object.keys(dockerfiles)) {
        const target = `${expected.path}/${path}`;
        await must(["mkdir", "-p", target.replace(/\/[^/]*$/, "")]);
        await must(["cp", "-dp", `${ROOT}dockerfiles/${path}`, target]);
      }
      await must(["chmod", "-R", "u=rwX,go=rX", expected.path]);
      await must(["chmod", "-R", "u=rwX,go=rX", `${fresh.path}/dockerfiles`]);
      assertEquals(
        await readTree(`${fresh.path}/dockerfiles`),
        await readTree(expected.path),
      );
      // So that volumes are the same, whichever they are built with.
      for (const family of ["debian", "ubuntu", "static-gnu"]) {
        assertEquals(
          await archiveTime(
            undefined,
            `${fresh.path}/dockerfiles/${family}`,
            () => {},
          ),
          await archiveTime(
            undefined,
            `${ROOT}dockerfiles/${family}`,
            () => {},
          ),
        );
      }
      // The one that was bumped is not replaced, nor anything said of it.
      const again = await krunner("bump", "volume", "debian12", "--dry-run");
      assertEquals([again.code, again.stderr], [0, ""]);
    },
  );

  /** Has the dockerfiles unpacked: a build that goes no further than its names. */
  async function krunnerIn(cwd: string): Promise<void> {
    assertFailure(await bundles.run(cwd, "krunner.js", "build", "nothing"), 2);
  }

  await t.step("a folder that is there is taken as it is", async () => {
    using own = tempDir({
      "dockerfiles/mine/krunner-env.mine1.dockerfile":
        "FROM scratch\nLABEL ai.backend.krunner.version=3\n",
      "dockerfiles/mine/versions.txt": "mine1\n",
    });
    const { stdout, stderr } = await bundles.run(
      own.path,
      "krunner.js",
      "bump",
      "show",
    );
    assertEquals(stderr, "");
    assertMatch(stdout, /^mine1 +3 /m);
    assert(!stdout.includes("debian12"), stdout);
  });

  await t.step(
    "a folder that cannot be made is one clear message",
    async () => {
      using own = tempDir({ dockerfiles: "a file" });
      const outcome = await bundles.run(
        own.path,
        "krunner.js",
        "build",
        "debian12",
      );
      assertMatch(assertFailure(outcome, 1), /"dockerfiles"/);
    },
  );
});

Deno.test("deno task compile makes one program of the bundle krunner.js", async () => {
  using dir = tempDir();
  const out = `${dir.path}/new folder`;
  const deno = await Deno.realPath(Deno.execPath());
  // Deno in denort's place: all is embedded, though the result does not run as
  // our program.
  const { code, stdout, stderr } = await run(
    [deno, ...COMPILE, `--dir=${out}`],
    { cwd: ROOT, env: { DENORT_BIN: deno } },
  );
  assertEquals([code, stdout, stderr], [0, `${out}/krunner\n`, ""]);
  const program = await Deno.readFile(`${out}/krunner`);
  const tail = program.subarray((await Deno.stat(deno)).size);
  const script = await Deno.readFile(`${out}/krunner.js`);
  assert(indexOf(tail, script) > 0, "no bundle in it");
  const words = new TextDecoder().decode(tail);
  assertMatch(words, /"prompt":false/);
  assertMatch(words, /"log_level":"ERROR"/);
  assertMatch(words, /"allow_run":\["busybox",/);
});

/** Where `part` begins in `whole`, -1 where it does not. */
function indexOf(whole: Uint8Array, part: Uint8Array): number {
  let at = whole.indexOf(part[0]!);
  while (at >= 0 && !part.every((byte, i) => whole[at + i] === byte)) {
    at = whole.indexOf(part[0]!, at + 1);
  }
  return at;
}

Deno.test("deno task compile names DENORT_BIN where denort cannot be had", async (t) => {
  using dir = tempDir();
  const cases: [string, string[], Record<string, string>, number, RegExp][] = [
    // A proxy that nobody listens at: on a host with a network too.
    [
      "no network",
      ["--target=aarch64-apple-darwin"],
      { HTTPS_PROXY: "http://127.0.0.1:9" },
      1,
      /^Cannot compile for aarch64-apple-darwin: denort cannot be downloaded \(https:\S+\.zip\).* DENORT_BIN=\/path\/to\/denort deno task compile --target aarch64-apple-darwin$/,
    ],
    [
      "a file that is not there",
      [],
      { DENORT_BIN: "/nonexistent/denort" },
      1,
      /^Cannot compile for .*: DENORT_BIN names "\/nonexistent\/denort"/,
    ],
    ["a machine that nobody knows", ["--target=vax"], {}, 2, /"--target=vax"/],
    ["a name", ["debian12"], {}, 2, /^Cannot use "debian12"/],
    [
      "one denort for two machines",
      ["--target=x86_64-apple-darwin", "--target=aarch64-apple-darwin"],
      { DENORT_BIN: "/nonexistent/denort" },
      2,
      /with one DENORT_BIN/,
    ],
  ];
  for (const [name, args, env, code, message] of cases) {
    await t.step(name, async () => {
      const outcome = await run([
        ...["env", "-u", "DENORT_BIN"],
        ...Object.entries(env).map(([key, value]) => `${key}=${value}`),
        ...[Deno.execPath(), ...COMPILE, `--dir=${dir.path}`, ...args],
      ], { cwd: ROOT, env: await cachesWithout(dir.path, name) });
      assertMatch(assertFailure(outcome, code), message);
      const left = [...Deno.readDirSync(dir.path)].map(({ name }) => name);
      assertEquals(left.filter((name) => /^krunner($|-)/.test(name)), []);
    });
  }
});

/** Deno's cache, but for a denort that was downloaded before. */
async function cachesWithout(
  dir: string,
  name: string,
): Promise<Record<string, string>> {
  if (name !== "no network") return {};
  const info = JSON.parse(await must([Deno.execPath(), "info", "--json"]));
  const caches = `${dir}/caches`;
  await Deno.mkdir(caches);
  for (const { name } of Deno.readDirSync(info.denoDir)) {
    if (name === "dl") continue;
    await Deno.symlink(`${info.denoDir}/${name}`, `${caches}/${name}`);
  }
  // esbuild lies beside it.
  await Deno.mkdir(`${caches}/dl`);
  for await (const { name } of Deno.readDir(`${info.denoDir}/dl`)) {
    if (name.startsWith("release")) continue;
    await Deno.symlink(`${info.denoDir}/dl/${name}`, `${caches}/dl/${name}`);
  }
  return { DENO_DIR: caches };
}

Deno.test("compileFault() passes on what it does not know", () => {
  assertEquals(
    compileFault("t", "error: No space left\n"),
    'Cannot compile for t: "deno compile" says: error: No space left',
  );
});

Deno.test("permissionFlags() writes a set as flags", () => {
  assertEquals(
    permissionFlags({ read: true, ffi: false, run: ["docker", "xz"] }),
    ["--allow-read", "--allow-run=docker,xz"],
  );
});
