import { assert, assertEquals, assertRejects } from "@std/assert";
import { KrunnerError, UsageError } from "../lib/errors.ts";
import { basesOf } from "../lib/verify/bases.ts";
import { findSubjects, requireArchive } from "../lib/verify/subjects.ts";
import { readSurroundings } from "../lib/verify/surroundings.ts";
import { verifyAll } from "../lib/verify/verify_all.ts";
import { isGood } from "../lib/verify/report.ts";
import { parseVerifyArgs } from "../verify.ts";
import { runScript } from "./engine_fixture.ts";
import { tempDir } from "./package_fixture.ts";
import { goodVolume, removeEntries, writeVolume } from "./volume_fixture.ts";

const ROOT = new URL("../", import.meta.url);

/** Runs the script with the permissions of its task. */
async function verify(...args: string[]) {
  const { code, stdout, stderr } = await runScript("verify", ...args);
  // Deno notes which programs are not installed.
  return { code, out: stdout, err: stderr.replaceAll(/^Info .*\n/gm, "") };
}

const DEFAULTS = {
  dir: undefined,
  arch: Deno.build.arch,
  json: false,
  quiet: false,
};

Deno.test("parseVerifyArgs() reads what is to be judged", async () => {
  assertEquals(
    await parseVerifyArgs(["debian12", "./x.tar.xz", "--image=a", "--image=b"]),
    {
      ...DEFAULTS,
      kind: "judge",
      words: ["debian12", "./x.tar.xz"],
      all: false,
      engine: "docker",
      images: ["a", "b"],
      baseImage: undefined,
      extractor: undefined,
    },
  );
  assertEquals(
    await parseVerifyArgs(["--all", "--no-engine", "--arch=aarch64", "-q"]),
    {
      ...DEFAULTS,
      arch: "aarch64",
      quiet: true,
      kind: "judge",
      words: [],
      all: true,
      engine: undefined,
      images: [],
      baseImage: undefined,
      extractor: undefined,
    },
  );
});

Deno.test("parseVerifyArgs() reads what is to be compared", async () => {
  assertEquals(
    await parseVerifyArgs(["diff", "a.tar.xz", "b", "--files", "--exit-code"]),
    {
      ...DEFAULTS,
      kind: "diff",
      words: ["a.tar.xz", "b"],
      files: true,
      exitCode: true,
    },
  );
});

Deno.test("parseVerifyArgs() refuses what does not go together", async (t) => {
  const cases: Record<string, string> = {
    "diff a": "Cannot compare 1 volumes: give two, the old and the new one",
    "diff a b c": "Cannot compare 3 volumes: give two, the old and the new one",
    "diff a b --all": 'Cannot use "--all" with "diff": leave it out',
    "diff a b --image=x": 'Cannot use "--image" with "diff": leave it out',
    "a --files": 'Cannot use "--files" without "diff": leave it out',
    "a --no-engine --image=x":
      'Cannot use "--image" with "--no-engine": leave one out',
    "a --engine=rkt":
      'Cannot use "--engine=rkt": give one of docker, podman, nerdctl',
    "a --arch=arm64": 'Cannot use "--arch=arm64": give one of x86_64, aarch64',
    "a --imag=x": 'Unknown option "--imag"; did you mean "--image"?',
  };
  for (const [line, message] of Object.entries(cases)) {
    await t.step(line, async () => {
      await assertRejects(
        () => parseVerifyArgs(line.split(" ")),
        UsageError,
        message,
      );
    });
  }
});

