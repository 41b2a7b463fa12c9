import { assert, assertEquals, assertMatch } from "@std/assert";
import type { CollectedFolder } from "../lib/collect/folder.ts";
import { type CollectedEntry, entryKey } from "../lib/collect/index_file.ts";
import type { Check } from "../lib/doctor/check.ts";
import { judge } from "../lib/doctor/diagnose.ts";
import type { Facts, TargetFacts } from "../lib/doctor/facts.ts";
import { judgeTargets } from "../lib/doctor/judge_targets.ts";
import { lookAtFolder, lookAtOrigin } from "../lib/doctor/look_host.ts";
import { lookAtTarget } from "../lib/doctor/look_targets.ts";
import {
  probeReference,
  registryFault,
  registryOf,
} from "../lib/doctor/registry.ts";
import { canBuild, renderChecks } from "../lib/doctor/report.ts";
import { openPackageDir } from "../lib/package_dir.ts";
import type { SourceRow } from "../lib/sources.ts";
import { assertFailure, type Outcome, run } from "./engine_fixture.ts";
import { tempDir, writeFiles } from "./package_fixture.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const NOW = Date.parse("2026-11-25T12:00:00Z");

function row(file: string, ...origins: SourceRow["origins"]): SourceRow {
  return {
    name: file,
    version: "1",
    file,
    sha256: "0".repeat(64),
    licence: "MIT",
    origins,
  };
}

const PYTHON = row("Python.tgz", { url: "https://python.test/Python.tgz" }, {
  debianSource: "python3.11",
  file: "python.orig.tar.gz",
});
const SQLITE = row("sqlite.tgz", { url: "https://sqlite.test/sqlite.tgz" });

const DEBIAN: TargetFacts = {
  distroVersion: "debian12",
  ways: [[PYTHON]],
  base: {
    reference: "debian:12-slim",
    policy: "auto",
    bootstrap: { suite: "bookworm" },
    bootstrapped: "krunner-base:debian12",
  },
  hasBase: true,
  hasKeyring: true,
};

/** A machine on which everything works. */
const GOOD: Facts = {
  host: {
    isRoot: true,
    now: NOW,
    programTime: NOW - 1e9,
    memory: 8e9,
    arch: "x86_64",
    emulated: [],
  },
  engine: {
    name: "docker",
    version: "28.0.0",
    arch: "x86_64",
    driver: "overlay2",
    builder: { kind: "buildx" },
    buildx: "v0.20.0",
    time: NOW + 1000,
    root: "/var/lib/docker",
  },
  tools: {
    busybox: "BusyBox v1.36",
    debootstrap: "debootstrap 1.0",
    git: "git 2.40",
    tar: "tar 1.34",
    unshare: "unshare 2.38",
    xz: "xz 5.4",
  },
  origins: [
    { url: "https://python.test/Python.tgz", answer: 200, time: NOW },
    { url: "https://sqlite.test/sqlite.tgz", answer: 302 },
  ],
  registries: [{ registry: "docker.io" }],
  folders: [
    { what: "cache", path: "/cache", free: 50e9, writable: true },
    { what: "outputs", path: "dockerfiles", free: 50e9, writable: true },
    { what: "images", path: "/var/lib/docker", free: 50e9, writable: true },
  ],
  targets: [DEBIAN],
  cached: new Set(),
  offline: false,
};

const { host, engine, tools } = GOOD;
const SILENT = [{ registry: "docker.io", fault: "no such host" }];

Deno.test("judge() finds nothing where all is well", () => {
  const checks = judge({ ...GOOD, targets: [DEBIAN] }, false);
  assertEquals(checks.filter(({ state }) => state !== "ok"), []);
  assert(canBuild(checks));
});

