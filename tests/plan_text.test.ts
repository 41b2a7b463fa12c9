import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { planToJson, renderPlan } from "../lib/plan_text.ts";
import { builtFixture, ROW } from "./built_fixture.ts";

Deno.test("renderPlan() shows a plan to people", async () => {
  using built = await builtFixture();
  const plan = await built.plan();
  const lines = (reasons: string[]) => renderPlan(plan, reasons).split("\n");
  assertEquals(lines(["a", "--force"]), [
    "debian12 (x86_64), volume version 3",
    "  build: a, --force",
    "  base image: debian:12-slim (auto; suite bookworm as krunner-base:debian12)",
    "  source: x-1.tgz, SHA-256 ab",
    "    from https://localhost/x-1.tgz",
    '    from Debian source package "x"',
    "  stage env: me/krunner-env:debian12",
    "    dockerfile: krunner-env.debian12.dockerfile",
    "    context: krunner-env.debian12.dockerfile, a, sources/x-1.tgz",
    "    build argument: BASE_IMAGE=debian:12-slim",
    "    build argument: V=1",
    `  outputs in ${built.dir}:`,
    "    krunner-env.debian12.x86_64.tar.xz",
    "    krunner-env.debian12.x86_64.json",
    "    krunner-env.debian12.x86_64.spdx.json",
    "    krunner-python.debian12.txt",
    "    krunner-version.debian12.txt",
    ...plan.notices.map((notice) => `  notice: ${notice}`),
  ]);
  assertEquals(plan.notices.length, 2);
  assertEquals(lines([])[1], "  build: up to date, nothing to do");
});

Deno.test("a plan does not show the passwords of origins", async () => {
  using built = await builtFixture();
  const plan = await built.plan();
  const origins = [{ url: "https://me:secret@localhost/x-1.tgz" }];
  const hidden = { ...plan, sources: [{ ...ROW, origins }] };
  for (
    const text of [
      renderPlan(hidden, []),
      JSON.stringify(planToJson(hidden, [])),
    ]
  ) {
    assertStringIncludes(text, "https://localhost/x-1.tgz");
    assert(!text.includes("secret"), text);
  }
});

Deno.test("planToJson() shows a plan to machines", async () => {
  using built = await builtFixture();
  const plan = await built.plan();
  assertEquals(JSON.parse(JSON.stringify(planToJson(plan, ["a"]))), {
    distroVersion: "debian12",
    family: "debian",
    arch: "x86_64",
    status: "planned",
    reasons: ["a"],
    volumeVersion: 3,
    base: {
      reference: "debian:12-slim",
      policy: "auto",
      bootstrapped: "krunner-base:debian12",
      bootstrap: { suite: "bookworm" },
    },
    images: [],
    sources: [ROW],
    stages: [{
      stage: "env",
      image: "me/krunner-env:debian12",
      from: ["debian:12-slim"],
      dockerfile: "krunner-env.debian12.dockerfile",
      buildArgs: { BASE_IMAGE: "debian:12-slim", V: "1" },
      context: ["krunner-env.debian12.dockerfile", "a", "sources/x-1.tgz"],
    }],
    dir: built.dir,
    outputs: plan.outputs,
    inputs: plan.inputs,
    notices: plan.notices,
  });
});
