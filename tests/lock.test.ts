import { assertEquals, assertRejects } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import { takeLock } from "../lib/lock.ts";
import { pause } from "../lib/pause.ts";
import { tempDir } from "./package_fixture.ts";

const busy = (holder: string) => `Busy: ${holder}`;

Deno.test("takeLock() keeps others out until it is let go", async () => {
  using dir = tempDir();
  const path = `${dir.path}/x.lock`;
  {
    using _lock = await takeLock(path, 42, busy);
    const error = await assertRejects(
      () => takeLock(path, 43, busy),
      KrunnerError,
    );
    assertEquals(error.message, "Busy: 42");
    assertEquals(await Deno.readTextFile(path), "42\n");
  }
  using _lock = await takeLock(path, 7, busy);
  assertEquals(await Deno.readTextFile(path), "7\n");
});

Deno.test("takeLock() takes over the file that a killed process left", async () => {
  using dir = tempDir({ "x.lock": "123456789\n" });
  using _lock = await takeLock(`${dir.path}/x.lock`, 1, busy);
  assertEquals(await Deno.readTextFile(`${dir.path}/x.lock`), "1\n");
});

Deno.test("takeLock() waits a moment for the holder to sign", async () => {
  using dir = tempDir();
  const path = `${dir.path}/x.lock`;
  using _lock = await takeLock(path, 42, busy);
  await Deno.truncate(path);
  const refused = assertRejects(() => takeLock(path, 43, busy), KrunnerError);
  await pause(250);
  await Deno.writeTextFile(path, "42\n");
  assertEquals((await refused).message, "Busy: 42");
});

Deno.test("takeLock() calls a holder that does not sign unknown", async () => {
  using dir = tempDir();
  const path = `${dir.path}/x.lock`;
  using _lock = await takeLock(path, 42, busy);
  await Deno.truncate(path);
  const error = await assertRejects(
    () => takeLock(path, 43, busy),
    KrunnerError,
  );
  assertEquals(error.message, "Busy: unknown");
});

Deno.test("takeLock() sees a lock of another process", async () => {
  using dir = tempDir();
  const path = `${dir.path}/x.lock`;
  const module = new URL("../lib/lock.ts", import.meta.url);
  const script = `import { takeLock } from ${JSON.stringify(module.href)};
    using _lock = await takeLock(${JSON.stringify(path)}, Deno.pid, String);
    console.log("locked");
    await Deno.stdin.read(new Uint8Array(1));`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", script],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const error = await assertRejects(
    () => takeLock(path, 1, busy),
    KrunnerError,
  );
  assertEquals(error.message, `Busy: ${child.pid}`);
  // However it ends.
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  await child.stdin.close().catch(() => {});
  using _lock = await takeLock(path, 1, busy);
});
