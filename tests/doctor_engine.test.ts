/**
 * `doctor.ts` and a real engine.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Check } from "../lib/doctor/check.ts";
import { lookAtRegistry } from "../lib/doctor/look_engine.ts";
import { Engine } from "../lib/engine.ts";
import { Laboratory, must, run } from "./engine_fixture.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** Names of the images that a doctor would leave. */
async function probes(): Promise<string[]> {
  const names = await must([
    "docker",
    "images",
    "--format={{.Repository}}:{{.Tag}}",
    "--filter=reference=krunner-probe",
  ]);
  return names.split("\n");
}

Deno.test("doctor.ts finds the builder that works, and leaves nothing", async () => {
  await using laboratory = await Laboratory.open();
  const family = await laboratory.family({
    "krunner.json": JSON.stringify({ "demo1.0": { base: laboratory.base } }),
  });
  const before = new Set(await probes());
  const { code, stdout, stderr } = await run([
    ...[Deno.execPath(), "run", "-q", "-P=krunner", "--no-prompt"],
    `${ROOT}doctor.ts`,
    `--dir=${family.dir}`,
    "--json",
  ], { cwd: ROOT, env: laboratory.env });
  assertEquals(code, 0, stderr + stdout);
  const checks: Check[] = stdout.trim().split("\n").map((it) => JSON.parse(it));
  const found = (name: string) => checks.find((it) => it.name === name);
  assertEquals(found("builder")?.state, "ok");
  assertEquals(found("space for images")?.state, "ok");
  assertEquals(found("demo1.0")?.found, "can be built");
  assertEquals((await probes()).filter((it) => !before.has(it)), []);
  assertEquals(await laboratory.containers(), []);
});

Deno.test("lookAtRegistry() asks as the engine pulls", async () => {
  const asked: string[] = [];
  let isOpen = true;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ url }) => {
      const { pathname } = new URL(url);
      asked.push(pathname);
      if (!isOpen) return new Response("down", { status: 503 });
      if (pathname === "/v2/") return new Response("{}");
      const errors = [{
        code: "MANIFEST_UNKNOWN",
        message: "manifest unknown",
      }];
      return Response.json({ errors }, { status: 404 });
    },
  );
  const registry = `127.0.0.1:${server.addr.port}`;
  const { signal } = new AbortController();
  const look = () =>
    lookAtRegistry(
      new Engine("docker", signal),
      registry,
      `${registry}/base:1`,
      signal,
    );
  assertEquals(await look(), { registry });
  assert(asked.includes("/v2/base/manifests/krunner-doctor"), asked.join());
  isOpen = false;
  assert((await look()).fault !== undefined);
  await server.shutdown();
  assert(/refused/.test((await look()).fault ?? ""));
});
