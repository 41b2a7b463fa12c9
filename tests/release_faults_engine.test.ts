/**
 * Releases that fail or are killed half-way, and go on: with the real twine, an
 * index that misbehaves on demand, and `kill -9`.
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
  RunningBuild,
} from "./engine_fixture.ts";
import { PackageIndexServer } from "./package_index.ts";
import { ReleaseCheckout } from "./release_fixture.ts";

let laboratory: Laboratory;
/** One that is built: copies of it have only the rest to do. */
let built: ReleaseCheckout;
Deno.test.beforeAll(async () => {
  laboratory = await Laboratory.open();
  built = await ReleaseCheckout.make(laboratory);
  const { code, stderr } = await built.script("build", built.name);
  assertEquals(code, 0, stderr);
});
Deno.test.afterAll(async () => {
  await laboratory[Symbol.asyncDispose]();
});

/** The command line of a release to an index, where nobody waits long. */
function to(index: PackageIndexServer, ...args: string[]): string[] {
  const place = ["--repository-url", index.uploadUrl];
  return ["--yes", ...place, "--wait", "2", ...args];
}

function start(checkout: ReleaseCheckout, args: string[]): RunningBuild {
  const [program = "", ...rest] = checkout.argv(args);
  return new RunningBuild(
    new Deno.Command(program, {
      args: rest,
      ...checkout.surroundings,
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

/** All is there, and nothing twice. */
async function assertReleased(
  { code, stderr }: Outcome,
  checkout: ReleaseCheckout,
  index: PackageIndexServer,
): Promise<void> {
  assertEquals(code, 0, stderr);
  assertEquals(index.stored, checkout.files("0.1.0"));
  assertEquals(await checkout.git("tag"), "0.1.0");
  assertEquals(
    await checkout.git("log", "--format=%s"),
    "Release backend.ai-krunner-demo 0.1.0\nbegin",
  );
  assertEquals(
    await checkout.git("rev-parse", "0.1.0^{commit}"),
    await checkout.git("rev-parse", "HEAD"),
  );
  assertEquals(
    (await checkout.read("CHANGELOG.md")).match(/^## /gm)?.length,
    1,
  );
  const again = await checkout.release(["--resume", "--yes", "--skip-publish"]);
  assertMatch(
    assertFailure(again, 1),
    /^Cannot go on: no release of .* is unf/,
  );
}

Deno.test("release.ts says what is up, and goes on with the rest", async (t) => {
  await using index = new PackageIndexServer();
  const checkout = await built.copy();
  const [wheel, sdist] = checkout.files("0.1.0");
  const args = to(index);
  const cases: [(number | "cut" | "ok")[], RegExp][] = [
    [["ok", 400], /twine says: .*400/],
    [[409], /twine says: .*409/],
    [["cut"], /twine says: .*(Connection|Remote|reset)/],
    [[503, 503, 503, 503, 503], /twine says: .*503/],
  ];
  for (const [index_, [faults, said]] of cases.entries()) {
    await t.step(faults.join(", "), async () => {
      index.faults = [...faults];
      const resume = index_ === 0 ? [] : ["--resume"];
      const outcome = await checkout.release([...args, ...resume]);
      const message = assertFailure(outcome, 1);
      assertMatch(message, said);
      assertStringIncludes(
        message,
        `; on the index: ${wheel}; not there: ${sdist}`,
      );
      assertMatch(
        outcome.stderr,
        /note: all before "upload" is finished; .* --wait 2 --resume"/,
      );
      assertEquals(index.stored, [wheel]);
    });
  }
  await t.step("it cannot begin anew without a word", async () => {
    const message = assertFailure(await checkout.release(args), 1);
    assertMatch(
      message,
      /^Cannot begin a release: that of backend\.ai-krunner-demo 0\.1\.0 is unfinished, next is "upload"; go on with "--resume", or remove ".*\/\.git\/krunner\/release-demo\.json" to begin anew \(it began to upload /,
    );
  });
  await t.step("it goes on with nothing else", async () => {
    const elsewhere = await checkout.release(
      ["--yes", "--resume", "--skip-publish"],
    );
    assertMatch(
      assertFailure(elsewhere, 1),
      /^Cannot go on with the release of .*: repository was "http:.*", and is none \(no upload\) now; /,
    );
    await checkout.git("commit", "--quiet", "--allow-empty", "-m", "more");
    const later = await checkout.release([...args, "--resume"]);
    assertMatch(
      assertFailure(later, 1),
      /: commit was ".*", and is ".*" now; /,
    );
    await checkout.git("reset", "--quiet", "--hard", "HEAD^");
  });
  await t.step("an answer that is lost is no second upload", async () => {
    index.faults = ["lost"];
    const outcome = await checkout.release([...args, "--resume"]);
    await assertReleased(outcome, checkout, index);
    assertEquals(
      index.attempts.filter((line) => line.startsWith(wheel)),
      [`${wheel} ok`],
    );
  });
});

Deno.test("release.ts sits out a busy, slow and late index", async () => {
  await using index = new PackageIndexServer();
  const checkout = await built.copy();
  index.faults = [503, "slow", "slow"];
  const run = start(checkout, to(index, "--wait", "30"));
  await run.saw(/tar\.gz: uploading/);
  index.lag = 2;
  const outcome = await run.outcome;
  await assertReleased(outcome, checkout, index);
  assertMatch(outcome.stderr, /whl: reads back the same/);
});

Deno.test("release.ts never uploads twice what a kill interrupted", async () => {
  await using index = new PackageIndexServer();
  const checkout = await built.copy();
  const args = to(index);
  index.faults = ["hang"];
  const run = start(checkout, args);
  await run.saw(/whl: uploading/);
  while (index.stored.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const second = await checkout.release([...args, "--resume"]);
  assertMatch(
    assertFailure(second, 1),
    /^Cannot release .*: another process does \(process \d+\); wait/,
  );
  run.child.kill("SIGKILL");
  await run.outcome.finally(() => index.cut());
  const outcome = await checkout.release([...args, "--resume"]);
  assertMatch(outcome.stderr, /whl: is on the index already/);
  await assertReleased(outcome, checkout, index);
});

/** A hook of git that stops where the file `hold` names the reference and state. */
const HOOK = `#!/bin/sh
cd "$(dirname "$0")"
[ "$(cut -d " " -f 1 hold 2>/dev/null)" = "$1" ] || exit 0
grep -q " $(cut -d " " -f 2 hold)$" || exit 0
touch held
while [ -e hold ]; do sleep 0.1; done
rm held
exit "$(cat code)"
`;

/** Holds git at a change of a reference, kills the release, and lets git end. */
async function killAt(
  checkout: ReleaseCheckout,
  args: string[],
  change: string,
  code: 0 | 1,
): Promise<void> {
  const hooks = `${checkout.top}/.git/hooks`;
  const has = (name: string) =>
    Deno.stat(`${hooks}/${name}`).then(() => true, () => false);
  await Deno.writeTextFile(`${hooks}/reference-transaction`, HOOK);
  await Deno.chmod(`${hooks}/reference-transaction`, 0o755);
  await Deno.writeTextFile(`${hooks}/code`, String(code));
  await Deno.writeTextFile(`${hooks}/hold`, change);
  const run = start(checkout, args);
  await eventually("git is held", () => has("held"), 30_000);
  run.child.kill("SIGKILL");
  await run.child.status;
  await Deno.remove(`${hooks}/hold`);
  await run.outcome;
  // git itself lives on, and ends in its own time.
  await eventually(
    "git has ended",
    async () =>
      !await has("held") && !await has("../index.lock") &&
      !await has("../HEAD.lock"),
  );
}

Deno.test("release.ts goes on after a kill at each step", async (t) => {
  await using index = new PackageIndexServer();
  const checkout = await built.copy();
  const args = to(index);
  let resume: string[] = [];
  // What comes after these is over too soon for a kill, unless git is held.
  for (const step of ["build", "verify", "check", "upload"]) {
    await t.step(step, async () => {
      const run = start(checkout, [...args, ...resume]);
      await run.saw(new RegExp(`^== ${step}$`, "m"));
      run.child.kill("SIGKILL");
      await run.outcome;
      resume = ["--resume"];
    });
  }
  const branch = "refs/heads/main";
  const tag = "refs/tags/0.1.0";
  for (
    const [change, code] of [
      [`prepared ${branch}`, 1],
      [`committed ${branch}`, 0],
      [`prepared ${tag}`, 1],
      [`committed ${tag}`, 0],
    ] as const
  ) {
    await t.step(change, async () => {
      await killAt(checkout, [...args, "--resume"], change, code);
    });
  }
  await assertReleased(
    await checkout.release([...args, "--resume"]),
    checkout,
    index,
  );
});

Deno.test("release.ts ends in order on SIGTERM, and keeps the state", async () => {
  await using index = new PackageIndexServer();
  const checkout = await built.copy();
  index.faults = ["hang"];
  const run = start(checkout, to(index));
  await run.saw(/whl: uploading/);
  run.child.kill("SIGTERM");
  const outcome = await run.outcome;
  assertEquals(assertFailure(outcome, 143), "Cancelled");
  assertMatch(outcome.stderr, /note: all before "upload" is finished/);
  // twine may have been ended before it had sent anything.
  index.faults = [];
  index.cut();
  const rest = await checkout.release(to(index, "--resume"));
  await assertReleased(rest, checkout, index);
});

Deno.test("release.ts trusts no file that it did not make", async (t) => {
  await using index = new PackageIndexServer();
  const checkout = await built.copy();
  const [wheel, sdist] = checkout.files("0.1.0");
  const args = to(index);
  index.faults = [400];
  assertFailure(await checkout.release(args), 1);
  await t.step("on the disk", async () => {
    const path = `${checkout.top}/dist/${sdist}`;
    const bytes = await Deno.readFile(path);
    await Deno.writeFile(path, bytes.slice(1));
    const message = assertFailure(
      await checkout.release([...args, "--resume"]),
      1,
    );
    assertMatch(
      message,
      /^Cannot go on: ".*\.tar\.gz" is not the file that th/,
    );
    await Deno.writeFile(path, bytes);
  });
  await t.step("on the index", async () => {
    await index.put(sdist, new TextEncoder().encode("other"));
    const message = assertFailure(
      await checkout.release([...args, "--resume"]),
      1,
    );
    assertMatch(
      message,
      /^Cannot upload ".*\.tar\.gz": the index has another file of this name, /,
    );
    assertStringIncludes(message, `; on the index: ${wheel}; not there: `);
    assertEquals(await checkout.git("tag"), "");
  });
});

Deno.test("release.ts tags what it released, whatever is committed meanwhile", async () => {
  await using index = new PackageIndexServer();
  const checkout = await built.copy();
  index.faults = ["slow"];
  const run = start(checkout, to(index));
  await run.saw(/whl: uploading/);
  await checkout.git("commit", "--quiet", "--allow-empty", "-m", "more");
  assertMatch(
    assertFailure(await run.outcome, 1),
    /^Cannot go on: the release is of the commit [0-9a-f]{12}, and [0-9a-f]{12} is checked out now; /,
  );
  await checkout.git("reset", "--quiet", "--soft", "HEAD^");
  const rest = await checkout.release(to(index, "--resume"));
  await assertReleased(rest, checkout, index);
});

Deno.test("release.ts without an upload needs no index and no password", async () => {
  const checkout = await built.copy();
  const { code, stderr } = await checkout.release(
    ["--yes", "--skip-publish", "--tag", "demo-one"],
    { TWINE_USERNAME: "", TWINE_PASSWORD: "" },
  );
  assertEquals(code, 0, stderr);
  assertEquals(await checkout.git("tag"), "demo-one");
  const released = JSON.parse(await checkout.read("released.json"));
  assertEquals([released.repository, released.tag], [null, "demo-one"]);
  assert(released.files.length === 2);
});

Deno.test("release.ts calls twine through uv where there is no other way", async () => {
  await using index = new PackageIndexServer();
  const checkout = await built.copy();
  const twine = (await must(["sh", "-c", "command -v twine"])).trim();
  const PATH = await pathWithout("twine", "uv");
  // uv itself cannot be had everywhere: this knows one of its command lines.
  await Deno.writeTextFile(
    `${PATH}/uv`,
    `#!/bin/sh
[ "$1 $2 $3" = "tool run twine" ] || exit 9
shift 3
exec '${twine}' "$@"
`,
    { mode: 0o755 },
  );
  const outcome = await checkout.release(to(index), { PATH });
  await assertReleased(outcome, checkout, index);
  assertMatch(outcome.stderr, /^twine +ok +uv tool run twine \d/m);
});

Deno.test("release.ts changes nothing before all checks pass", async (t) => {
  await using index = new PackageIndexServer();
  const url = ["--repository-url", index.uploadUrl];
  const cases: [
    string,
    (checkout: ReleaseCheckout) => Promise<unknown>,
    RegExp,
    Record<string, string>?,
  ][] = [
    [
      "a file that is not committed",
      ({ dir }) => Deno.writeTextFile(`${dir}/new file`, ""),
      /^Cannot release what is not committed: families\/demo\/new file; commit,/,
    ],
    [
      "a file that Git ignores",
      async ({ top, dir }) => {
        await Deno.writeTextFile(`${top}/.git/info/exclude`, "*.key\n");
        await Deno.writeTextFile(`${dir}/licenses/a.key`, "secret");
      },
      /^Cannot release what Git ignores: families\/demo\/licenses\/a\.key; the sdist /,
    ],
    [
      "another branch",
      (checkout) => checkout.git("checkout", "--quiet", "-b", "try"),
      /^Cannot release from the branch "try": releases are made from "main" or "master"; /,
    ],
    [
      "no branch",
      (checkout) => checkout.git("checkout", "--quiet", "--detach"),
      /^Cannot release from no branch: /,
    ],
    [
      "a shallow clone",
      async (checkout) => {
        const head = await checkout.git("rev-parse", "HEAD");
        await Deno.writeTextFile(`${checkout.top}/.git/shallow`, `${head}\n`);
      },
      /^Cannot release from a shallow clone: .*; run "git fetch --unshallow --tags"$/,
    ],
    [
      "a tag that is taken",
      (checkout) => checkout.git("tag", "0.1.0"),
      /^Cannot make the tag "0\.1\.0": it is there, on [0-9a-f]{12}; /,
    ],
    [
      "a version below a tag's",
      (checkout) => checkout.git("tag", "v0.2.0"),
      /^Cannot release version 0\.1\.0: 0\.2\.0 was released, and a version only /,
    ],
    [
      "a forgotten bump",
      async (checkout) => {
        await checkout.replace("note", "one", "two");
        await checkout.commit("change");
      },
      /^Volume version 3 of "demo-.*" was built from other inputs: agents /,
    ],
    [
      "a distro version that nothing makes",
      async (checkout) => {
        await Deno.writeTextFile(
          `${checkout.dir}/versions.txt`,
          `${checkout.name}\nother9\n`,
        );
        await checkout.commit("change");
      },
      /^".*versions\.txt" lists "other9", which has no krunner-env\.other9\.dock/,
    ],
    [
      "no password",
      () => Promise.resolve(),
      /^Cannot upload to "http.*": twine has no password for it, and no terminal to ask on; set TWINE_PASSWORD /,
      { TWINE_PASSWORD: "" },
    ],
    [
      "no twine",
      () => Promise.resolve(),
      /^Cannot check and upload: neither twine nor uv works here; run "apt /,
      { PATH: await pathWithout("twine", "uv") },
    ],
    [
      "no engine",
      () => Promise.resolve(),
      /^Cannot reach the docker engine: it is not running, or went away; /,
      { DOCKER_HOST: "unix:///nowhere" },
    ],
    [
      "nobody to commit",
      async (checkout) => {
        await checkout.git("config", "--unset", "user.email");
        await checkout.git("config", "user.useConfigOnly", "true");
      },
      /^Cannot commit: git does not know who you are; /,
    ],
    [
      "a computed version",
      async (checkout) => {
        await checkout.replace("__init__.py", "'0.1.0'", "find()");
        await checkout.commit("change");
      },
      /^Cannot release ".*": ".*__init__\.py" has no version written in it, /,
    ],
  ];
  for (const [name, change, expected, env] of cases) {
    await t.step(name, async () => {
      const checkout = await built.copy();
      await change(checkout);
      const before = await checkout.git("status", "--porcelain");
      for (const how of ["--yes", "--dry-run"]) {
        const outcome = await checkout.release([how, ...url], env ?? {});
        assertEquals(outcome.code, 1, outcome.stderr);
        const [, message = ""] = /^error: (.*)$/m.exec(outcome.stderr) ?? [];
        assertMatch(message, expected);
      }
      assertEquals(await checkout.git("status", "--porcelain"), before);
      const made = Deno.stat(`${checkout.top}/dist`);
      assert(await made.then(() => false, () => true));
    });
  }
  assertEquals(index.attempts, []);
});

/** A folder with links to all that is on PATH, some programs aside. */
async function pathWithout(...programs: string[]): Promise<string> {
  const dir = await Deno.makeTempDir({ dir: laboratory.root });
  for (const from of (Deno.env.get("PATH") ?? "").split(":")) {
    const entries = await Array.fromAsync(Deno.readDir(from)).catch(() => []);
    for (const { name } of entries) {
      if (programs.includes(name)) continue;
      await Deno.symlink(`${from}/${name}`, `${dir}/${name}`).catch(() => {});
    }
  }
  return dir;
}
