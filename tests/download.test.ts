import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { readRetryAfter } from "../lib/download.ts";
import { KrunnerError } from "../lib/errors.ts";
import { provideSource, type SourcePlaces } from "../lib/source_cache.ts";
import type { Origin, SourceRow } from "../lib/sources.ts";
import {
  type Answer,
  begun,
  broken,
  CONTENT,
  deadUrl,
  HALF,
  laboratory,
  partName,
  ranged,
  row,
  Server,
} from "./source_fixture.ts";

/** Leaves a part, as a killed process does. */
function leavePart({ cache }: SourcePlaces, wanted: SourceRow, text: string) {
  Deno.mkdirSync(cache, { recursive: true });
  Deno.writeTextFileSync(`${cache}/${partName(wanted)}`, text);
}

/** What each of some requests for the same path is answered; the last one again. */
function inTurn(...answers: Answer[]): Answer {
  return (request, nth, server) =>
    (answers[nth - 1] ?? answers.at(-1)!)(request, nth, server);
}

const STARTING_OVER =
  'Source "thing-1.0.tgz": what an earlier download left does not fit; starting over';

Deno.test("a download goes on where the last try ended", async (t) => {
  const cut = "the connection broke after 55000 of 110000 bytes";
  const cases: [string, Answer, string][] = [
    ["after a cut", () => broken({ etag: '"1"' }), cut],
    [
      "after a silence",
      (_request, _nth, server) =>
        begun(HALF, () => server.end(), { etag: '"1"' }),
      "no byte for 1 s",
    ],
    ["with a weak ETag only", () => broken({ etag: 'W/"1"' }), cut],
    [
      "after an end without a length",
      () => begun(HALF),
      "the connection ended after 55000 of 110000 bytes",
    ],
  ];
  for (const [name, first, reason] of cases) {
    await t.step(name, async () => {
      await using server = new Server({
        "/x": inTurn(first, (request) => ranged(request)),
      });
      using lab = laboratory({ stallTimeout: 1000, retryDelays: [10] });
      const wanted = await row(server.origin("x"));
      const path = await provideSource(wanted, lab.places);
      assertEquals(await Deno.readTextFile(path), CONTENT);
      assertEquals(server.requests, ["/x", `/x bytes=${HALF.length}-`]);
      assertEquals(lab.cached(), ["thing-1.0.tgz"]);
      const start = `Source "thing-1.0.tgz" not had from ${server.url("x")}: `;
      assertEquals(lab.notices.length, 2);
      assertEquals(lab.notices[0], `${start}${reason}`);
      assertEquals(
        lab.notices[1],
        'Trying again in 0.01 s to get source "thing-1.0.tgz"',
      );
    });
  }
});

Deno.test("a download goes on with what another call left", async () => {
  await using server = new Server();
  using lab = laboratory();
  const wanted = await row(server.origin("cut"));
  await assertRejects(() => provideSource(wanted, lab.places), KrunnerError);
  const part = partName(wanted);
  assertEquals(lab.cached(), [part, `${part}.json`]);
  // Another origin: what the first one calls its content says nothing there.
  await provideSource(await row(server.origin("good")), lab.places);
  assertEquals(server.requests, ["/cut", `/good bytes=${HALF.length}-`]);
  assertEquals(lab.cached(), ["thing-1.0.tgz"]);
});

Deno.test("a download starts over where the server does not go on", async (t) => {
  const bytes = `bytes ${HALF.length}-${CONTENT.length - 1}`;
  const partial = (range?: string): Answer => () =>
    new Response(CONTENT.slice(HALF.length), {
      status: 206,
      headers: range === undefined ? {} : { "content-range": range },
    });
  const cases: [string, Answer, number][] = [
    ["it knows no ranges", () => new Response(CONTENT), 1],
    ["another place", partial(`bytes 0-109999/110000`), 2],
    ["another size", partial(`${bytes}/110001`), 2],
    ["no place", partial(), 2],
    ["nothing there", () => new Response("", { status: 416 }), 2],
  ];
  for (const [name, answer, requests] of cases) {
    await t.step(name, async () => {
      await using server = new Server({
        "/x": inTurn(answer, (request) => ranged(request)),
      });
      using lab = laboratory();
      const wanted = await row(server.origin("x"));
      leavePart(lab.places, wanted, HALF);
      const path = await provideSource(wanted, lab.places);
      assertEquals(await Deno.readTextFile(path), CONTENT);
      assertEquals(
        server.requests,
        ["/x bytes=55000-", "/x"].slice(0, requests),
      );
      assertEquals([lab.cached(), lab.notices], [["thing-1.0.tgz"], []]);
    });
  }
});

