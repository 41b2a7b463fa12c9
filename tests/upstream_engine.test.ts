/**
 * All scripts in unchanged checkouts like upstream's, on a real engine: stages,
 * names, labels and outputs are upstream's own.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import type { Manifest } from "../lib/manifest.ts";
import {
  assertFailure,
  digest,
  Laboratory,
  must,
  type Outcome,
} from "./engine_fixture.ts";
import {
  Checkout,
  earlyPackage,
  latePackage,
  latePython,
  LFS_POINTER,
} from "./upstream_fixture.ts";

const ARCH = Deno.build.arch;

let laboratory: Laboratory;
Deno.test.beforeAll(async () => {
  laboratory = await Laboratory.open();
});
Deno.test.afterAll(async () => {
  await laboratory[Symbol.asyncDispose]();
});

/** Upstream's images have fixed names, so that the distro versions must be new. */
function distroVersion(name: string): string {
  return `${name}-${laboratory.id}.${++made}`;
}
let made = 0;

/** The names of what a build leaves. */
function outputs(distroVersion: string): string[] {
  return [
    `krunner-env.${distroVersion}.${ARCH}.json`,
    `krunner-env.${distroVersion}.${ARCH}.spdx.json`,
    `krunner-env.${distroVersion}.${ARCH}.tar.xz`,
    `krunner-version.${distroVersion}.txt`,
  ];
}

function assertDone({ code, stderr }: Outcome): void {
  assertEquals(code, 0, stderr);
}

async function readManifest(path: string): Promise<Manifest> {
  return JSON.parse(await Deno.readTextFile(path));
}

Deno.test("all scripts work in a checkout like upstream's later ones", async (t) => {
  const name = distroVersion("static-gnu");
  const files = latePackage(laboratory.base, name);
  const checkout = await Checkout.in(laboratory, { static_gnu: files });
  const [manifest = "", _spdx, archive = "", version = ""] = outputs(name);

  await t.step("build.ts finds the package from the top", async () => {
    const { code, stdout, stderr } = await checkout.script("build", [name]);
    assertEquals(code, 0, stderr);
    assertStringIncludes(
      stdout,
      `src/ai/backend/krunner/static_gnu/${archive}`,
    );
    // The version of Python was right; logs are nothing to commit.
    assertEquals(await checkout.changes(), outputs(name));
    assertEquals(await Deno.readTextFile(checkout.path(version)), "14\n");
  });
  await t.step("its images have upstream's names", async () => {
    for (const stage of ["wheels", "python", "env"]) {
      await must([
        "docker",
        "image",
        "inspect",
        `lablup/backendai-krunner-${stage}:${name}`,
      ]);
    }
  });
  await t.step("the manifest knows the image of the FROM line", async () => {
    const { base, family, archive } = await readManifest(
      checkout.path(manifest),
    );
    const id = await must(
      ["docker", "image", "inspect", "-f", "{{.Id}}", laboratory.base],
    );
    assertEquals(base, { reference: laboratory.base, id });
    assertEquals(family, "static-gnu");
    const committed = Number(await checkout.git("log", "-1", "--format=%ct"));
    assertEquals(archive.mtime, committed);
  });
  await t.step("the absolute link became relative", async () => {
    const listing = await must(
      ["tar", "tvJf", checkout.path(archive), "./bin/python"],
    );
    assertStringIncludes(listing, "./bin/python -> python3");
  });
  await t.step("build.ts has nothing to do again, from inside", async () => {
    const { stdout } = await checkout.script("build", ["--all"], {
      cwd: checkout.dir,
    });
    assertMatch(stdout, /up-to-date/);
  });
  await t.step("verify.ts finds nothing wrong", async () => {
    const { code, stdout, stderr } = await checkout.script("verify", [name]);
    assertEquals(code, 0, stdout + stderr);
    assertStringIncludes(stdout, laboratory.base);
  });
  await t.step("verify.ts takes --dir, from anywhere", async () => {
    assertDone(
      await checkout.script("verify", ["--all", "--dir", checkout.dir], {
        cwd: "/",
      }),
    );
  });
  await t.step("bump.ts shows and checks", async () => {
    const show = await checkout.script("bump", ["show"]);
    assertMatch(show.stdout, new RegExp(`${name} +14 +14 +3\\.11 +-`));
    const check = await checkout.script("bump", ["check"]);
    assertMatch(check.stdout, /nothing changed/);
    assertEquals([show.stderr, check.stderr], ["", ""]);
  });
  await t.step("wheel.ts makes the package that the tag names", async () => {
    await checkout.git("tag", "5.2.0");
    const out = `${laboratory.root}/wheels-${name}`;
    assertDone(await checkout.script("wheel", [`--out=${out}`]));
    assertEquals(
      [...Deno.readDirSync(out)].map(({ name }) =>
        name.replace(/-py3-none-.*\.whl$/, ".whl")
      ).sort(),
      [
        "backend_ai_krunner_static_gnu-5.2.0.tar.gz",
        "backend_ai_krunner_static_gnu-5.2.0.whl",
      ],
    );
  });
  await t.step("bump.ts raises the label and no other byte", async () => {
    const dockerfile = checkout.path(`krunner-env.${name}.dockerfile`);
    const before = await Deno.readTextFile(dockerfile);
    assertDone(await checkout.script("bump", ["volume", name]));
    assertEquals(
      await Deno.readTextFile(dockerfile),
      before.replace("version=14", "version=15"),
    );
  });
  await t.step("bump.ts says that a tag is the package's version", async () => {
    const outcome = await checkout.script("bump", ["package", "minor"]);
    assertMatch(
      assertFailure(outcome, 1),
      /__version__ is computed there.*tag the release/,
    );
  });
  await t.step("volume.ts knows the volume's name", async () => {
    const { code, stdout, stderr } = await checkout.script("volume", [
      "load",
      name,
      "--dry-run",
    ]);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, `backendai-krunner.v14.${ARCH}.${name}`);
  });
});

