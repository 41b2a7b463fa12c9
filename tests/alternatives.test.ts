import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { choosePlan, makePlans } from "../lib/alternatives.ts";
import { KrunnerError } from "../lib/errors.ts";
import { formatManifest } from "../lib/manifest.ts";
import { DEFAULT_IMAGE_PREFIX } from "../lib/plan/image_names.ts";
import type { PlanOptions } from "../lib/plan/options.ts";
import type { SourceRow } from "../lib/sources.ts";
import { builtFixture } from "./built_fixture.ts";
import { packageFixture, writeFiles } from "./package_fixture.ts";

/** A row for each of the two ways. */
const ROWS: SourceRow[] = ["fast", "slow"].map((name) => ({
  name,
  version: "1",
  file: `${name}.tgz`,
  sha256: "24".repeat(32),
  size: 1,
  licence: "MIT",
  origins: [],
}));

const OPTIONS: PlanOptions = {
  arch: "x86_64",
  base: "auto",
  buildArgs: {},
  imagePrefix: DEFAULT_IMAGE_PREFIX,
  rows: ROWS,
};

/** A family that takes its Python from one of two stages. */
const FAMILY = {
  "krunner-env.debian12.dockerfile":
    "ARG HOW\nFROM lablup/backendai-krunner-${HOW}:debian12\nLABEL ai.backend.krunner.version=1\n",
  "krunner-standalone.debian.dockerfile":
    "FROM scratch\nCOPY sources/fast.tgz /\n",
  "krunner-python.debian.dockerfile": "FROM scratch\nCOPY sources/slow.tgz /\n",
  "krunner.json": JSON.stringify({
    debian12: { alternatives: [{ HOW: "standalone" }, { HOW: "python" }] },
  }),
};

const stagesOf = ({ stages }: { stages: readonly { stage: string }[] }) =>
  stages.map(({ stage }) => stage);

Deno.test("makePlans() makes one for each alternative", async () => {
  using fixture = await packageFixture(FAMILY);
  const plans = await makePlans(fixture.target, OPTIONS);
  assertEquals(plans.map(stagesOf), [["standalone", "env"], ["python", "env"]]);
  assertEquals(
    plans.map(({ inputs }) => inputs.args),
    [{ HOW: "standalone" }, { HOW: "python" }],
  );
});

Deno.test("makePlans() makes one where there is no choice", async () => {
  const { "krunner.json": _, ...files } = FAMILY;
  using fixture = await packageFixture(files);
  const options = { ...OPTIONS, buildArgs: { HOW: "python" } };
  const plans = await makePlans(fixture.target, options);
  assertEquals(plans.map(stagesOf), [["python", "env"]]);
});

Deno.test("makePlans() leaves out a way that cannot be planned", async (t) => {
  using fixture = await packageFixture(FAMILY);
  const only = (name: string) => ({
    ...OPTIONS,
    rows: ROWS.filter((row) => row.name === name),
  });
  await t.step("and says so", async () => {
    const plans = await makePlans(fixture.target, only("slow"));
    assertEquals(plans.map(stagesOf), [["python", "env"]]);
    assertMatch(
      plans[0].notices[0] ?? "",
      /^Not taken: Cannot build with .*no row of sources\.json has the file "fast\.tgz"/,
    );
  });
  await t.step("and fails where there is no way", async () => {
    await assertRejects(
      () => makePlans(fixture.target, only("none")),
      KrunnerError,
      '"slow.tgz"',
    );
  });
});

Deno.test("choosePlan() takes the first way whose sources can be had", async (t) => {
  using fixture = await packageFixture(FAMILY);
  const plans = await makePlans(fixture.target, OPTIONS);
  const cases: [can: string[], stages: string[], notices: number][] = [
    [["fast", "slow"], ["standalone", "env"], 0],
    [["fast"], ["standalone", "env"], 0],
    [["slow"], ["python", "env"], 1],
    // The last is tried anyway: its download says best what is wrong.
    [[], ["python", "env"], 1],
  ];
  for (const [can, stages, notices] of cases) {
    await t.step(`of ${can.join(", ") || "none"}`, async () => {
      const plan = await choosePlan(plans, {
        force: false,
        canHave: ({ name }) => Promise.resolve(can.includes(name)),
      });
      assertEquals(stagesOf(plan), stages);
      assertEquals(
        plan.notices.slice(0, notices),
        notices === 0 ? [] : [
          'Source "fast.tgz" of fast cannot be had: building "debian12" another way',
        ],
      );
    });
  }
});

Deno.test("choosePlan() stays with the way that was built, unless it is forced", async () => {
  using fixture = await packageFixture(FAMILY);
  const [best, other] = await makePlans(fixture.target, OPTIONS);
  using built = await builtFixture();
  writeFiles(fixture.dir, {
    [best.outputs.manifest]: formatManifest({
      ...built.manifest,
      inputs: other!.inputs,
    }),
  });
  const choose = (force: boolean) =>
    choosePlan([best, other!], { force, canHave: () => Promise.resolve(true) });
  assertEquals(stagesOf(await choose(false)), ["python", "env"]);
  assertEquals(stagesOf(await choose(true)), ["standalone", "env"]);
});
