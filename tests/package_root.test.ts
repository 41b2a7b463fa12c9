import { assertEquals } from "@std/assert";
import { packageDirsIn, projectRoot } from "../lib/package_root.ts";
import { tempDir } from "./package_fixture.ts";

/** Two checkouts like upstream's, this project, and a folder of nobody's. */
const TREE = {
  "one/.git/HEAD": "",
  "one/src/ai/backend/krunner/ubuntu/krunner-env.ubuntu18.04.dockerfile": "",
  "one/src/ai/backend/krunner/ubuntu/licenses/LICENSE.txt": "",
  "one/scripts/build.py": "",
  // The work tree of a submodule: ".git" is a file.
  "one/vendor/other/.git": "gitdir: ../../.git/modules/other",
  "one/vendor/other/x": "",
  "two/src/ai/backend/krunner/alpine/krunner-env.alpine3.8.dockerfile": "",
  "two/src/ai/backend/krunner/static_gnu/krunner-env.static-gnu.dockerfile": "",
  "krunner/.git/HEAD": "",
  "krunner/dockerfiles/debian/krunner-env.debian12.dockerfile": "",
  "krunner/lib/x.ts": "",
  "one/krunner/dockerfiles/debian/krunner-env.debian12.dockerfile": "",
  "one/krunner/lib/x.ts": "",
  "empty/src/ai/backend/krunner/x/y": "",
};

Deno.test("packageDirsIn() names those of a folder, with a slash or without", () => {
  using root = tempDir(TREE);
  const folder = `${root.path}/two/src/ai/backend/krunner`;
  for (const end of ["", "/"]) {
    assertEquals(packageDirsIn(`${folder}${end}`), [
      `${folder}/alpine`,
      `${folder}/static_gnu`,
    ]);
  }
  assertEquals(packageDirsIn(`${root.path}/none`), []);
});

Deno.test("projectRoot() finds the package directories", async (t) => {
  using root = tempDir(TREE);
  const { path } = root;
  const own = `${path}/krunner/dockerfiles`;
  const upstream = "src/ai/backend/krunner";
  const cases: [string, string, string, string][] = [
    ["the top of a checkout", "krunner", "one", upstream],
    ["a folder of it", "krunner", "one/scripts", `${path}/one/${upstream}`],
    ["on the way to its packages", "krunner", "one/src/ai", "backend/krunner"],
    ["beside its packages", "krunner", `one/${upstream}`, "."],
    ["one package", "krunner", `one/${upstream}/ubuntu`, "."],
    [
      "inside of one",
      "krunner",
      `one/${upstream}/ubuntu/licenses`,
      `${path}/one/${upstream}/ubuntu`,
    ],
    ["several families", "krunner", "two", upstream],
    ["one of several families", "krunner", `two/${upstream}/static_gnu`, "."],
    ["this project", "krunner", "krunner", "dockerfiles"],
    ["a folder of this project", "krunner", "krunner/lib", own],
    ["all of its packages", "krunner", "krunner/dockerfiles", "."],
    ["one of its packages", "krunner", "krunner/dockerfiles/debian", "."],
    ["another repository inside", "krunner", "one/vendor/other", own],
    ["nowhere near", "krunner", "empty", own],
    ["above this project", "krunner", "", "krunner/dockerfiles"],
    [
      "this project inside a checkout",
      "one/krunner",
      "one/krunner",
      "dockerfiles",
    ],
    [
      "a folder of it there",
      "one/krunner",
      "one/krunner/lib",
      `${path}/one/krunner/dockerfiles`,
    ],
    ["a program without a folder", "gone", "empty", "dockerfiles"],
    ["a program without a folder, in a checkout", "gone", "one", upstream],
  ];
  for (const [name, script, cwd, expected] of cases) {
    await t.step(name, () => {
      assertEquals(
        projectRoot(`${path}/${script}`, cwd === "" ? path : `${path}/${cwd}`),
        expected,
      );
    });
  }
  await t.step("the root of the file system", () => {
    assertEquals(projectRoot(`${path}/krunner`, "/"), own.slice(1));
  });
});