Deno.test("a download goes on where the server does not know the size", async () => {
  await using server = new Server({
    "/x": () =>
      new Response(CONTENT.slice(HALF.length), {
        status: 206,
        headers: { "content-range": "bytes 55000-109999/*" },
      }),
  });
  using lab = laboratory();
  const wanted = await row(server.origin("x"));
  leavePart(lab.places, wanted, HALF);
  const path = await provideSource(wanted, lab.places);
  assertEquals(await Deno.readTextFile(path), CONTENT);
});

Deno.test("a row need not know the size", async (t) => {
  const cases: [string, string, string[]][] = [
    ["nothing there", "", ["/good"]],
    ["a half", HALF, ["/good bytes=55000-"]],
    ["all", CONTENT, []],
    ["another half", `T${HALF.slice(1)}`, ["/good bytes=55000-", "/good"]],
    ["more than all", `${CONTENT}x`, ["/good bytes=110001-", "/good"]],
  ];
  for (const [name, text, requests] of cases) {
    await t.step(name, async () => {
      await using server = new Server();
      using lab = laboratory();
      const { size: _, ...wanted } = await row(server.origin("good"));
      if (text !== "") leavePart(lab.places, wanted, text);
      const path = await provideSource(wanted, lab.places);
      assertEquals(await Deno.readTextFile(path), CONTENT);
      assertEquals(server.requests, requests);
    });
  }
  await t.step("a wrong file", async () => {
    await using server = new Server();
    using lab = laboratory();
    const { size: _, ...wanted } = await row(server.origin("wrong"));
    const { message } = await assertRejects(
      () => provideSource(wanted, lab.places),
      KrunnerError,
    );
    assertStringIncludes(message, "(thing 1.0): its SHA-256 is ");
    assertEquals(lab.cached(), ["thing-1.0.tgz.wrong"]);
  });
  await t.step("a cut", async () => {
    await using server = new Server();
    using lab = laboratory();
    const { size: _, ...wanted } = await row(server.origin("cut"));
    await assertRejects(() => provideSource(wanted, lab.places), KrunnerError);
    assertMatch(
      lab.notices[0] ?? "",
      /: the connection broke after 55000 bytes$/,
    );
  });
});

Deno.test("a download starts over when the server's file has changed", async () => {
  await using server = new Server({
    "/x": inTurn(
      () => broken({ etag: '"0"' }),
      (request) => ranged(request, CONTENT, { etag: '"1"' }),
    ),
  });
  using lab = laboratory({ retryDelays: [10] });
  const wanted = await row(server.origin("x"));
  const path = await provideSource(wanted, lab.places);
  assertEquals(await Deno.readTextFile(path), CONTENT);
  // The condition fails, so all of it comes in answer to the second one.
  assertEquals(server.requests, ["/x", "/x bytes=55000-"]);
});

Deno.test("a part that does not fit is not what a server is blamed for", async (t) => {
  const cases: [string, string, string[], string[]][] = [
    ["other content", "x".repeat(HALF.length), [STARTING_OVER], [
      "/good bytes=55000-",
      "/good",
    ]],
    ["longer than all", `${CONTENT}x`, [], ["/good"]],
    ["as long as all", `x${CONTENT.slice(1)}`, [], ["/good"]],
    ["all of it", CONTENT, [], []],
    ["nothing", "", [], ["/good"]],
  ];
  for (const [name, text, notices, requests] of cases) {
    await t.step(name, async () => {
      await using server = new Server();
      using lab = laboratory();
      const wanted = await row(server.origin("good"));
      leavePart(lab.places, wanted, text);
      const path = await provideSource(wanted, lab.places);
      assertEquals(await Deno.readTextFile(path), CONTENT);
      assertEquals([lab.notices, server.requests], [notices, requests]);
      assertEquals(lab.cached(), ["thing-1.0.tgz"]);
    });
  }
});

Deno.test("a wrong file is wrong after the second look only", async () => {
  const other = `T${CONTENT.slice(1)}`;
  await using server = new Server({
    "/x": (request) => ranged(request, other),
  });
  using lab = laboratory();
  const wanted = await row(server.origin("x"));
  leavePart(lab.places, wanted, HALF.slice(1));
  await assertRejects(
    () => provideSource(wanted, lab.places),
    KrunnerError,
    "Wrong content of source",
  );
  assertEquals(server.requests, ["/x bytes=54999-", "/x"]);
  assertEquals(lab.cached(), ["thing-1.0.tgz.wrong"]);
  assertEquals(
    await Deno.readTextFile(`${lab.places.cache}/thing-1.0.tgz.wrong`),
    other,
  );
});

