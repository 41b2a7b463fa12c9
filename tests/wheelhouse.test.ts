import { assertEquals, assertRejects } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import { listWheels, wheelhouseDockerfile } from "../lib/wheelhouse.ts";
import { tempDir } from "./package_fixture.ts";

const LONG =
  "setproctitle-1.3.3-cp311-cp311-manylinux_2_5_x86_64.manylinux1_x86_64.manylinux_2_17_x86_64.manylinux2014_x86_64.whl";

Deno.test("wheelhouseDockerfile() copies wheels whatever their names", async (t) => {
  const cases: [string, string[], string][] = [
    ["short names", ["b.whl", "a.whl"], "FROM scratch\nCOPY *.whl /wheels/\n"],
    [
      "a name that no tar header holds",
      ["a.whl", LONG],
      `FROM scratch\nCOPY *.whl /wheels/\nCOPY ["long/1.whl","/wheels/${LONG}"]\n`,
    ],
    [
      "only such names",
      [LONG],
      `FROM scratch\nCOPY ["long/0.whl","/wheels/${LONG}"]\n`,
    ],
  ];
  for (const [name, files, expected] of cases) {
    await t.step(name, async () => {
      using dir = tempDir(
        Object.fromEntries(["README", ...files].map((file) => [file, ""])),
      );
      const wheels = await listWheels(dir.path);
      assertEquals(wheels.map(({ name }) => name), files.sort());
      assertEquals(wheelhouseDockerfile(wheels), expected);
    });
  }
});

Deno.test("listWheels() says what it cannot read", async () => {
  using dir = tempDir();
  const path = `${dir.path}/circle`;
  await Deno.symlink("circle", path);
  await assertRejects(
    () => listWheels(path),
    KrunnerError,
    `Cannot read "${path}": too many levels of symbolic links`,
  );
});