Deno.test("findSubjects() takes paths, manifests and distro versions", async (t) => {
  using volume = await writeVolume(goodVolume());
  const place = { dir: volume.dir, root: "/none", arch: "x86_64" };
  const find = async (words: string[], all = false) =>
    (await findSubjects(words, place, { all }))
      .map(({ archive, target }) => [archive, target?.distroVersion]);
  await t.step("in the order given", async () => {
    assertEquals(await find(["a.tar.xz", "debian12", "x/b.json"]), [
      ["a.tar.xz", undefined],
      [volume.archive, "debian12"],
      ["x/b.tar.xz", undefined],
    ]);
  });
  await t.step("all", async () => {
    assertEquals(await find([], true), [[volume.archive, "debian12"]]);
  });
  await t.step("no package directory is needed for paths", async () => {
    const nowhere = { dir: "/none", root: "/none", arch: "x86_64" };
    assertEquals(
      (await findSubjects(["./a"], nowhere, { all: false })).length,
      1,
    );
  });
  await t.step("not a path with --all", async () => {
    await assertRejects(
      () => find(["a.tar.xz"], true),
      UsageError,
      'Cannot combine "--all" with "a.tar.xz": give either archives or "--all"',
    );
  });
  await t.step("not an unknown name", async () => {
    await assertRejects(
      () => find(["debian1"]),
      UsageError,
      'Unknown distro version "debian1": did you mean "debian12"? Known are debian12',
    );
  });
});

Deno.test("requireArchive() says what to do where there is none", async () => {
  using dir = tempDir({ "file": "" });
  const name = `${dir.path}/x.tar.xz`;
  await assertRejects(
    () => requireArchive({ archive: name }),
    KrunnerError,
    `Cannot read "${name}": it does not exist; give the path of a .tar.xz, or the name of a distro version`,
  );
  await assertRejects(
    () => requireArchive({ archive: dir.path }),
    KrunnerError,
    `Cannot read "${dir.path}": it is not a file; give the path of a .tar.xz, or the name of a distro version`,
  );
  await assertRejects(
    () => requireArchive({ archive: `${dir.path}/file/x` }),
    KrunnerError,
    "it does not exist",
  );
});

Deno.test("verifyAll() goes on after one that cannot be judged", async () => {
  using volume = await writeVolume(goodVolume());
  const words = [`${volume.dir}/none.tar.xz`, volume.archive];
  const place = { root: "/none", arch: "x86_64" };
  const seen: boolean[] = [];
  const outcomes = await verifyAll({ ...place, words, all: false }, {
    signal: new AbortController().signal,
    onOutcome: (outcome) => seen.push(isGood(outcome)),
  });
  assertEquals(outcomes.map(isGood), [false, true]);
  assertEquals(seen, [false, true]);
});

Deno.test("verifyAll() leaves containers to who opens them, and always disposes", async (t) => {
  using volume = await writeVolume(goodVolume());
  const { archive } = volume;
  const options = {
    root: "/none",
    arch: "x86_64",
    words: [archive],
    all: false,
  };
  for (const fails of [false, true]) {
    await t.step(fails ? "a failure" : "reports", async () => {
      let size = 0;
      let disposed = 0;
      const [outcome] = await verifyAll(options, {
        signal: new AbortController().signal,
        onOutcome: () => {},
        openContainers: (path, { identity }) => {
          assertEquals(path, archive);
          assertEquals(identity?.distroVersion, "debian12");
          return Promise.resolve({
            sink: new WritableStream({
              write: (chunk) => void (size += chunk.length),
            }),
            finish: (tree) =>
              fails
                ? Promise.reject(new KrunnerError("Cannot go on"))
                : Promise.resolve([{
                  check: "extractor",
                  findings: [],
                  facts: { entries: tree.entries.length },
                }]),
            [Symbol.asyncDispose]: () => Promise.resolve(void disposed++),
          });
        },
      });
      assert(outcome !== undefined);
      assertEquals(size, (await Deno.stat(archive)).size);
      assertEquals(disposed, 1);
      if ("failure" in outcome) {
        assertEquals(fails, true);
        assertEquals(outcome.failure, "Cannot go on");
      } else {
        assertEquals(outcome.verdict.reports.at(-1), {
          check: "extractor",
          findings: [],
          facts: { entries: 22 },
        });
      }
    });
  }
});

