/**
 * The Debian family on a host without a network: what the first engine collected
 * is all that an empty second one needs. CPython is compiled once for that:
 * `deno task test:full`.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { SOURCES } from "../collect_fixture.ts";
import { copyFamily } from "../family_fixture.ts";
import { Laboratory, must } from "../engine_fixture.ts";
import { SecondEngine } from "../second_engine.ts";

const ARCH = Deno.build.arch;

Deno.test({
  name: "debian12 is built and judged without images or network",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    await using laboratory = await Laboratory.open();
    const dir = await copyFamily("debian", `${laboratory.root}/networked`);
    const to = `${laboratory.root}/to carry`;
    // As a user would call it: without the laboratory's own base image.
    const script = (name: string, ...args: string[]) => [
      Deno.execPath(),
      "run",
      "-q",
      ...name === "sources" ? SOURCES.flags ?? [] : ["-A"],
      new URL(`../../${name}.ts`, import.meta.url).pathname,
      `--image-prefix=${laboratory.prefix}`,
      ...args,
      "debian12",
    ];
    const root = new URL("../../", import.meta.url).pathname;
    await must(script("sources", `--dir=${dir}`, `--to=${to}`), {
      cwd: root,
    });
    await must(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: to });

    await using engine = await SecondEngine.start();
    assertEquals(await must(["docker", "images", "-qa"], engine), "");
    const there = await copyFamily("debian", `${laboratory.root}/offline`);
    // No cache of downloads either.
    const env = { ...laboratory.env, ...engine.env };
    await must(
      [
        "unshare",
        "--net",
        ...script(
          "build",
          `--dir=${there}`,
          `--sources=${to}`,
          "--network=none",
        ),
      ],
      { env, cwd: root },
    );
    const manifest = JSON.parse(
      await Deno.readTextFile(`${there}/krunner-env.debian12.${ARCH}.json`),
    );
    assertEquals(manifest.python, "3.11");
    assertEquals(manifest.base.reference, "krunner-base:debian12");
    assertEquals("wheelhouse" in manifest.inputs, false);
  },
});