Deno.test("judge() finds what a build would lack", async (t) => {
  const cases: Record<
    string,
    {
      facts: Partial<Facts>;
      named?: boolean;
      bad: Record<string, [Check["state"], RegExp]>;
    }
  > = {
    "no engine": {
      facts: {
        engine: {
          name: "docker",
          fault: "Cannot reach docker; start it; or not",
        },
      },
      bad: {
        engine: ["problem", /^Cannot reach docker start it; or not$/],
        debian12: ["problem", /no engine answers/],
      },
    },
    "no builder": {
      facts: {
        engine: { ...engine, builder: { fault: "Cannot import" } } as never,
      },
      bad: { builder: ["problem", /Cannot import/] },
    },
    "slow storage": {
      facts: { engine: { ...engine, driver: "vfs" } as never },
      bad: { storage: ["warning", /overlay2/] },
    },
    "no xz": {
      facts: { tools: { ...tools, xz: undefined } },
      bad: { xz: ["problem", /no archive.*setup\.sh/] },
    },
    "no git": {
      facts: { tools: { ...tools, git: undefined } },
      bad: { git: ["warning", /time stamp/] },
    },
    "little space": {
      facts: {
        folders: [
          { what: "images", path: "/docker", free: 2e9, writable: true },
          { what: "cache", path: "/cache", free: 1e6, writable: true },
          { what: "outputs", path: "/out", free: 9e9, writable: false },
        ],
      },
      bad: {
        "space for images": ["warning", /2\.0 GB/],
        "space for cache": ["problem", /1\.0 MB/],
        "space for outputs": ["problem", /cannot be written/],
      },
    },
    "little memory": {
      facts: { host: { ...host, memory: 5e8 } },
      bad: { memory: ["warning", /500\.0 MB/] },
    },
    "a clock that the engine does not share": {
      facts: { engine: { ...engine, time: NOW + 3600_000 } as never },
      bad: { clock: ["warning", /60 min behind the engine's/] },
    },
    "a clock that an origin does not share": {
      facts: {
        origins: [{ ...GOOD.origins[0]!, time: NOW - 3600_000 }],
      },
      bad: { clock: ["warning", /60 min ahead of that of python\.test/] },
    },
    "a clock before this program": {
      facts: { host: { ...host, programTime: NOW + 1e9 } },
      bad: { clock: ["warning", /before this program was written/] },
    },
    "an origin that Debian's archive stands in for": {
      facts: {
        origins: [{ url: "https://python.test/Python.tgz", answer: "refused" }],
      },
      bad: { "python.test": ["warning", /refused nothing: all/] },
    },
    "an origin that nothing stands in for": {
      facts: {
        origins: [{ url: "https://sqlite.test/sqlite.tgz", answer: 404 }],
        targets: [{ ...DEBIAN, ways: [[SQLITE]] }],
      },
      bad: {
        "sqlite.test": [
          "warning",
          /answers with 404 .*--sources": sqlite\.tgz/,
        ],
        debian12: ["problem", /no way to get sqlite\.tgz/],
      },
    },
    "another way to build": {
      facts: {
        origins: [{ url: "https://sqlite.test/sqlite.tgz", answer: 404 }],
        targets: [{ ...DEBIAN, ways: [[SQLITE], [PYTHON]] }],
      },
      bad: { "sqlite.test": ["warning", /404/] },
    },
    "a source that is here": {
      facts: {
        origins: [],
        cached: new Set(["sqlite.tgz"]),
        offline: true,
        targets: [{ ...DEBIAN, ways: [[SQLITE]] }],
      },
      bad: {},
    },
    "a source that is not in --sources": {
      facts: { origins: [], offline: true },
      bad: { debian12: ["problem", /no way to get Python\.tgz/] },
    },
    "a registry that matters to nobody": {
      facts: { registries: SILENT },
      bad: { "registry docker.io": ["warning", /no such host/] },
    },
    "no base image, and none can be made": {
      facts: {
        registries: SILENT,
        host: { ...host, isRoot: false },
        targets: [{ ...DEBIAN, hasBase: false }],
      },
      bad: {
        "registry docker.io": ["warning", /./],
        debian12: ["problem", /"debian:12-slim" is not here.*only root/],
      },
    },
    "no base image, but it can be made": {
      facts: {
        registries: SILENT,
        targets: [{ ...DEBIAN, hasBase: false }],
      },
      bad: { "registry docker.io": ["warning", /./] },
    },
    "nothing to make a base image with": {
      facts: {
        registries: SILENT,
        tools: { ...tools, debootstrap: undefined },
        targets: [{ ...DEBIAN, hasBase: false }],
      },
      bad: {
        "registry docker.io": ["warning", /./],
        debootstrap: ["warning", /registry/],
        debian12: ["problem", /without debootstrap/],
      },
    },
    "one of two that cannot be built": {
      facts: {
        targets: [DEBIAN, {
          ...DEBIAN,
          distroVersion: "other1",
          ways: { fault: "Cannot build" },
        }],
      },
      bad: { other1: ["warning", /Cannot build/] },
    },
    "the same by its name": {
      named: true,
      facts: {
        targets: [DEBIAN, {
          ...DEBIAN,
          distroVersion: "other1",
          ways: { fault: "Cannot build" },
        }],
      },
      bad: { other1: ["problem", /Cannot build/] },
    },
  };
  for (const [name, { facts, named = false, bad }] of Object.entries(cases)) {
    await t.step(name, () => {
      const checks = judge({ ...GOOD, ...facts }, named)
        .filter(({ state }) => state !== "ok");
      assertEquals(
        Object.fromEntries(checks.map((it) => [it.name, it.state])),
        Object.fromEntries(
          Object.entries(bad).map(([check, [state]]) => [check, state]),
        ),
      );
      for (const { name, found, advice } of checks) {
        assertMatch(`${found} ${advice}`, bad[name]![1]);
      }
      const isBad = Object.values(bad).some(([state]) => state === "problem");
      assertEquals(canBuild(checks), !isBad);
    });
  }
});

Deno.test("renderChecks() tells what to do, problems first", () => {
  assertEquals(
    renderChecks([
      { name: "a", state: "ok", found: "1.0" },
      { name: "git", state: "warning", found: "missing", advice: "install it" },
      { name: "xz", state: "problem", found: "missing", advice: "run it" },
      { name: "tar", state: "warning", found: "missing", advice: "install it" },
    ]),
    `CHECK  STATE    FOUND
a      ok       1.0
git    warning  missing
xz     problem  missing
tar    warning  missing

problem: xz: run it
warning: git, tar: install it`,
  );
});

Deno.test("registryOf() and probeReference() take a reference apart", async (t) => {
  const cases: [string, string, string][] = [
    ["debian:12-slim", "docker.io", "debian:krunner-doctor"],
    ["debian", "docker.io", "debian:krunner-doctor"],
    ["me/debian:12", "docker.io", "me/debian:krunner-doctor"],
    ["r.test/a/b:1", "r.test", "r.test/a/b:krunner-doctor"],
    ["localhost/a", "localhost", "localhost/a:krunner-doctor"],
    ["r:5000/a", "r:5000", "r:5000/a:krunner-doctor"],
    ["r:5000/a@sha256:00", "r:5000", "r:5000/a:krunner-doctor"],
  ];
  for (const [reference, registry, probe] of cases) {
    await t.step(reference, () => {
      assertEquals(registryOf(reference), registry);
      assertEquals(probeReference(reference), probe);
    });
  }
});

Deno.test("registryFault() tells an unknown image from an unknown registry", async (t) => {
  // As Docker 20.10, 28 and podman 4 say it.
  const answers = [
    "Error response from daemon: manifest for debian:x not found: manifest unknown: manifest unknown",
    "Error response from daemon: pull access denied for x/y, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    'Error response from daemon: failed to resolve reference "docker.io/library/debian:x": docker.io/library/debian:x: not found',
    "Error: initializing source docker://debian:x: reading manifest x in docker.io/library/debian: manifest unknown",
  ];
  for (const answer of answers) {
    await t.step(answer, () => assertEquals(registryFault(answer), undefined));
  }
  const faults: [string, string][] = [
    [
      'Error response from daemon: Get "https://r.test/v2/": dial tcp: lookup r.test: no such host',
      'Get "https://r.test/v2/": dial tcp: lookup r.test: no such host',
    ],
    [
      "Error response from daemon: toomanyrequests: You have reached your pull rate limit",
      "toomanyrequests: You have reached your pull rate limit",
    ],
    ["", "no answer"],
  ];
  for (const [stderr, fault] of faults) {
    await t.step(fault, () => assertEquals(registryFault(stderr), fault));
  }
});

Deno.test("lookAtOrigin() asks for the head alone", async () => {
  const methods: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ method, url }) => {
      methods.push(method);
      return new Response(null, {
        status: url.endsWith("/moved") ? 302 : 404,
        headers: { location: "/elsewhere", date: new Date(NOW).toUTCString() },
      });
    },
  );
  const base = `http://127.0.0.1:${server.addr.port}`;
  const { signal } = new AbortController();
  const moved = await lookAtOrigin(`${base}/moved`, signal);
  assertEquals(moved, { url: `${base}/moved`, answer: 302, time: NOW });
  assertEquals((await lookAtOrigin(`${base}/x`, signal)).answer, 404);
  assertEquals(methods, ["HEAD", "HEAD"]);
  await server.shutdown();
  const { answer } = await lookAtOrigin(`${base}/x`, signal);
  assertMatch(String(answer), /^not reached \(.*refused/);
});

