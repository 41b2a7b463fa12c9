import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  formatChecksums,
  parseChecksums,
  verifyFile,
} from "../lib/collect/checksums.ts";
import {
  collectPlanToJson,
  renderCollectPlan,
} from "../lib/collect/collect_text.ts";
import { applyFolder, misfits } from "../lib/collect/fit.ts";
import { type CollectedFolder, openFolder } from "../lib/collect/folder.ts";
import {
  type CollectedEntry,
  filesOf,
  formatIndex,
  parseIndex,
} from "../lib/collect/index_file.ts";
import { stageInputs } from "../lib/collect/stage_inputs.ts";
import { KrunnerError, UsageError } from "../lib/errors.ts";
import { sha256 } from "../lib/inputs.ts";
import { type BuildPlan, makePlan } from "../lib/plan.ts";
import type { PlanOptions } from "../lib/plan/options.ts";
import { renderPlan } from "../lib/plan_text.ts";
import { parseSourcesArgs } from "../sources.ts";
import { ROW } from "./built_fixture.ts";
import { packageFixture, tempDir } from "./package_fixture.ts";

const HASH = "ab".repeat(32);
const PREFIX = "me/krunner";
const stageImage = (stage: string) => `${PREFIX}-${stage}:debian12`;

/** A family with all stages, and with an image that no stage makes. */
const FAMILY = {
  "krunner-env.debian12.dockerfile": `ARG BASE_IMAGE
ARG IMAGE_PREFIX
FROM \${IMAGE_PREFIX}-wheels:debian12 AS wheels
FROM \${IMAGE_PREFIX}-python:debian12 AS volume
COPY --from=wheels /wheels /wheels
COPY --from=tools:1 /x /x
FROM \${BASE_IMAGE}
LABEL ai.backend.krunner.version=3
`,
  "krunner-python.debian.dockerfile":
    "ARG IMAGE_PREFIX\nFROM ${IMAGE_PREFIX}-toolchain:debian12\nCOPY sources/x-1.tgz /\n",
  "krunner-toolchain.debian.dockerfile":
    "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nARG V\nCOPY a /\n",
  "krunner-wheels.debian.dockerfile":
    "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY b /\n",
  "a": "a",
  "b": "b",
  "krunner.json": JSON.stringify({
    debian12: { base: "debian:12-slim", args: { V: "1" } },
  }),
};

/** The plan of the family with some files changed. */
async function planOf(
  changes: Readonly<Record<string, string>> = {},
  options: Partial<PlanOptions> = {},
): Promise<BuildPlan> {
  using fixture = await packageFixture({ ...FAMILY, ...changes });
  return await makePlan(fixture.target, {
    arch: "x86_64",
    base: "auto",
    buildArgs: {},
    imagePrefix: PREFIX,
    rows: [ROW],
    ...options,
  });
}

const image = (name: string) => ({
  name: `krunner-collected:${name}`,
  id: `sha256:${name}`,
});

/** What was collected for a plan. */
function entryOf(plan: BuildPlan): CollectedEntry {
  return {
    distroVersion: "debian12",
    arch: "x86_64",
    sources: ["x-1.tgz"],
    base: { reference: "debian:12-slim", ...image("base") },
    stages: {
      toolchain: {
        ...image("toolchain"),
        inputs: stageInputs(plan, "toolchain"),
      },
    },
    others: { "tools:1": image("tools") },
    wheels: { files: ["six-1.whl"], inputs: stageInputs(plan, "wheels") },
  };
}

/** A folder that holds what was collected for a plan. */
function folderOf(plan: BuildPlan): CollectedFolder {
  const entry = entryOf(plan);
  const sums = new Map(filesOf(entry).map((file) => [file, HASH]));
  return { dir: "/d", index: { "debian12.x86_64": entry }, sums };
}

Deno.test("stageInputs() gives the inputs of a stage and those below it", async () => {
  const plan = await planOf();
  const { files } = plan.inputs;
  assertEquals(stageInputs(plan, "toolchain"), {
    files: {
      a: files["a"]!,
      "krunner-toolchain.debian.dockerfile":
        files["krunner-toolchain.debian.dockerfile"]!,
    },
    sources: {},
    args: { V: "1" },
    base: "debian:12-slim",
  });
  const python = stageInputs(plan, "python");
  assertEquals(Object.keys(python.files), [
    "a",
    "krunner-python.debian.dockerfile",
    "krunner-toolchain.debian.dockerfile",
  ]);
  assertEquals(python.sources, { "x-1.tgz": "ab" });
});

