/**
 * The project's own families for tests.
 *
 * @module
 */

import { must } from "./engine_fixture.ts";

const FAMILIES = new URL("../dockerfiles", import.meta.url).pathname;

/** A copy of a family, so that the checkout's own outputs are left alone. */
export async function copyFamily(
  family: string,
  root: string,
): Promise<string> {
  const dir = `${root}/${family}`;
  await Deno.mkdir(root, { recursive: true });
  // Links lead to what families share.
  await must(["cp", "-rL", `${FAMILIES}/${family}`, dir]);
  for await (const { name } of Deno.readDir(dir)) {
    if (
      /^(krunner-(env\..*\.(json|tar\.xz)|(python|version)\..*\.txt)|ttyd_linux\..*)$/
        .test(name)
    ) {
      await Deno.remove(`${dir}/${name}`);
    }
  }
  return dir;
}