Deno.test("lookAtFolder() takes the nearest one that is there", async () => {
  using dir = tempDir({ "file": "" });
  const path = `${dir.path}/not/there yet`;
  const found = await lookAtFolder("cache", path);
  assertEquals([found.what, found.path, found.writable], ["cache", path, true]);
  assert(found.free > 0);
  assert((await lookAtFolder("outputs", "nothing-here")).free > 0);
});

async function doctor(
  args: readonly string[],
  env: Record<string, string>,
  wrapper: readonly string[] = [],
): Promise<Outcome> {
  const deno = [Deno.execPath(), "run", "-q", "-P=krunner", "--no-prompt"];
  return await run([...wrapper, ...deno, "doctor.ts", ...args], {
    cwd: ROOT,
    env,
  });
}

Deno.test("doctor.ts finds a folder that cannot be written", async () => {
  using dir = tempDir({
    "demo/krunner-env.demo1.0.dockerfile":
      "FROM scratch\nLABEL ai.backend.krunner.version=3\n",
  });
  await Deno.chmod(`${dir.path}/demo`, 0o555);
  const { stdout } = await doctor(
    [`--dir=${dir.path}/demo`, "--json", "--quiet"],
    { DOCKER_HOST: `unix://${dir.path}/none` },
    // Root without the right to pass over modes.
    ["setpriv", "--bounding-set=-all", "--inh-caps=-all"],
  );
  assertMatch(
    stdout,
    /^\{"name":"space for outputs","state":"problem",.*cannot be written/m,
  );
});

Deno.test("doctor.ts exits with 1 where no engine answers", async () => {
  using dir = tempDir();
  const env = { DOCKER_HOST: `unix://${dir.path}/none` };
  const { code, stdout } = await doctor(
    ["debian12", `--sources=${dir.path}`, "--json"],
    env,
  );
  assertEquals(code, 1);
  const checks: Check[] = stdout.trim().split("\n").map((it) => JSON.parse(it));
  const states = Object.fromEntries(checks.map((it) => [it.name, it.state]));
  assertEquals(states["engine"], "problem");
  assertEquals(states["debian12"], "problem");
  assertEquals(states["xz"], "ok");
  // Nobody was asked.
  assert(!Object.keys(states).some((name) => name.includes("python.org")));
});

Deno.test("doctor.ts looks for sources where builds do", async () => {
  const outcome = await doctor([], { KRUNNER_SOURCES: "/nonexistent" });
  assertMatch(
    assertFailure(outcome, 1),
    /^Cannot take sources from "\/nonexistent": it is/,
  );
});

Deno.test("lookAtTarget() finds a base image that was collected", async () => {
  using dir = tempDir({
    "demo/krunner-env.demo1.0.dockerfile":
      "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nLABEL ai.backend.krunner.version=3\n",
    "demo/krunner.json": '{"demo1.0": {"base": "demo:1"}}',
  });
  const target = {
    pkg: await openPackageDir(`${dir.path}/demo`),
    distroVersion: "demo1.0",
  };
  const image = { name: "krunner-collected:1", id: "sha256:1" };
  const entry: CollectedEntry = {
    distroVersion: "demo1.0",
    arch: "x86_64",
    sources: [],
    base: { ...image, reference: "demo:1" },
    stages: {},
    others: {},
  };
  const folder: CollectedFolder = {
    dir: dir.path,
    index: { [entryKey(entry)]: entry },
    sums: new Map(),
  };
  const hasBase = async (arch: string) =>
    (await lookAtTarget(target, arch, undefined, folder)).hasBase;
  // What the index has and the folder lacks is not there.
  assertEquals(await hasBase("x86_64"), false);
  writeFiles(dir.path, { "images/demo1.0.x86_64.tar.xz": "" });
  assertEquals(await hasBase("x86_64"), true);
  assertEquals(await hasBase("aarch64"), false);
});

Deno.test("judgeTargets() advises about what is missing alone", async (t) => {
  const source = { origins: [] };
  const base = {
    registries: SILENT,
    host: { ...GOOD.host, isRoot: false },
    targets: [{ ...DEBIAN, hasBase: false }],
  };
  const cases: [string, Partial<Facts>, string][] = [
    [
      "a source",
      { ...source, targets: [{ ...DEBIAN, ways: [[SQLITE]] }] },
      'get the sources by hand, and name their folder with "--sources"',
    ],
    [
      "a source that is not in --sources",
      { ...source, offline: true },
      'put the sources into the folder of "--sources"',
    ],
    [
      "a base image",
      base,
      'load the base image into the engine, or name one with "--base-image"',
    ],
  ];
  for (const [name, facts, advice] of cases) {
    await t.step(name, () => {
      const [check] = judgeTargets({ ...GOOD, ...facts }, true);
      assertEquals(check?.advice, advice);
    });
  }
});

Deno.test("doctor.ts says what is wrong with a command line", async (t) => {
  const cases: [string[], number, RegExp][] = [
    [["debian1"], 2, /^Unknown distro version "debian1"/],
    [["--engine=dokcer"], 2, /^Cannot use "--engine=dokcer"/],
    [["--dir=/nonexistent"], 1, /^Cannot open package directory/],
    [
      ["--sources=/nonexistent"],
      1,
      /^Cannot take sources from "\/nonexistent": it is no folder; name the one /,
    ],
  ];
  for (const [args, code, message] of cases) {
    await t.step(args.join(" "), async () => {
      assertMatch(assertFailure(await doctor(args, {}), code), message);
    });
  }
});