Deno.test("misfits() tells what changed since a folder was collected", async (t) => {
  const entry = entryOf(await planOf());
  const cases: [
    string,
    Readonly<Record<string, string>>,
    Partial<PlanOptions>,
    string[],
  ][] = [
    ["nothing", {}, {}, []],
    ["the images' prefix", {}, { imagePrefix: "other/k" }, []],
    [
      "files of other stages",
      {
        "krunner-python.debian.dockerfile": `${
          FAMILY["krunner-python.debian.dockerfile"]
        }RUN x\n`,
      },
      {},
      [],
    ],
    [
      "the volume version",
      {
        "krunner-env.debian12.dockerfile": FAMILY[
          "krunner-env.debian12.dockerfile"
        ].replace("=3", "=4"),
      },
      {},
      [],
    ],
    ["a file of the toolchain", { a: "new" }, {}, ["a"]],
    ["a file of the wheels", { b: "new" }, {}, ["b"]],
    ["a build argument", {}, { buildArgs: { V: "2" } }, ["build argument V"]],
    ["the base image", {}, { baseImage: "mine:1" }, [
      "base image debian:12-slim → mine:1",
    ]],
    [
      "another image",
      {
        "krunner-env.debian12.dockerfile": FAMILY[
          "krunner-env.debian12.dockerfile"
        ].replace("tools:1", "tools:2"),
      },
      {},
      ["image tools:2 (new)"],
    ],
  ];
  for (const [name, changes, options, expected] of cases) {
    await t.step(name, async () => {
      assertEquals(misfits(await planOf(changes, options), entry), expected);
    });
  }
  await t.step("a new stage", async () => {
    const { wheels: _, ...rest } = entry;
    assertEquals(misfits(await planOf(), { ...rest, stages: {} }), [
      "stage wheels (new)",
      "stage toolchain (new)",
    ]);
  });
});

Deno.test("applyFolder() puts a folder's content into the plan", async () => {
  const plan = await planOf({}, { sources: "/d" });
  const applied = applyFolder(plan, folderOf(plan));
  assertEquals(applied.inputs, plan.inputs);
  assertEquals(applied.sources, [ROW]);
  const collected = (name: string) => ({
    archive: "/d/images/debian12.x86_64.tar.xz",
    sha256: HASH,
    ...image(name),
  });
  assertEquals(applied.base?.collected, collected("base"));
  assertEquals(applied.images, [
    {
      reference: "tools:1",
      dockerfile: plan.images[0]!.dockerfile,
      collected: collected("tools"),
    },
  ]);
  const [wheels, toolchain, python, env] = applied.stages;
  assertEquals(applied.stages.length, 4);
  assertEquals(wheels, {
    stage: "wheels",
    image: stageImage("wheels"),
    from: [],
    dockerfile: "krunner-wheels.wheelhouse.dockerfile",
    buildArgs: {},
    context: [
      { kind: "wheel", path: "six-1.whl", name: "six-1.whl", sha256: HASH },
    ],
    wheelhouse: "/d/wheelhouse/debian12.x86_64",
  });
  assertEquals(toolchain?.collected, collected("toolchain"));
  assertEquals([python, env], plan.stages.slice(2));

  const lines = renderPlan(applied, []).split("\n");
  const archive = "/d/images/debian12.x86_64.tar.xz";
  for (
    const line of [
      `  base image: debian:12-slim from ${archive}`,
      `  image: tools:1 from ${archive}`,
      "    from /d/x-1.tgz",
      "    dockerfile: /d/wheelhouse/debian12.x86_64",
    ]
  ) assertEquals(lines.filter((other) => other === line), [line]);
  assertStringIncludes(
    lines.join("\n"),
    `  stage toolchain: ${stageImage("toolchain")}\n    from ${archive}\n`,
  );
});

Deno.test("applyFolder() leaves the user's wheelhouse in its place", async () => {
  using wheels = tempDir({ "mine-1.whl": "" });
  const plan = await planOf({ b: "new" }, { wheelhouse: wheels.path });
  const applied = applyFolder(plan, folderOf(await planOf()));
  assertEquals(applied.stages[0], plan.stages[0]);
  assertEquals(applied.inputs, plan.inputs);
});

Deno.test("applyFolder() leaves out stages that nothing needs any more", async () => {
  const plan = await planOf({
    "krunner-wheels.debian.dockerfile":
      "ARG IMAGE_PREFIX\nFROM ${IMAGE_PREFIX}-python:debian12\n",
    "krunner-env.debian12.dockerfile":
      "ARG BASE_IMAGE\nARG IMAGE_PREFIX\nFROM ${IMAGE_PREFIX}-wheels:debian12 AS w\nFROM ${BASE_IMAGE}\nCOPY --from=w /wheels /w\nLABEL ai.backend.krunner.version=3\n",
  });
  const { stages, sources } = applyFolder(plan, folderOf(plan));
  assertEquals(stages.map(({ stage }) => stage), ["wheels", "env"]);
  assertEquals(sources, []);
});

