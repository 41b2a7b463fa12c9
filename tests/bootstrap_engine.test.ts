/**
 * Base images by the real debootstrap, of a tiny archive on loopback.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { type BasePlan, provideBase } from "../lib/base_image.ts";
import type { BootstrapPlan } from "../lib/debootstrap.ts";
import { Engine } from "../lib/engine.ts";
import { KrunnerError } from "../lib/errors.ts";
import { eventually, must, run } from "./engine_fixture.ts";
import { tempDir } from "./package_fixture.ts";
import { linesOf, startScript } from "./script_process.ts";
import { deadUrl } from "./source_fixture.ts";
import { NO_KEYRING, SUITE, TinyArchive } from "./tiny_archive.ts";

/** Only root bootstraps, with a tool that setup.sh gives to Debian and Ubuntu. */
const ignore = Deno.uid() !== 0 ||
  !await Deno.stat("/usr/sbin/debootstrap").then(() => true, () => false);

let archive: TinyArchive;
let image: string;
Deno.test.beforeAll(async () => {
  if (!ignore) archive = await TinyArchive.open();
});
Deno.test.afterAll(async () => {
  if (!ignore) await archive[Symbol.asyncDispose]();
});
Deno.test.beforeEach(() => {
  image = `krunner-test-base-${crypto.randomUUID().slice(0, 8)}:tiny`;
});
Deno.test.afterEach(async () => {
  await run(["docker", "rmi", "--force", image]);
});

/** A plan that works. */
function goodPlan(): BootstrapPlan {
  return {
    suite: SUITE,
    script: archive.script,
    mirror: archive.mirror,
    keyring: archive.keyring("own"),
  };
}

/** A folder for debootstrap's log and work, and a call that uses it. */
function laboratory() {
  const dir = tempDir();
  const log = `${dir.path}/base.log`;
  const notices: string[] = [];
  return {
    ...dir,
    log,
    notices,
    provide: (bootstrap: BootstrapPlan, signal?: AbortSignal) => {
      const plan: BasePlan = {
        reference: "127.0.0.1:1/none:1",
        policy: "bootstrap",
        bootstrap,
        bootstrapped: image,
      };
      return provideBase(new Engine("docker", signal), plan, {
        log,
        signal,
        onNotice: (line) => notices.push(line),
      });
    },
  };
}

/** What is in a file of the image. */
async function inImage(...argv: string[]): Promise<string> {
  return await must(["docker", "run", "--rm", image, "/bin/busybox", ...argv]);
}

Deno.test({
  name: "provideBase() bootstraps a suite with all that krunner.json may say",
  ignore,
  fn: async () => {
    using lab = laboratory();
    const { mirror } = archive;
    const plan = {
      ...goodPlan(),
      components: ["main", "universe"],
      extraSuites: ["tiny-updates", "tiny-security"],
    };
    const made = await lab.provide(plan);
    assertEquals(made.reference, image);
    assertMatch(made.id, /^sha256:/);
    assertEquals(
      await inImage("cat", "/etc/apt/sources.list"),
      ["tiny", "tiny-updates", "tiny-security"]
        .map((suite) => `deb ${mirror} ${suite} main universe`).join("\n"),
    );
    const [key] = (await inImage(
      "sha256sum",
      "/etc/apt/trusted.gpg.d/krunner-base.gpg",
    )).split(" ");
    assertEquals(
      key,
      (await must(["sha256sum", archive.keyring("own")])).split(" ")[0],
    );
    assertEquals(await inImage("stat", "-c", "%a", "/"), "755");
    assertStringIncludes(
      await Deno.readTextFile(lab.log),
      "Valid Release signature",
    );
    assertEquals(lab.notices, [
      `Bootstrapping "${image}" from suite "tiny" of ${mirror}`,
    ]);
    assertEquals(await lab.provide(plan), made);
    assertEquals(
      lab.notices[1],
      `The engine has the base image "${image}", so nothing is taken from "--mirror"; remove the image to bootstrap a new one`,
    );
  },
});

