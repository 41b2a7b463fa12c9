import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { SourceRow } from "../lib/sources.ts";
import { linesOf, startScript } from "./script_process.ts";
import {
  begun,
  CONTENT,
  HALF,
  laboratory,
  partName,
  ranged,
  row,
  Server,
} from "./source_fixture.ts";

/** Starts a process that provides a source and prints notices and the outcome. */
async function start(
  wanted: SourceRow,
  cache: string,
  net: string,
  env: Record<string, string> = {},
): Promise<Deno.ChildProcess> {
  return await startScript(
    `import { provideSource } from "lib/source_cache.ts";
    await provideSource(${JSON.stringify(wanted)}, {
      cache: ${JSON.stringify(cache)},
      onNotice: (line) => console.log(line),
      stallTimeout: 60_000,
      retryDelays: [],
    }).then(() => console.log("done"), () => {});`,
    ["--allow-read", "--allow-write", `--allow-net=${net}`],
    env,
  );
}

Deno.test("a download goes on where a killed process was", async () => {
  const sent = Promise.withResolvers<void>();
  await using server = new Server({
    "/x": (request, nth, server) =>
      nth > 1 ? ranged(request) : begun(HALF, async () => {
        sent.resolve();
        await server.end();
      }, { etag: '"1"' }),
  });
  using lab = laboratory();
  const { cache } = lab.places;
  const wanted = await row(server.origin("x"));
  const child = await start(wanted, cache, server.host);
  await sent.promise;
  const part = `${cache}/${partName(wanted)}`;
  while ((await Deno.stat(part).catch(() => null))?.size !== HALF.length) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill("SIGKILL");
  await child.output();
  // Nor does its lock stay.
  const after = await start(wanted, cache, server.host);
  assertEquals(await linesOf(after), ["done"]);
  assertEquals(server.requests, ["/x", "/x bytes=55000-"]);
  assertEquals(
    await Deno.readTextFile(`${cache}/thing-1.0.tgz`),
    CONTENT,
  );
  assertEquals(lab.cached(), ["thing-1.0.tgz"]);
});

Deno.test("two processes do not download the same source twice", async () => {
  const asked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  await using server = new Server({
    "/x": async (request) => {
      asked.resolve();
      await go.promise;
      return ranged(request);
    },
  });
  using lab = laboratory();
  const wanted = await row(server.origin("x"));
  const first = await start(wanted, lab.places.cache, server.host);
  await asked.promise;
  const second = await start(wanted, lab.places.cache, server.host);
  const reader = second.stdout.getReader();
  const { value } = await reader.read();
  assertEquals(
    new TextDecoder().decode(value),
    'Waiting for another download of "thing-1.0.tgz"\n',
  );
  go.resolve();
  assertEquals(await linesOf(first), ["done"]);
  reader.releaseLock();
  assertEquals(await linesOf(second), ["done"]);
  assertEquals(server.requests, ["/x"]);
});

Deno.test("a permission is needed for each host that an origin leads to", async () => {
  await using target = new Server();
  await using server = new Server({
    "/x": () => Response.redirect(target.url("good")),
  });
  using lab = laboratory();
  const wanted = await row(server.origin("x"));
  const { cache } = lab.places;
  const refused = await linesOf(await start(wanted, cache, server.host));
  assertEquals(refused, [
    `Source "thing-1.0.tgz" not had from ${
      server.url("x")
    }: Deno was not given the permission to reach "${target.host}"; add "--allow-net=${target.host}" or "-A"`,
  ]);
  const both = `${server.host},${target.host}`;
  assertEquals(await linesOf(await start(wanted, cache, both)), ["done"]);
});

Deno.test("a proxy of the environment needs no permission of its own", async () => {
  const seen: string[] = [];
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async () => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(4096);
    const count = await connection.read(buffer) ?? 0;
    seen.push(new TextDecoder().decode(buffer.subarray(0, count)));
    await new Response(
      `HTTP/1.1 200 OK\r\ncontent-length: ${CONTENT.length}\r\n\r\n${CONTENT}`,
    ).body!.pipeTo(connection.writable);
  };
  const served = serve();
  using lab = laboratory();
  const wanted = await row({ url: "http://behind-the-proxy.invalid/x" });
  const child = await start(
    wanted,
    lab.places.cache,
    "behind-the-proxy.invalid",
    {
      HTTP_PROXY: `http://127.0.0.1:${listener.addr.port}`,
      http_proxy: "",
      NO_PROXY: "",
      no_proxy: "",
    },
  );
  assertEquals(await linesOf(child), ["done"]);
  await served;
  assertMatch(seen[0] ?? "", /^GET http:\/\/behind-the-proxy\.invalid\/x /);
  assertStringIncludes(lab.cached().join(), "thing-1.0.tgz");
});
