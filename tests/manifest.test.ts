import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import {
  formatManifest,
  parseManifest,
  readManifest,
} from "../lib/manifest.ts";
import { builtFixture } from "./built_fixture.ts";
import { writeFiles } from "./package_fixture.ts";

Deno.test("readManifest() reads what formatManifest() wrote", async () => {
  using built = await builtFixture();
  assertEquals(await readManifest(built.target, "x86_64"), built.manifest);
  assertEquals(await readManifest(built.target, "aarch64"), undefined);
  const text = formatManifest(built.manifest);
  assert(text.startsWith('{\n  "schema": 1,\n') && text.endsWith("\n}\n"));
  writeFiles(built.dir, { [built.outputs.manifest]: "" });
  await assertRejects(
    () => readManifest(built.target, "x86_64"),
    KrunnerError,
    `Cannot read manifest "${built.dir}/${built.outputs.manifest}": it is not JSON; build again with "--force", or remove it`,
  );
});

Deno.test("parseManifest() refuses what is none", async (t) => {
  const cases = ["null", "[]", "1", "{}", '{"schema": 2}', '{"schema": 1}'];
  for (const text of cases) {
    await t.step(text, () => {
      const error = assertThrows(() => parseManifest(text, "F"), KrunnerError);
      assertEquals(
        error.message,
        'Cannot read manifest "F": it is not a manifest of schema 1; build again with "--force", or remove it',
      );
    });
  }
});
