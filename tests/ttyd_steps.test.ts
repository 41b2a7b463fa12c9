import { assertEquals } from "@std/assert";
import { must } from "./engine_fixture.ts";
import { tempDir } from "./package_fixture.ts";

const STEPS = new URL("../ttyd/steps", import.meta.url).pathname;

/**
 * What `Configure` of OpenSSL 1.0.2 makes of the archiver: its `Makefile.org` has
 * `AR=ar $(ARFLAGS) r`, where `ar` is replaced by the variable.
 */
const CONFIGURE = `#!/bin/sh
echo "AR= $AR \\$(ARFLAGS) r"
echo "$CC|$RANLIB|$*"
`;

Deno.test("the step of OpenSSL gives Configure tools without arguments", async () => {
  using dir = tempDir();
  await Deno.writeTextFile(`${dir.path}/Configure`, CONFIGURE, { mode: 0o755 });
  const said = await must([
    "sh",
    "-euc",
    `cd "$1"; make() { echo "make $*"; }
ARCH=aarch64 target=aarch64-linux-musl prefix=/p step=$2
set -- no-shared
. "$step/openssl.sh"`,
    "step.sh",
    dir.path,
    STEPS,
  ]);
  assertEquals(said.trim().split("\n"), [
    "AR= aarch64-linux-musl-ar $(ARFLAGS) r",
    "aarch64-linux-musl-gcc|aarch64-linux-musl-ranlib|linux-aarch64 --prefix=/p no-shared",
    "make ",
    "make install_sw",
  ]);
});
