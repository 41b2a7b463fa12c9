/**
 * Two builds of ttyd without any cached layer, the toolchain's image included, give
 * the same bytes for both arches: `deno task test:full`, some 10 minutes.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { digest, Laboratory, must } from "../engine_fixture.ts";

const SCRIPT = new URL("../../ttyd.ts", import.meta.url).pathname;

for (const tls of [[], ["--tls"]]) {
  const name = ["modern", ...tls].join(" ");
  Deno.test(`clean builds of ttyd (${name}) agree byte for byte`, async (t) => {
    await using laboratory = await Laboratory.open();
    const folders = ["first", "a/longer/second"].map((name) =>
      `${laboratory.root}/${name}`
    );
    for (const [index, folder] of folders.entries()) {
      await must([
        Deno.execPath(),
        "run",
        "-A",
        SCRIPT,
        "--recipe=modern",
        `--out=${folder}`,
        `--image-prefix=${laboratory.prefix}-${index}`,
        "--no-cache",
        ...tls,
      ], { env: laboratory.env });
    }
    for (const arch of ["x86_64", "aarch64"]) {
      await t.step(arch, async () => {
        const [first, second] = await Promise.all(
          folders.map((folder) => digest(`${folder}/ttyd_linux.${arch}.bin`)),
        );
        assertEquals(first, second);
      });
    }
  });
}