Deno.test("applyFolder() goes on without what a folder has not got", async () => {
  const plan = await planOf();
  const plain = { dir: "/d", index: undefined, sums: new Map() };
  assertEquals(applyFolder(plan, plain), plan);
  const { notices, ...rest } = applyFolder(plan, { ...plain, index: {} });
  const { notices: before, ...expected } = plan;
  assertEquals(rest, expected);
  assertEquals(notices.slice(0, -1), before);
  assertMatch(
    notices.at(-1)!,
    /^"\/d" holds only sources for "debian12" \(x86_64\)/,
  );
});

Deno.test("applyFolder() refuses what does not fit", async () => {
  const folder = folderOf(await planOf());
  const changed = await planOf({ a: "new" });
  assertThrows(
    () => applyFolder(changed, folder),
    KrunnerError,
    'Cannot build "debian12" from "/d": it was collected before a change of a; collect it again',
  );
  assertThrows(
    () =>
      applyFolder(changed, {
        ...folder,
        index: { "debian12.x86_64": entryOf(changed) },
        sums: new Map(),
      }),
    KrunnerError,
    'its SHA256SUMS does not list "',
  );
});

Deno.test("an index is read as it was written", async (t) => {
  const entry = entryOf(await planOf());
  const index = { "debian12.x86_64": entry };
  assertEquals(parseIndex(formatIndex(index), "f"), index);
  const spoil = (changes: object) =>
    JSON.stringify({
      schema: 1,
      collected: { "debian12.x86_64": { ...entry, ...changes } },
    });
  const cases: [string, string, string][] = [
    ["no JSON", "{", "it is not JSON"],
    ["null", "null", "schema 1"],
    ["another schema", '{"schema":2,"collected":{}}', "schema 1"],
    ["another key", spoil({ arch: "aarch64" }), "schema 1"],
    ["a source outside", spoil({ sources: ["../x"] }), "schema 1"],
    ["a hidden source", spoil({ sources: [".x"] }), "schema 1"],
    [
      "a wheel outside",
      spoil({ wheels: { ...entry.wheels, files: ["/x.whl"] } }),
      "schema 1",
    ],
    ["an unknown stage", spoil({ stages: { x: image("x") } }), "schema 1"],
    ["no inputs", spoil({ stages: { env: image("x") } }), "schema 1"],
    ["a base without name", spoil({ base: image("x") }), "schema 1"],
  ];
  for (const [name, text, message] of cases) {
    await t.step(name, () => {
      const error = assertThrows(() => parseIndex(text, "f"), KrunnerError);
      assertMatch(error.message, /^Cannot read "f": /);
      assertStringIncludes(error.message, message);
    });
  }
});

Deno.test("checksums are written as coreutils reads them", () => {
  const sums = new Map([["b/x y.whl", HASH], ["a", "0".repeat(64)]]);
  const text = formatChecksums(sums);
  assertEquals(text, `${"0".repeat(64)}  a\n${HASH}  b/x y.whl\n`);
  assertEquals(parseChecksums(text, "f"), sums);
  assertEquals(parseChecksums(`${HASH} *a\n\n`, "f"), new Map([["a", HASH]]));
  assertThrows(
    () => parseChecksums(`${text}MD5 (a) = x\n`, "f"),
    KrunnerError,
    'Cannot read "f": line 3 is no SHA-256 and file name',
  );
});

Deno.test("verifyFile() names the file and both checksums", async () => {
  using dir = tempDir({ a: "a" });
  const path = `${dir.path}/a`;
  const right = await sha256("a");
  await verifyFile(path, right);
  await assertRejects(
    () => verifyFile(path, HASH),
    KrunnerError,
    `Wrong content of "${path}": its SHA-256 is ${right}, not ${HASH} as`,
  );
  await assertRejects(
    () => verifyFile(`${path}b`, HASH),
    KrunnerError,
    `Cannot find "${path}b": SHA256SUMS lists it (SHA-256 ${HASH})`,
  );
});

/** The plan of a family whose dockerfiles name an image, as upstream's do. */
async function upstreamPlan(image: string): Promise<BuildPlan> {
  const python = "lablup/backendai-krunner-python:debian12";
  using fixture = await packageFixture({
    "krunner-env.debian12.dockerfile":
      `FROM ${python}\nLABEL ai.backend.krunner.version=3\n`,
    "krunner-python.debian12.dockerfile": `FROM ${image}\n`,
  });
  return await makePlan(fixture.target, {
    arch: "x86_64",
    base: "auto",
    buildArgs: {},
    imagePrefix: "lablup/backendai-krunner",
    sources: "/d",
  });
}

