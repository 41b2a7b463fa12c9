/**
 * `volume.ts` on a real engine, with small volumes made here.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  assertFailure,
  eventually,
  Laboratory,
  must,
  type Outcome,
  run,
  RunningBuild,
} from "./engine_fixture.ts";
import { tarOf, type TestEntry } from "./tar_builder.ts";
import { pack } from "./volume_fixture.ts";

const ROOT = new URL("../", import.meta.url);
const ARCH = Deno.build.arch;

let laboratory: Laboratory;
Deno.test.beforeAll(async () => {
  laboratory = await Laboratory.open();
});
Deno.test.afterAll(async () => {
  await laboratory[Symbol.asyncDispose]();
});

/** An archive of `count` files besides the usual ones. */
function entries(count = 3, content = "x"): TestEntry[] {
  const numbered = Array.from({ length: count }, (_, i) => ({
    name: `./lib/${String(i).padStart(5, "0")}`,
    content: `${content} ${i}\n`.repeat(100),
  }));
  return [
    { name: "./" },
    { name: "./bin/" },
    { name: "./bin/python", mode: 0o755, content: "#!/bin/sh\necho 42\n" },
    { name: "./bin/python3", type: "symbolic link", linkName: "python" },
    { name: "./lib/" },
    ...numbered,
    {
      name: "./lib/same",
      mode: 0o755,
      type: "hard link",
      linkName: "./bin/python",
    },
    { name: `./lib/${"é".repeat(70)}`, content: "long" },
  ];
}

/** A package directory with one distro version, whose name is in no other. */
class Package implements AsyncDisposable {
  readonly distroVersion = `demo-${crypto.randomUUID().slice(0, 8)}`;
  readonly dir: string;
  readonly volume: string;
  readonly archive: string;

  constructor() {
    this.dir = `${laboratory.root}/${this.distroVersion}/demo`;
    this.volume = `backendai-krunner.v3.${ARCH}.${this.distroVersion}`;
    this.archive =
      `${this.dir}/krunner-env.${this.distroVersion}.${ARCH}.tar.xz`;
  }

  static async open(content = entries()): Promise<Package> {
    const made = new Package();
    await Deno.mkdir(made.dir, { recursive: true });
    await made.write(
      `krunner-env.${made.distroVersion}.dockerfile`,
      "FROM scratch\nLABEL ai.backend.krunner.version=3\n",
    );
    await made.write(`krunner-version.${made.distroVersion}.txt`, "3\n");
    await made.pack(content);
    return made;
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(`${this.dir}/${name}`, text);
  }

  async pack(content: readonly TestEntry[]): Promise<void> {
    await Deno.writeFile(this.archive, await pack(tarOf(content)));
  }

  #argv(args: readonly string[]): [string, Deno.CommandOptions] {
    const dir = args[0] === "remove" ? [] : [`--dir=${this.dir}`];
    const [command = "", ...rest] = args;
    return [Deno.execPath(), {
      args: ["run", "-q", "-A", "volume.ts", command, ...dir, ...rest],
      cwd: ROOT,
      env: laboratory.env,
    }];
  }

  /** Runs `volume.ts` to its end. */
  async call(...args: string[]): Promise<Outcome> {
    const [program, options] = this.#argv(args);
    return await run([program, ...options.args ?? []], {
      cwd: ROOT.pathname,
      env: laboratory.env,
    });
  }

  /** Runs `volume.ts`, which must not fail; gives stdout. */
  async must(...args: string[]): Promise<string> {
    const outcome = await this.call(...args);
    assertEquals(outcome.code, 0, outcome.stderr);
    return outcome.stdout;
  }

  /** Starts `volume.ts`. */
  start(...args: string[]): RunningBuild {
    const [program, options] = this.#argv(args);
    return new RunningBuild(
      new Deno.Command(program, {
        ...options,
        stdout: "piped",
        stderr: "piped",
      })
        .spawn(),
    );
  }

  /** Loads it, which must not fail. */
  async load(...args: string[]): Promise<string> {
    return await this.must("load", this.distroVersion, ...args);
  }

  /** What `sh -c` prints in a container with the volume. */
  async inside(script: string): Promise<string> {
    return await must([
      "docker",
      "run",
      "--rm",
      "--network=none",
      "--volume",
      `${this.volume}:/v`,
      laboratory.base,
      "sh",
      "-c",
      `cd /v; ${script}`,
    ]);
  }

  async isThere(): Promise<boolean> {
    const found = await run(["docker", "volume", "inspect", this.volume]);
    return found.code === 0;
  }

  /** Fails unless there is no volume, or a complete one. */
  async assertWhole(count: number): Promise<"absent" | "complete"> {
    if (!await this.isThere()) return "absent";
    const found = await this.inside("cat VERSION; set -- lib/0*; echo $#");
    assertEquals(found, `3\n${count}`);
    return "complete";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(["docker", "volume", "rm", "--force", this.volume]);
  }
}

