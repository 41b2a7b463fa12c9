import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import { expectedOf, parseRecord } from "../lib/ttyd/record.ts";
import { tempDir } from "./package_fixture.ts";

const RECORD = {
  schema: 1,
  arch: "aarch64",
  binary: { sha256: "ab" },
  packages: [
    { name: "ttyd", version: "1.6.1" },
    { name: "libwebsockets", version: "3.2.3" },
  ],
};

Deno.test("expectedOf() believes the record, else the name", async () => {
  using dir = tempDir();
  const binary = `${dir.path}/ttyd_linux.x86_64.bin`;
  assertEquals(await expectedOf(binary), { arch: "x86_64" });
  assertEquals(await expectedOf("ttyd_linux.aarch64.bin"), { arch: "aarch64" });
  for (const name of ["ttyd", "ttyd.bin", "ttyd_linux.x86_64"]) {
    assertEquals(await expectedOf(`${dir.path}/${name}`), {}, name);
  }

  const record = `${dir.path}/ttyd_linux.x86_64.json`;
  await Deno.writeTextFile(record, JSON.stringify(RECORD));
  assertEquals(await expectedOf(binary), {
    arch: "aarch64",
    ttyd: "1.6.1",
    libwebsockets: "3.2.3",
    sha256: "ab",
  });

  await Deno.writeTextFile(record, "{");
  await assertRejects(
    () => expectedOf(binary),
    KrunnerError,
    `Cannot read the record of ttyd "${record}": it is not JSON`,
  );
});

Deno.test("parseRecord() refuses parts without names", () => {
  for (const part of [null, 7, "ttyd", {}, { name: 1 }]) {
    assertThrows(
      () => parseRecord(JSON.stringify({ ...RECORD, packages: [part] }), "f"),
      KrunnerError,
      'Cannot read the record of ttyd "f": one of its "packages" has no name; make the binary again, or remove the record',
    );
  }
});
