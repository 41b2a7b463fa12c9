/**
 * The Debian family for tests.
 *
 * @module
 */

import { must } from "./engine_fixture.ts";

const FAMILY = new URL("../dockerfiles/debian", import.meta.url).pathname;

/** A copy of the family, so that the checkout's own outputs are left alone. */
export async function copyFamily(root: string): Promise<string> {
  const dir = `${root}/debian`;
  await Deno.mkdir(root, { recursive: true });
  await must(["cp", "-r", FAMILY, dir]);
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
