/**
 * The families `ubuntu` and `static-gnu` for real, as far as a host goes that
 * reaches Debian's archive and no other: their dockerfiles on Debian 13's base
 * image, with its Python and its wheels.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { CheckReport } from "../lib/verify/finding.ts";
import { Laboratory } from "./engine_fixture.ts";
import {
  buildWith,
  copyForDebian,
  debianStand,
  script,
} from "./ubuntu_fixture.ts";

Deno.test("ubuntu24.04 and static-gnu are built and judged without their own archives", async (t) => {
  await using laboratory = await Laboratory.open();
  const stand = await debianStand(laboratory);

  for (
    const [family, distroVersion] of [
      ["ubuntu", "ubuntu24.04"],
      // Its python stage is the same, layer for layer.
      ["static-gnu", "static-gnu"],
    ] as const
  ) {
    const dir = await copyForDebian(family, laboratory.root);
    const manifestFile = `${dir}/krunner-env.${distroVersion}.x86_64.json`;

    await t.step(`${distroVersion}: build.ts builds it`, async () => {
      const { code, stderr } = await buildWith(stand, dir, distroVersion);
      assertEquals(code, 0, stderr);
      const manifest = JSON.parse(await Deno.readTextFile(manifestFile));
      assertEquals(manifest.python, "3.13");
      assertEquals(manifest.base.reference, stand.base);
      assertMatch(manifest.glibc, /^2\.\d+$/);
    });

    await t.step(`${distroVersion}: verify.ts passes it`, async () => {
      const { code, stdout } = await script(
        "verify",
        distroVersion,
        "--dir",
        dir,
        "--json",
      );
      assertEquals(code, 0, stdout);
      const { reports } = JSON.parse(stdout);
      for (const { check, findings, skipped } of reports as CheckReport[]) {
        assertEquals(findings, [], check);
        if (check === "linkage") assertEquals(skipped, undefined);
      }
    });
  }

  await t.step("static-gnu: its programs need no newer glibc", async () => {
    const file =
      `${laboratory.root}/static-gnu/krunner-env.static-gnu.x86_64.json`;
    const manifest = JSON.parse(await Deno.readTextFile(file));
    const declared = manifest.glibc;
    // On another base its own manifest is what counts.
    const { base: _, ...rest } = manifest;
    await Deno.writeTextFile(file, JSON.stringify({ ...rest, glibc: "2.17" }));
    const { code, stdout } = await script(
      "verify",
      "static-gnu",
      "--dir",
      `${laboratory.root}/static-gnu`,
      "--no-engine",
    );
    assertEquals(code, 1);
    assert(
      stdout.includes(`it needs glibc ${declared}, and its manifest has 2.17`),
      stdout,
    );
  });
});