Deno.test({
  name:
    "provideBase() takes nothing from an archive that it cannot trust or reach",
  ignore,
  fn: async (t) => {
    const before = archive.requests.length;
    const plan = goodPlan();
    const { script: _script, ...unknown } = plan;
    const { keyring: _keyring, ...keyless } = plan;
    const dead = deadUrl();
    const other = archive.keyring("other");
    const inRelease = archive.path(`dists/${SUITE}/InRelease`);
    const signed = await Deno.readTextFile(inRelease);
    const cases: [string, BootstrapPlan, RegExp, string?][] = [
      [
        "a foreign key",
        { ...plan, keyring: other },
        RegExp(
          `the archive is signed with a key \\([0-9A-F]{16}\\) that is not in the keyring "${other}"; name the archive's own with "--keyring"`,
        ),
      ],
      [
        "no key at all",
        { ...plan, keyring: archive.keyring("empty") },
        /signed with a key/,
      ],
      [
        "no keyring",
        keyless,
        RegExp(
          `the keyring "${NO_KEYRING}" is not on this host, and nothing is taken unchecked; name a copy of the file with "--keyring", or an image with "--base-image"`,
        ),
      ],
      [
        "a forged list",
        plan,
        /Invalid Release signature/,
        signed.replace("Codename: tiny", "Codename: tony"),
      ],
      ["no signature", plan, /Failed getting release signature file/, ""],
      [
        "an unknown suite",
        unknown,
        /this host's debootstrap does not know it; update debootstrap, or name another script/,
      ],
      [
        "no such suite there",
        { ...plan, suite: "tinier" },
        RegExp(
          `there is no "${archive.mirror}/dists/tinier/Release", or its server`,
        ),
      ],
      [
        "no server",
        { ...plan, mirror: dead },
        RegExp(`there is no "${dead}/dists/tiny/Release", or its server`),
      ],
      [
        "a keyring that krunner.json names and nobody has",
        { ...plan, keyring: "/no/ubuntu-archive-keyring.gpg" },
        /the keyring "\/no\/.*" is not on this host.*; install the package "ubuntu-keyring"/,
      ],
    ];
    for (const [name, bootstrap, reason, content] of cases) {
      await t.step(name, async () => {
        using lab = laboratory();
        if (content === "") await Deno.remove(inRelease);
        else if (content !== undefined) {
          await Deno.writeTextFile(inRelease, content);
        }
        const { message } = await assertRejects(
          () => lab.provide(bootstrap),
          KrunnerError,
        ).finally(() => Deno.writeTextFile(inRelease, signed));
        assertMatch(message, reason);
        const start = `Cannot bootstrap suite "${bootstrap.suite}": `;
        assertEquals(message.slice(0, start.length), start);
        assert(!message.includes("\n"), message);
        const hasRun = await Deno.stat(lab.log).then(() => true, () => false);
        assertEquals(message.endsWith(`; the log is "${lab.log}"`), hasRun);
        const { code } = await run(["docker", "image", "inspect", image]);
        assertEquals(code, 1);
      });
    }
    assert(!archive.requests.slice(before).some((path) => /pool/.test(path)));
  },
});

/** Command lines of processes that have a word in them. */
async function processesWith(word: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`)
      .catch(() => "");
    if (line.includes(word)) lines.push(line);
  }
  return lines;
}

/** Waits until debootstrap wants the package, which it does not get yet. */
async function untilHalfWay(): Promise<void> {
  await eventually(
    "debootstrap asks for the package",
    () => Promise.resolve(archive.requests.at(-1)?.endsWith(".deb") ?? false),
  );
}

Deno.test({
  name: "a bootstrap that is cancelled or killed leaves no process behind",
  ignore,
  fn: async (t) => {
    archive.requests.length = 0;
    archive.holdBack();
    await t.step("cancelled", async () => {
      using lab = laboratory();
      const controller = new AbortController();
      const refused = assertRejects(
        () => lab.provide(goodPlan(), controller.signal),
        KrunnerError,
      );
      await untilHalfWay();
      assert((await processesWith(archive.mirror)).length > 0);
      controller.abort();
      await refused;
      assertEquals(await processesWith(archive.mirror), []);
    });
    archive.requests.length = 0;
    using dir = tempDir();
    const temporary = () =>
      [...Deno.readDirSync(dir.path)].map(({ name }) => name);
    const start = async () =>
      await startScript(
        `import { bootstrap } from "lib/bootstrap.ts";
        import { Engine } from "lib/engine.ts";
        const plan = ${JSON.stringify(goodPlan())};
        await bootstrap(new Engine("docker"), plan, "${image}", {
          log: "/dev/null",
          onNotice: () => {},
        });
        console.log("done");`,
        ["-A"],
        { TMPDIR: dir.path },
      );
    await t.step("killed", async () => {
      const child = await start();
      await untilHalfWay();
      child.kill("SIGKILL");
      await child.output();
      await eventually(
        "no process is left",
        async () => (await processesWith(archive.mirror)).length === 0,
      );
      assertMatch(temporary().join(), /^krunner-bootstrap-\w+$/);
    });
    await t.step("the next one clears away what it left", async () => {
      archive.goOn();
      assertEquals(await linesOf(await start()), ["done"]);
      assertEquals(temporary(), []);
    });
  },
});

Deno.test({
  name: "a suite of the host's own mirror is not taken with a foreign key",
  ignore,
  fn: async () => {
    using lab = laboratory();
    const [mirror = "", suite = ""] = (await must([
      "apt-get",
      "indextargets",
      "--format",
      "$(REPO_URI) $(CODENAME)",
      "Created-By: Packages",
      "Component: main",
    ])).split(/\s/);
    const keyring = archive.keyring("other");
    const { message } = await assertRejects(
      () => lab.provide({ suite, mirror, keyring, script: "sid" }),
      KrunnerError,
    );
    assertStringIncludes(
      message,
      `Cannot bootstrap suite "${suite}": the archive is signed with a key (`,
    );
  },
});
