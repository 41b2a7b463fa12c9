/**
 * Two builds without any cached layer, in different folders, give the same bytes.
 * CPython is compiled four times for that: `deno task test:full`, some 25 minutes.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { copyFamily } from "../family_fixture.ts";
import { digest, Laboratory, must, run } from "../engine_fixture.ts";

const script = (name: string) =>
  new URL(`../../${name}.ts`, import.meta.url).pathname;

Deno.test("clean builds of the Debian family agree byte for byte", async (t) => {
  await using laboratory = await Laboratory.open();
  const dirs = await Promise.all(
    ["first", "a/longer/second"].map((name) =>
      copyFamily("debian", `${laboratory.root}/${name}`)
    ),
  );
  for (const dir of dirs) {
    await must([
      Deno.execPath(),
      "run",
      "-A",
      script("build"),
      "--dir",
      dir,
      "--all",
      "--no-cache",
      "--force",
      "--no-verify",
    ]);
  }
  for (const distroVersion of ["debian12", "debian13"]) {
    await t.step(distroVersion, async () => {
      const archives = dirs.map((dir) =>
        `${dir}/krunner-env.${distroVersion}.${Deno.build.arch}.tar.xz`
      );
      const [first, second] = await Promise.all(archives.map(digest));
      const { stdout } = await run([
        Deno.execPath(),
        "run",
        "-A",
        script("verify"),
        "diff",
        ...archives,
      ]);
      assertEquals(first, second, stdout);
    });
  }
});