/** Does what upstream's own script does after its last stage. */
async function buildAsUpstream(
  checkout: Checkout,
  distroVersion: string,
): Promise<void> {
  const container = await must([
    "docker",
    "create",
    `lablup/backendai-krunner-env:${distroVersion}`,
  ]);
  const tar = checkout.path(`krunner-env.${distroVersion}.${ARCH}.tar`);
  await must(["docker", "cp", `${container}:/root/image.tar`, tar]);
  await must(["docker", "rm", "-v", container]);
  await must(["xz", "-f", tar]);
  await Deno.writeTextFile(
    checkout.path(`krunner-version.${distroVersion}.txt`),
    "6",
  );
}

Deno.test("all scripts work in a checkout like upstream's first ones", async (t) => {
  const [old, fresh] = [distroVersion("ubuntu18.04"), distroVersion("ubuntu")];
  const files = earlyPackage(laboratory.base, [old, fresh], [old, "static"]);
  const checkout = await Checkout.in(laboratory, { ubuntu: files });
  const archive = checkout.path(`krunner-env.${old}.${ARCH}.tar.xz`);

  await t.step("build.ts says how to keep what breaks a rule", async () => {
    const outcome = await checkout.script("build", [old]);
    assertEquals(outcome.code, 1);
    assertStringIncludes(
      outcome.stderr,
      `Cannot keep the new volume of "${old}": 1 thing is wrong with it; correct that, or build with "--no-verify"`,
    );
    assertStringIncludes(outcome.stderr, "there is no licence in it");
    assertEquals(await checkout.changes(), []);
  });
  await t.step(
    "verify.ts and bump.ts know archives of upstream's tool",
    async (t) => {
      await buildAsUpstream(checkout, old);
      await t.step("verify.ts", async () => {
        const { code, stdout } = await checkout.script("verify", [
          old,
          "--json",
        ]);
        assertEquals(code, 1);
        const { reports } = JSON.parse(stdout);
        const findings = reports.flatMap((
          { findings }: { findings: { what: string }[] },
        ) => findings.map(({ what }) => what));
        // The old archives' own faults; nothing of manifests or the agent's names.
        assertEquals(
          findings.filter((what: string) =>
            // Names of owners: BusyBox has no /etc/passwd to look them up in.
            !/^its (time|name|owner) is|^it comes after/.test(what)
          ),
          ["there is no licence in it"],
        );
        assertStringIncludes(
          stdout,
          `there is no krunner-env.${old}.${ARCH}.json, as build.ts leaves one`,
        );
        // The image of the FROM line, in which nothing is wrong.
        assertStringIncludes(stdout, `"subject":"${laboratory.base}"`);
      });
      await t.step("volume.ts", async () => {
        const { code, stdout, stderr } = await checkout.script("volume", [
          "load",
          old,
          "--dry-run",
        ]);
        assertEquals(code, 0, stderr);
        assertStringIncludes(stdout, `backendai-krunner.v6.${ARCH}.${old}`);
      });
      await t.step("bump.ts check", async () => {
        const { code, stdout, stderr } = await checkout.script("bump", [
          "check",
        ]);
        assertEquals(code, 0, stderr);
        assertMatch(
          stdout,
          new RegExp(
            `${old} +${ARCH} +6 +6 +- +not known: no manifest tells what this version was built from`,
          ),
        );
        assertMatch(
          stdout,
          new RegExp(`${fresh} +- +6 +- +- +nothing was built yet`),
        );
      });
      await t.step("bump.ts tells of versions.txt", async () => {
        const { code, stderr } = await checkout.script("bump", ["show"]);
        assertEquals(code, 0);
        assertEquals(stderr.match(/^note: .*(not list|lists) "[^"]*"/gm), [
          `note: "src/ai/backend/krunner/ubuntu/versions.txt" does not list "${fresh}"`,
          'note: "src/ai/backend/krunner/ubuntu/versions.txt" lists "static"',
        ]);
      });
    },
  );
  await t.step("build.ts keeps it with --no-verify", async () => {
    const before = await digest(archive);
    const { code, stderr } = await checkout.script("build", [
      "--all",
      "--no-verify",
      "--jobs=1",
    ], { cwd: checkout.dir });
    assertEquals(code, 0, stderr);
    assert(await digest(archive) !== before);
    assertStringIncludes(stderr, `versions.txt" does not list "${fresh}"`);
    assert(!stderr.includes(`does not list "${old}"`));
  });
  await t.step("wheel.ts packs what versions.txt promises", async () => {
    const out = `${laboratory.root}/wheels-${old}`;
    const make = () =>
      checkout.script("wheel", [`--out=${out}`], { cwd: checkout.dir });
    const before = await Deno.readTextFile(checkout.path("versions.txt"));
    assertStringIncludes(assertFailure(await make(), 1), "static");
    await Deno.writeTextFile(checkout.path("versions.txt"), `${old}\n`);
    assertDone(await make());
    const wheel = [...Deno.readDirSync(out)]
      .find(({ name }) => name.endsWith(".whl"))!.name;
    const listing = await must(["busybox", "unzip", "-l", `${out}/${wheel}`]);
    assertStringIncludes(
      listing,
      `ai/backend/krunner/ubuntu/krunner-env.${old}.${ARCH}.tar.xz`,
    );
    assert(!listing.includes(fresh), listing);
    await Deno.writeTextFile(checkout.path("versions.txt"), before);
  });
  await t.step("verify.ts says what an agent would miss", async () => {
    const { code, stdout } = await checkout.script("verify", [
      fresh,
      "--no-engine",
    ]);
    assertEquals(code, 1);
    assertStringIncludes(stdout, `it does not list ${fresh}`);
  });
  await t.step("bump.ts raises everything", async () => {
    assertDone(await checkout.script("bump", ["volume", "--all"]));
    assertDone(await checkout.script("bump", ["package", "minor"]));
    const diff = await checkout.git(
      "diff",
      "--unified=0",
      "--",
      "*.dockerfile",
      "*.py",
    );
    assertEquals(diff.match(/^[-+][^-+].*$/gm), [
      "-__version__ = '3.5.0'",
      "+__version__ = '3.6.0'",
      ...[old, fresh].flatMap(() => [
        "-LABEL ai.backend.krunner.version=6",
        "+LABEL ai.backend.krunner.version=7",
      ]),
    ]);
    const { stdout } = await checkout.script("bump", ["check", old]);
    assertMatch(stdout, /the version was raised/);
  });
});

