import { assertEquals, assertRejects } from "@std/assert";
import { canHaveSource } from "../lib/source_reach.ts";
import type { Origin, SourceRow } from "../lib/sources.ts";
import { tempDir } from "./package_fixture.ts";

function rowOf(...origins: Origin[]): SourceRow {
  return {
    name: "thing",
    version: "1.0",
    file: "thing.tgz",
    sha256: "24".repeat(32),
    size: 1,
    licence: "MIT",
    origins,
  };
}

/** A server that has `/there` and leads from `/moved` elsewhere. */
function serve() {
  const methods: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ method, url }) => {
      methods.push(method);
      const { pathname } = new URL(url);
      if (pathname === "/moved") {
        return new Response(null, {
          status: 302,
          headers: { location: "http://127.0.0.1:9/" },
        });
      }
      return new Response(null, { status: pathname === "/there" ? 200 : 404 });
    },
  );
  const origin = (path: string) => ({
    url: `http://127.0.0.1:${server.addr.port}/${path}`,
  });
  return { server, origin, methods };
}

Deno.test("canHaveSource() asks the cache, then the origins", async (t) => {
  using cache = tempDir();
  const { server, origin, methods } = serve();
  const { signal } = new AbortController();
  const ask = (...origins: Origin[]) =>
    canHaveSource(rowOf(...origins), { cache: cache.path, signal });
  const gone = { url: "http://127.0.0.1:9/thing" };
  const cases: [what: string, origins: Origin[], can: boolean][] = [
    ["no origin", [], false],
    ["nobody there", [gone], false],
    ["not there", [origin("gone")], false],
    ["there", [origin("there")], true],
    ["moved", [origin("moved")], true],
    ["the second has it", [gone, origin("there")], true],
    ["in Debian's archive", [{ debianSource: "x", file: "x.tgz" }], true],
  ];
  try {
    for (const [what, origins, can] of cases) {
      await t.step(what, async () => assertEquals(await ask(...origins), can));
    }
    await t.step("without fetching it", () => {
      assertEquals(new Set(methods), new Set(["HEAD"]));
    });
    await t.step("in the cache", async () => {
      await Deno.writeTextFile(`${cache.path}/thing.tgz`, "");
      assertEquals(await ask(), true);
    });
  } finally {
    await server.shutdown();
  }
});

Deno.test("canHaveSource() asks nobody where a folder is given", async () => {
  using folder = tempDir({ "full/thing.tgz": "", "empty/other": "" });
  const { signal } = new AbortController();
  const ask = (name: string) =>
    canHaveSource(rowOf({ debianSource: "x", file: "x.tgz" }), {
      cache: `${folder.path}/full`,
      sources: `${folder.path}/${name}`,
      signal,
    });
  assertEquals(await ask("full"), true);
  assertEquals(await ask("empty"), false);
});

Deno.test("canHaveSource() ends when it is cancelled", async () => {
  const reason = new Error("stopped");
  await assertRejects(
    () =>
      canHaveSource(rowOf({ url: "http://127.0.0.1:9/thing" }), {
        cache: "/nowhere",
        signal: AbortSignal.abort(reason),
      }),
    Error,
    "stopped",
  );
});