Deno.test("a download that fails is tried again where that may help", async (t) => {
  const status =
    (code: number, headers: Record<string, string> = {}): Answer => () =>
      new Response("x", { status: code, headers });
  const cases: [string, Answer, number][] = [
    ["503", status(503), 3],
    ["500", status(500), 3],
    ["429", status(429), 3],
    ["408", status(408), 3],
    ["404", status(404), 1],
    ["403", status(403), 1],
    ["410", status(410), 1],
    ["206 that nobody asked for", status(206), 1],
    ["a short pause", status(503, { "retry-after": "0" }), 3],
    ["a long pause", status(503, { "retry-after": "3600" }), 1],
  ];
  for (const [name, answer, requests] of cases) {
    await t.step(name, async () => {
      await using server = new Server({ "/x": answer });
      using lab = laboratory({ retryDelays: [1, 2] });
      const wanted = await row(server.origin("x"));
      await assertRejects(() => provideSource(wanted, lab.places));
      assertEquals(server.requests.length, requests);
      assertEquals(
        lab.notices.filter((line) => line.startsWith("Trying again")).length,
        requests - 1,
      );
      assertEquals(lab.cached(), []);
    });
  }
});

Deno.test("a server that is busy twice is asked a third time", async () => {
  const busy: Answer = () => new Response("", { status: 503 });
  await using server = new Server({
    "/x": inTurn(busy, busy, (request) => ranged(request)),
  });
  using lab = laboratory({ retryDelays: [1, 2, 60_000] });
  await provideSource(await row(server.origin("x")), lab.places);
  const refused = `Source "thing-1.0.tgz" not had from ${
    server.url("x")
  }: the server answers 503 Service Unavailable`;
  assertEquals(lab.notices, [
    refused,
    'Trying again in 0.001 s to get source "thing-1.0.tgz"',
    refused,
    'Trying again in 0.002 s to get source "thing-1.0.tgz"',
  ]);
});

Deno.test("a server's wish for a pause is heeded", async () => {
  await using server = new Server({
    "/x": inTurn(
      () => new Response("", { status: 429, headers: { "retry-after": "1" } }),
      (request) => ranged(request),
    ),
  });
  using lab = laboratory({ retryDelays: [1] });
  const start = performance.now();
  await provideSource(await row(server.origin("x")), lab.places);
  assert(performance.now() - start >= 1000);
  assertEquals(
    lab.notices.at(-1),
    'Trying again in 1 s to get source "thing-1.0.tgz"',
  );
});

Deno.test("readRetryAfter() reads seconds and times", () => {
  const date = "Wed, 21 Oct 2015 07:28:00 GMT";
  const cases: [Record<string, string>, number | undefined][] = [
    [{}, undefined],
    [{ "retry-after": "120" }, 120_000],
    [{ "retry-after": "-1", date }, undefined],
    [{ "retry-after": "soon", date }, undefined],
    // By the server's own clock: this host's may be wrong.
    [{ "retry-after": "Wed, 21 Oct 2015 07:29:00 GMT", date }, 60_000],
    [{ "retry-after": "Wed, 21 Oct 2015 07:27:00 GMT", date }, 0],
    [{ "retry-after": "Wed, 21 Oct 2015 07:29:00 GMT" }, undefined],
  ];
  for (const [headers, wait] of cases) {
    assertEquals(readRetryAfter(new Headers(headers)), wait);
  }
});

Deno.test("failures of the network are tried again, and Deno's own not", async (t) => {
  await using server = new Server();
  const cases: [string, string, RegExp, boolean][] = [
    ["nobody listens", deadUrl(), /Connection refused/, true],
    [
      "no such host",
      "http://no-such-host.invalid/x",
      /failed to lookup address/,
      false,
    ],
    ["no TLS", server.url("x").replace("http", "https"), /corrupt/, false],
    ["no URL", "nonsense", /^Invalid URL/, false],
    ["no protocol of ours", "ftp://localhost/x", /not supported/, false],
    ["a port for other things", "http://127.0.0.1:1/x", /blocked/, false],
    [
      "redirects in a circle",
      server.url("circle"),
      /redirect/i,
      false,
    ],
  ];
  await using circle = new Server({
    "/circle": (request) => Response.redirect(request.url),
  });
  for (const [name, url, reason, again] of cases) {
    await t.step(name, async () => {
      using lab = laboratory({ retryDelays: [1] });
      const wanted = await row({
        url: url === server.url("circle") ? circle.url("circle") : url,
      });
      await assertRejects(() => provideSource(wanted, lab.places));
      const [first = "", second] = lab.notices;
      assertMatch(first.slice(first.indexOf(": ") + 2), reason);
      assert(!first.includes("error sending request"), first);
      assertEquals(second?.startsWith("Trying again"), again || undefined);
    });
  }
});

