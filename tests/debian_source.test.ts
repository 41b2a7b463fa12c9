import { assertEquals, assertRejects } from "@std/assert";
import { openDebianSource } from "../lib/debian_source.ts";
import { KrunnerError } from "../lib/errors.ts";
import { ScriptedEngine } from "./scripted_engine.ts";

/** What a client that runs `script` brings, as text. */
async function fetched(script: string): Promise<string> {
  const engine = new ScriptedEngine(script);
  const stream = openDebianSource(engine, "debian:12", "key", {
    debianSource: "x",
    file: "x.tgz",
    suite: "sid",
  });
  return await new Response(stream).text();
}

Deno.test("openDebianSource() runs apt in a container of the image", async () => {
  const words = (await fetched('for word; do echo "$word"; done')).split("\n");
  assertEquals(words.slice(0, 8), [
    "run",
    "--rm",
    "--label",
    "ai.backend.krunner.build=key",
    "--entrypoint",
    "/bin/sh",
    "debian:12",
    "-c",
  ]);
  // Names are the script's arguments, never a part of it.
  assertEquals(words.slice(-4), ["x", "x.tgz", "sid", ""]);
});

Deno.test("openDebianSource() does not pass half a file for a whole one", async () => {
  const error = await assertRejects(
    () => fetched("echo half; echo E: no source >&2; exit 100"),
    KrunnerError,
  );
  assertEquals(
    error.message,
    'apt in "debian:12" ended with exit code 100 (E: no source)',
  );
});