Deno.test("build.ts builds without the frontend that a dockerfile names", async (t) => {
  const syntax = "127.0.0.1:1/docker/dockerfile-upstream:1-labs";
  for (const [program, path] of Object.entries(await laboratory.clients())) {
    await t.step(program, async () => {
      const name = distroVersion("static-gnu");
      const python = latePython(laboratory.base, `# syntax=${syntax}\n`);
      const checkout = await Checkout.in(laboratory, {
        static_gnu: latePackage(laboratory.base, name, python),
      });
      const { code, stderr } = await checkout.script("build", [name], {
        env: { PATH: path },
      });
      assertEquals(code, 0, stderr);
      // The classic builder reads no such line.
      const notices = stderr.match(
        /the builder's own frontend reads .* instead/g,
      );
      const log = await Deno.readTextFile(
        checkout.path(`logs/${name}.python.log`),
      );
      assertEquals(notices?.length ?? 0, /^Step 1/m.test(log) ? 0 : 1, log);
      assertEquals(
        await Deno.readTextFile(
          checkout.path(`krunner-python.${name}.dockerfile`),
        ),
        python,
      );
    });
  }
});

Deno.test("build.ts says before the build what a here-document needs", async (t) => {
  const heredoc =
    "RUN <<-EOF\n    set -ex\n    mkdir -p /root/x\n    [ -d /root/x ]\nEOF\n";
  const syntaxes = ["", "127.0.0.1:1/docker/dockerfile:1", "127.0.0.1:1/x/y:1"];
  for (const [program, path] of Object.entries(await laboratory.clients())) {
    for (const syntax of syntaxes) {
      await t.step(`${program}, ${syntax || "no"} frontend`, async () => {
        const name = distroVersion("static-gnu");
        const head = syntax === "" ? "" : `# syntax=${syntax}\n`;
        const python = latePython(laboratory.base, head, heredoc);
        const checkout = await Checkout.in(laboratory, {
          static_gnu: latePackage(laboratory.base, name, python),
        });
        const outcome = await checkout.script("build", [name, "--no-verify"], {
          env: { PATH: path },
        });
        // An engine from 23 on has here-documents built in.
        if (outcome.code === 0) {
          assertEquals(await checkout.changes(), outputs(name));
          return;
        }
        const message = assertFailure(outcome, 1);
        assertMatch(
          message,
          /^Cannot build with ".*\/krunner-python\..*"(, line \d+: (its here-document needs BuildKit|the builder's own frontend knows no here-documents)|, which wants the frontend)/,
        );
        assertMatch(
          message,
          /install docker's plugin buildx|docker load|23 on/,
        );
        assertEquals(await checkout.changes(), []);
      });
    }
  }
});

Deno.test("build.ts says which image of a FROM line is not to be had", async () => {
  const name = distroVersion("ubuntu18.04");
  const image = "127.0.0.1:1/library/ubuntu:18.04";
  const checkout = await Checkout.in(laboratory, {
    ubuntu: earlyPackage(image, [name]),
  });
  const message = assertFailure(await checkout.script("build", [name]), 1);
  assertMatch(
    message,
    new RegExp(
      `^Cannot build with "src/ai/backend/krunner/ubuntu/krunner-python\\.${name}\\.dockerfile", which is made from the image "${image}": .*connection refused.*; load it into the engine`,
    ),
  );
});

Deno.test("scripts know pointers of Git LFS", async (t) => {
  const name = distroVersion("ubuntu18.04");
  const checkout = await Checkout.in(laboratory, {
    ubuntu: {
      ...earlyPackage(laboratory.base, [name]),
      "ttyd_linux.x86_64.bin": LFS_POINTER,
      [`krunner-env.${name}.${ARCH}.tar.xz`]: LFS_POINTER,
      [`krunner-version.${name}.txt`]: "6",
    },
  });
  const advice =
    /it is a pointer of Git LFS and not the file itself; fetch that with "git lfs pull"$/;
  const cases: [string, string[]][] = [
    ["build", [name]],
    ["build", [name, "--dry-run"]],
    ["verify", [name]],
    ["volume", ["load", name]],
  ];
  for (const [script, args] of cases) {
    await t.step([script, ...args].join(" "), async () => {
      assertMatch(
        assertFailure(await checkout.script(script, args), 1),
        advice,
      );
    });
  }
  await t.step("bump check", async () => {
    assertDone(await checkout.script("bump", ["check"]));
  });
});