Deno.test("a connection that is reset is taken up again", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answer = async (
    bytes: number,
    respond: (request: string) => string,
  ) => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(bytes);
    const count = await connection.read(buffer) ?? 0;
    const request = new TextDecoder().decode(buffer.subarray(0, count));
    await new Response(respond(request)).body!.pipeTo(connection.writable)
      .catch(() => {});
  };
  const serve = async () => {
    // Bytes that nobody read are what turns a close into a reset.
    await answer(
      3,
      () => `HTTP/1.1 200 OK\r\ncontent-length: 110000\r\n\r\n${HALF}`,
    );
    await answer(4096, (request) => {
      // How much of the half came through is not certain.
      const [, from = "0"] = /range: bytes=(\d+)-/i.exec(request) ?? [];
      const rest = CONTENT.slice(Number(from));
      return [
        `HTTP/1.1 ${from === "0" ? "200 OK" : "206 Partial Content"}`,
        `content-length: ${rest.length}`,
        `content-range: bytes ${from}-109999/110000`,
        "",
        rest,
      ].join("\r\n");
    });
  };
  const served = serve();
  using lab = laboratory({ retryDelays: [1] });
  const wanted = await row({ url: `http://127.0.0.1:${listener.addr.port}/x` });
  const path = await provideSource(wanted, lab.places);
  await served;
  assertEquals(await Deno.readTextFile(path), CONTENT);
  assertMatch(lab.notices[0] ?? "", /broke after \d+ of|reset by peer/);
});

Deno.test("a slow server is waited for while it sends", async () => {
  async function* drips() {
    for (let i = 0; i < 10; i++) {
      yield new TextEncoder().encode(
        CONTENT.slice(i * CONTENT.length / 10, (i + 1) * CONTENT.length / 10),
      );
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  }
  await using server = new Server({
    "/x": () => new Response(ReadableStream.from(drips())),
  });
  using lab = laboratory({ stallTimeout: 1000 });
  await provideSource(await row(server.origin("x")), lab.places);
  assertEquals([lab.cached(), lab.notices], [["thing-1.0.tgz"], []]);
});

Deno.test("a name and password in a URL go to the server and nowhere else", async () => {
  const seen: (string | null)[] = [];
  await using server = new Server({
    "/x": (request) => {
      seen.push(request.headers.get("authorization"));
      return broken({ etag: '"1"' });
    },
  });
  using lab = laboratory({ retryDelays: [1] });
  const secret = (url: string): Origin => ({
    url: url.replace("://", "://me:pass%40word@"),
  });
  const wanted = await row(
    secret(server.url("x")),
    secret(deadUrl()),
    { url: "https://me:pass%40word@nowhere else/" },
  );
  const { message } = await assertRejects(
    () => provideSource(wanted, lab.places),
    KrunnerError,
  );
  assertEquals(seen[0], `Basic ${btoa("me:pass@word")}`);
  const note = await Deno.readTextFile(
    `${lab.places.cache}/${partName(wanted)}.json`,
  );
  const said = [message, note, ...lab.notices].join("\n");
  assertStringIncludes(said, server.url("x"));
  assert(!/pass|word@|me:/.test(said), said);
});

Deno.test("a download asks for the file's own bytes", async () => {
  const seen: (string | null)[] = [];
  await using server = new Server({
    "/x": (request) => {
      seen.push(request.headers.get("accept-encoding"));
      // What some servers say of a .tgz that is sent as it is.
      return ranged(request, CONTENT, { "content-encoding": "x-gzip" });
    },
  });
  using lab = laboratory();
  await provideSource(await row(server.origin("x")), lab.places);
  assertEquals(seen, ["identity"]);
});

Deno.test("a full disk is one message, and what came is kept", async () => {
  await using server = new Server();
  using lab = laboratory();
  const { cache } = lab.places;
  await Deno.mkdir(cache);
  const mount = (...args: string[]) =>
    new Deno.Command(args[0]!, { args: args.slice(1) }).output();
  const { success } = await mount(
    "mount",
    "-t",
    "tmpfs",
    "-o",
    "size=64k",
    "tmpfs",
    cache,
  );
  assert(success);
  try {
    const wanted = await row(server.origin("good"), server.origin("good"));
    const part = `${cache}/${partName(wanted)}`;
    const { message } = await assertRejects(
      () => provideSource(wanted, lab.places),
      KrunnerError,
    );
    assertEquals(
      message,
      `Cannot write "${part}": no space is left on the device; free some space there`,
    );
    assertEquals(server.requests, ["/good"]);
    assert((await Deno.stat(part)).size > 0);
    await mount("mount", "-o", "remount,size=1m", cache);
    await provideSource(wanted, lab.places);
    assertMatch(server.requests[1] ?? "", /^\/good bytes=\d+-$/);
    assertEquals(lab.cached(), ["thing-1.0.tgz"]);
  } finally {
    await mount("umount", cache);
  }
});