Deno.test("applyFolder() gives what upstream's volumes are made on, to try them in", async (t) => {
  const archive = "images/debian12.x86_64.tar.xz";
  const entryWith = (
    plan: BuildPlan,
    others: CollectedEntry["others"],
  ): CollectedEntry => ({
    distroVersion: "debian12",
    arch: "x86_64",
    sources: [],
    stages: {
      python: { ...image("python"), inputs: stageInputs(plan, "python") },
    },
    others,
  });
  await t.step("by its name", async () => {
    const plan = await upstreamPlan("debian:12");
    assertEquals(misfits(plan, entryWith(plan, {})), ["image debian:12 (new)"]);
    const entry = entryWith(plan, { "debian:12": image("base") });
    const applied = applyFolder(plan, {
      dir: "/d",
      index: { "debian12.x86_64": entry },
      sums: new Map([[archive, HASH]]),
    });
    assertEquals(applied.images, [
      {
        reference: "debian:12",
        dockerfile: "krunner-python.debian12.dockerfile",
        collected: {
          archive: `/d/${archive}`,
          sha256: HASH,
          ...image("base"),
        },
      },
    ]);
  });
  await t.step("not by a digest, which it cannot get there", async () => {
    const plan = await upstreamPlan(`debian:12@sha256:${HASH}`);
    assertEquals(misfits(plan, entryWith(plan, {})), []);
  });
});

Deno.test("openFolder() takes a folder without index for a plain one", async () => {
  using folder = tempDir({ "x-1.tgz": "x" });
  const { dir, index } = await openFolder(`${folder.path}/`);
  assertEquals([dir, index], [folder.path, undefined]);
  for (const path of [`${dir}/none`, `${dir}/x-1.tgz`]) {
    const error = await assertRejects(() => openFolder(path), KrunnerError);
    assertEquals(
      error.message,
      `Cannot take sources from "${path}": it is no folder; name the one that "sources.ts" made, or one with the sources in it, with "--sources" or KRUNNER_SOURCES`,
    );
  }
});

Deno.test("renderCollectPlan() shows what would be collected", async () => {
  const plan = await planOf();
  assertEquals(renderCollectPlan(plan, "/d", []).split("\n"), [
    "debian12 (x86_64) into /d",
    "  collect: up to date, nothing to do",
    "  source: x-1.tgz, SHA-256 ab",
    "    from https://localhost/x-1.tgz",
    '    from Debian source package "x"',
    "  base image: debian:12-slim (auto)",
    `  image: ${stageImage("toolchain")}`,
    "  image: tools:1",
    `  wheels: of ${stageImage("wheels")}`,
  ]);
  assertEquals(collectPlanToJson(plan, "/d", ["a"]), {
    status: "planned",
    distroVersion: "debian12",
    arch: "x86_64",
    dir: "/d",
    reasons: ["a"],
    sources: [ROW],
    base: plan.base,
    images: [stageImage("toolchain"), "tools:1"],
    wheels: stageImage("wheels"),
  });
  const origins = [{ url: "https://me:secret@localhost/x-1.tgz" }];
  const asked = { ...plan, sources: [{ ...ROW, origins }] };
  for (
    const text of [
      renderCollectPlan(asked, "/d", []),
      JSON.stringify(collectPlanToJson(asked, "/d", [])),
    ]
  ) assert(!text.includes("secret"), text);
});

Deno.test("parseSourcesArgs() reads the command line", async (t) => {
  assertEquals(await parseSourcesArgs(["--help"]), "help");
  assertEquals(await parseSourcesArgs(["--version"]), "version");
  assertEquals(
    await parseSourcesArgs(["--to=d", "debian12", "-fn", "--network=host"]),
    {
      names: ["debian12"],
      all: false,
      to: "d",
      dir: undefined,
      arch: Deno.build.arch,
      base: "auto",
      baseImage: undefined,
      mirror: undefined,
      keyring: undefined,
      buildArgs: {},
      imagePrefix: undefined,
      network: "host",
      noCache: false,
      force: true,
      engine: "docker",
      dryRun: true,
      json: false,
      verbosity: "normal",
    },
  );
  const faults: [string, string][] = [
    ["debian12", 'No folder given: say with "--to DIR" where to collect'],
    ["--to=", 'Cannot read "--to": it needs a value; write "--to=DIR"'],
    ["--to d --tu", 'Unknown option "--tu"; did you mean "--to"?'],
    ["--to d -qv", 'Cannot combine "--quiet" with "--verbose": leave one out'],
  ];
  for (const [line, message] of faults) {
    await t.step(line, async () => {
      const error = await assertRejects(
        () => parseSourcesArgs(line.split(" ")),
        UsageError,
      );
      assertEquals(error.message, message);
    });
  }
});