/** Fails unless nothing temporary is left of this test's runs. */
async function assertNoLeftovers(): Promise<void> {
  assertEquals(await leftovers(), []);
  const runs = `${laboratory.env.XDG_CACHE_HOME}/krunner/runs`;
  assertEquals(await Array.fromAsync(Deno.readDir(runs)), []);
}

/** Volumes and containers of runs that this laboratory's cache knows of. */
async function leftovers(): Promise<string[]> {
  const runs = `${laboratory.env.XDG_CACHE_HOME}/krunner/runs`;
  const found: string[] = [];
  for await (const { name } of Deno.readDir(runs)) {
    const filter = `label=ai.backend.krunner.run=${
      name.replace("docker-", "")
    }`;
    for (const list of [["ps", "-a"], ["volume", "ls"]]) {
      const names = await must(["docker", ...list, "-q", "--filter", filter]);
      found.push(...names.split("\n").filter((name) => name !== ""));
    }
  }
  return found;
}

Deno.test("volume.ts load fills the volume as the agent does", async () => {
  await using pkg = await Package.open();
  const planned = await pkg.load("--dry-run");
  assertMatch(planned, /: would be loaded \(10 entries, /);
  assert(!await pkg.isThere());
  assertEquals(
    await pkg.load(),
    planned.replace("would be loaded", "loaded"),
  );
  assertEquals(
    await pkg.inside("cat VERSION; bin/python3; echo * lib/*; lib/same"),
    `3\n42\nVERSION bin lib lib/00000 lib/00001 lib/00002 lib/same lib/${
      "é".repeat(70)
    }\n42`,
  );
  assertStringIncludes(await pkg.load(), "is there already, with the same");
  await assertNoLeftovers();
});

Deno.test("volume.ts load never overwrites other content unasked", async () => {
  await using pkg = await Package.open();
  await pkg.load();
  await pkg.inside("echo y >>lib/00001");
  const other = assertFailure(await pkg.call("load", pkg.distroVersion), 1);
  assertStringIncludes(other, `there is a volume "${pkg.volume}" with other`);
  assertStringIncludes(other, '"./lib/00001": it has 402 bytes, not 400');
  assertMatch(await pkg.load("--replace", "-n"), /: would be replaced /);
  assertEquals(await pkg.inside("cat lib/00001 | tail -n 1; :"), "y");
  const keeper = await must([
    "docker",
    "create",
    "--label",
    laboratory.label,
    "--volume",
    `${pkg.volume}:/v`,
    laboratory.base,
    "x",
  ]);
  const used = assertFailure(
    await pkg.call("load", pkg.distroVersion, "--replace"),
    1,
  );
  assertStringIncludes(used, "it belongs to the container");
  assertFailure(await pkg.call("remove", pkg.distroVersion), 1);
  await must(["docker", "rm", keeper]);
  assertMatch(await pkg.load("--replace"), /: replaced /);
  assertEquals(await pkg.assertWhole(3), "complete");
  // What an agent left half-way.
  await pkg.inside("rm VERSION lib/00002");
  assertStringIncludes(
    assertFailure(await pkg.call("load", pkg.distroVersion), 1),
    "it was filled in part only",
  );
  await assertNoLeftovers();
});

Deno.test("volume.ts load refuses archives that are not whole or not extracted rightly", async (t) => {
  const cases: [string, (pkg: Package) => Promise<unknown>, RegExp][] = [
    [
      "truncated",
      async (pkg) => {
        const bytes = await Deno.readFile(pkg.archive);
        await Deno.writeFile(pkg.archive, bytes.subarray(0, -40));
      },
      /is damaged: /,
    ],
    [
      "truncated between two entries",
      async (pkg) => {
        const tar = tarOf(entries());
        await Deno.writeFile(pkg.archive, await pack(tar.slice(0, 2048)));
      },
      /is damaged: .*ended early/,
    ],
    [
      "not packed at all",
      (pkg) => Deno.writeTextFile(pkg.archive, "hello"),
      /is damaged: /,
    ],
    [
      "a name that BusyBox changes",
      (pkg) => pkg.pack([...entries(), { name: "./lib/../x" }]),
      /is not extracted rightly by BusyBox: ".\/lib\/..\/x": it is missing, and 1 more/,
    ],
    [
      "no archive",
      (pkg) => Deno.remove(pkg.archive),
      /there is no ".*\.tar\.xz"; build it/,
    ],
    [
      "no version file",
      (pkg) =>
        Deno.remove(`${pkg.dir}/krunner-version.${pkg.distroVersion}.txt`),
      /there is no ".*krunner-version.*"; build it/,
    ],
    [
      "a version that is no number",
      (pkg) => pkg.write(`krunner-version.${pkg.distroVersion}.txt`, "three"),
      /has "three", not a positive integer/,
    ],
  ];
  for (const [name, spoil, message] of cases) {
    await t.step(name, async () => {
      await using pkg = await Package.open();
      await spoil(pkg);
      assertMatch(
        assertFailure(await pkg.call("load", pkg.distroVersion), 1),
        message,
      );
      assert(!await pkg.isThere());
      await assertNoLeftovers();
    });
  }
});

Deno.test("volume.ts load leaves all or nothing at SIGINT and SIGTERM", async () => {
  const count = 2000;
  await using pkg = await Package.open(entries(count));
  const seen = new Set<string>();
  for (let delay = 100; delay < 2600; delay += 250) {
    const load = pkg.start("load", pkg.distroVersion);
    await new Promise((resolve) => setTimeout(resolve, delay));
    const signal = delay % 500 === 100 ? "SIGINT" : "SIGTERM";
    try {
      load.child.kill(signal);
    } catch {
      // It was done already.
    }
    const { code, stderr } = await load.outcome;
    const isLate = code === 0;
    if (!isLate) assertEquals(code, signal === "SIGINT" ? 130 : 143, stderr);
    assert(!/This is a bug|^ +at /m.test(stderr), stderr);
    seen.add(await pkg.assertWhole(count));
    await assertNoLeftovers();
    await run(["docker", "volume", "rm", pkg.volume]);
  }
  assert(seen.has("absent"), [...seen].join());
});

Deno.test("volume.ts load leaves all or nothing when it is killed, and the next clears up", async () => {
  const count = 2000;
  await using pkg = await Package.open(entries(count));
  let wasLeft = false;
  for (let delay = 100; delay < 2600; delay += 150) {
    const load = pkg.start("load", pkg.distroVersion);
    await new Promise((resolve) => setTimeout(resolve, delay));
    try {
      load.child.kill("SIGKILL");
    } catch {
      // It was done already.
    }
    await load.outcome;
    await pkg.assertWhole(count);
    wasLeft ||= (await leftovers()).length > 0;
    // Removing is a run too.
    await pkg.call("remove", pkg.distroVersion);
    await assertNoLeftovers();
  }
  assert(wasLeft);
  await pkg.load();
  assertEquals(await pkg.assertWhole(count), "complete");
});

Deno.test("volume.ts load takes the place of what no engine knows of", async () => {
  await using pkg = await Package.open();
  await using other = await Package.open();
  await other.load();
  const path = await must([
    "docker",
    "volume",
    "inspect",
    "--format={{.Mountpoint}}",
    other.volume,
  ]);
  // As after a kill between the two steps: the folder is there, its name is not.
  const root = path.slice(0, path.indexOf(`/${other.volume}/`));
  await must([
    "docker",
    "run",
    "--rm",
    "--network=none",
    "--volume",
    `${root}:/volumes`,
    laboratory.base,
    "sh",
    "-c",
    `mkdir -p /volumes/${pkg.volume}/_data/old`,
  ]);
  await pkg.load();
  assertEquals(await pkg.inside("echo *"), "VERSION bin lib");
  await assertNoLeftovers();
});

Deno.test("volume.ts list tells what there is, and remove takes it away", async () => {
  await using pkg = await Package.open();
  await using other = await Package.open();
  await pkg.load();
  await other.load();
  await other.inside("rm VERSION");
  const lines = (await pkg.must("list", "--json")).trim().split("\n")
    .map((line) => JSON.parse(line));
  const found = (name: string) => lines.find((line) => line.name === name);
  const content = { complete: true, archive: "none", entries: 11 };
  const state = { version: 3, arch: ARCH, users: [] };
  const { size, ...rest } = found(pkg.volume).content;
  assert(size > 1000);
  assertEquals(rest, content);
  assertEquals({ ...found(pkg.volume), content: 0 }, {
    ...state,
    name: pkg.volume,
    distroVersion: pkg.distroVersion,
    content: 0,
  });
  assertEquals(found(other.volume).content.complete, false);
  assertMatch(await pkg.must("list"), /INCOMPLETE +backendai-krunner/);

  const unknown = assertFailure(await pkg.call("remove", "demo-none"), 2);
  assertMatch(unknown, /^Unknown volume "demo-none"/);
  assertEquals(
    await pkg.must("remove", pkg.volume, other.distroVersion, "--dry-run"),
    [pkg, other].map(({ volume }) => volume).sort()
      .map((name) => `${name}: would be removed\n`).join(""),
  );
  await pkg.must("remove", pkg.volume, other.distroVersion);
  assert(!await pkg.isThere() && !await other.isThere());
  await assertNoLeftovers();
});

Deno.test("volume.ts shell runs a command as the agent's entry point would", async () => {
  await using pkg = await Package.open();
  const args = ["shell", pkg.distroVersion, `--image=${laboratory.base}`];
  assertStringIncludes(
    assertFailure(await pkg.call(...args), 1),
    `there is no volume "${pkg.volume}"; fill it with "volume.ts load`,
  );
  await pkg.load();
  const script =
    "/opt/backend.ai/bin/python; echo $LD_LIBRARY_PATH; touch /opt/backend.ai/x; exit 7";
  const outcome = await pkg.call(...args, "--", "sh", "-c", script);
  assertEquals(
    [outcome.code, outcome.stdout],
    [7, "42\n/opt/backend.ai/lib:\n"],
  );
  assertStringIncludes(outcome.stderr, "Read-only file system");
  const missing = await pkg.call(
    "shell",
    pkg.distroVersion,
    "--image=krunner-test-none:1",
  );
  assertMatch(assertFailure(missing, 1), /no image to run it in/);
  const sleeping = pkg.start(...args, "--", "sh", "-c", "sleep 60");
  await eventually(
    "the container runs",
    async () => (await leftovers()).length > 0,
  );
  sleeping.child.kill("SIGTERM");
  assertEquals((await sleeping.outcome).code, 143);
  await assertNoLeftovers();
});