Deno.test("basesOf() names the bare images of a volume, best first", async () => {
  const draft = goodVolume();
  draft.beside["krunner.json"] = '{"debian12": {"base": "debian:12-slim"}}';
  draft.changeManifest = (manifest) => ({
    ...manifest,
    base: { reference: "mine:12", id: "x" },
  });
  using volume = await writeVolume(draft);
  const around = await readSurroundings(volume.archive, true);
  assertEquals(await basesOf(volume.archive, around), [
    "mine:12",
    "debian:12-slim",
    "krunner-base:debian12",
  ]);
  assertEquals(
    await basesOf("x.tar.xz", { ...around, identity: undefined }),
    [],
  );
});

Deno.test("runWithSignals() turns a signal into an exit code", async (t) => {
  /** A process of its own: a signal is to the whole process. */
  const run = async (body: string) => {
    const program = `
      import { CancelledError } from "./lib/errors.ts";
      import { runWithSignals } from "./lib/signals.ts";
      const aborted = (signal) => new Promise((resolve) => {
        const timer = setInterval(() => {}, 1000);
        signal.onabort = () => { clearInterval(timer); resolve(7); };
      });
      Deno.exitCode = await runWithSignals(async (signal) => { ${body} });`;
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "-q", program],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    return [code, new TextDecoder().decode(stderr)];
  };
  await t.step("none", async () => {
    assertEquals(await run("return 7"), [7, ""]);
  });
  await t.step("a run that ends in order", async () => {
    const body = `Deno.kill(Deno.pid, "SIGTERM"); return await aborted(signal)`;
    assertEquals(await run(body), [143, ""]);
  });
  await t.step("a run that is cancelled", async () => {
    const body = `Deno.kill(Deno.pid, "SIGINT"); await aborted(signal);
      throw new CancelledError("Cancelled")`;
    assertEquals(await run(body), [130, "error: Cancelled\n"]);
  });
});

Deno.test("verify.ts judges archives without an engine", async (t) => {
  using good = await writeVolume(goodVolume());
  await t.step("a good one", async () => {
    assertEquals(await verify("--no-engine", "-q", good.archive), {
      code: 0,
      out: "",
      err: "",
    });
  });
  const draft = goodVolume();
  removeEntries(draft, "./bin/python");
  using bad = await writeVolume(draft);
  await t.step("a bad one, by its distro version", async () => {
    const { code, out } = await verify(
      "--no-engine",
      "--json",
      "--arch=x86_64",
      "--dir",
      bad.dir,
      "debian12",
    );
    assertEquals(code, 1);
    const { ok, reports } = JSON.parse(out);
    assertEquals(ok, false);
    assertEquals(reports[0].findings[0].where, "./bin/python");
  });
  await t.step("one that is not there", async () => {
    const name = `${good.dir}/none.tar.xz`;
    assertEquals(await verify("--no-engine", name), {
      code: 1,
      out: "",
      err:
        `error: Cannot read "${name}": it does not exist; give the path of a .tar.xz, or the name of a distro version\n`,
    });
  });
  await t.step("what differs", async () => {
    const same = await verify(
      "diff",
      "--exit-code",
      good.archive,
      good.archive,
    );
    assertEquals([same.code, same.err], [0, ""]);
    assert(same.out.endsWith("No difference.\n"));
    const other = await verify(
      "diff",
      "--exit-code",
      "--json",
      good.archive,
      bad.archive,
    );
    assertEquals([other.code, other.err], [1, ""]);
    assertEquals(JSON.parse(other.out).entries[0].path, "bin/python");
  });
  await t.step("wrong usage", async () => {
    assertEquals((await verify("--no-engine", "diff")).code, 2);
  });
  await t.step("help and version", async () => {
    const help = await verify("--help");
    assertEquals([help.code, help.err], [0, ""]);
    assert(help.out.includes("Usage:"), help.out);
    const version = await verify("--version");
    assert(/^verify\.ts \d+\.\d+\.\d+\n$/.test(version.out), version.out);
  });
});
