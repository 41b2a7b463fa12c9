import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import { sha256 } from "../lib/inputs.ts";
import { provideSource, type SourcePlaces } from "../lib/source_cache.ts";
import type { DebianOrigin, Origin, SourceRow } from "../lib/sources.ts";
import { tempDir } from "./package_fixture.ts";

const CONTENT = "the source\n".repeat(10_000);

async function row(...origins: Origin[]): Promise<SourceRow> {
  return {
    name: "thing",
    version: "1.0",
    file: "thing-1.0.tgz",
    sha256: await sha256(CONTENT),
    size: CONTENT.length,
    licence: "MIT",
    origins,
  };
}

/** A server on loopback that counts its requests. */
class Server implements AsyncDisposable {
  readonly requests: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #hanging = new AbortController();

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  origin(path: string): Origin {
    return { url: `http://127.0.0.1:${this.#server.addr.port}/${path}` };
  }

  url(path: string): string {
    const origin = this.origin(path);
    return "url" in origin ? origin.url : "";
  }

  #answer(request: Request): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    this.requests.push(pathname);
    switch (pathname) {
      case "/good":
        return new Response(CONTENT);
      case "/wrong":
        return new Response("other content");
      case "/silent":
        return new Promise((resolve) => {
          this.#hanging.signal.addEventListener(
            "abort",
            () => resolve(new Response()),
          );
        });
      case "/stalls":
        return new Response(
          ReadableStream.from(this.#half(() => this.#untilEnd())),
        );
      case "/cut":
        return new Response(
          ReadableStream.from(this.#half(() => Promise.resolve())),
          { headers: { "content-length": String(CONTENT.length) } },
        );
      default:
        return new Response("nothing", { status: 404 });
    }
  }

  async *#half(then: () => Promise<void>): AsyncGenerator<Uint8Array> {
    yield new TextEncoder().encode(CONTENT.slice(0, CONTENT.length / 2));
    await then();
  }

  #untilEnd(): Promise<void> {
    return new Promise((resolve) => {
      this.#hanging.signal.addEventListener("abort", () => resolve());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hanging.abort();
    await this.#server.shutdown();
  }
}

/** A cache in a temporary folder, and what was noticed meanwhile. */
function laboratory(changes: Partial<SourcePlaces> = {}) {
  const dir = tempDir();
  const notices: string[] = [];
  const places: SourcePlaces = {
    cache: `${dir.path}/cache`,
    openDebianSource: () => {
      throw new KrunnerError("no base image is known to run apt in");
    },
    onNotice: (line) => notices.push(line),
    stallTimeout: 5_000,
    ...changes,
  };
  return {
    places,
    notices,
    cached: () => [...Deno.readDirSync(places.cache)].map(({ name }) => name),
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
}

Deno.test("provideSource() fetches once, then finds it in the cache", async () => {
  await using server = new Server();
  using lab = laboratory();
  const wanted = await row(server.origin("good"));
  const path = await provideSource(wanted, lab.places);
  assertEquals(path, `${lab.places.cache}/thing-1.0.tgz`);
  assertEquals(await Deno.readTextFile(path), CONTENT);
  assertEquals((await Deno.stat(path)).mode! & 0o777, 0o644);
  assertEquals(await provideSource(wanted, lab.places), path);
  assertEquals(server.requests, ["/good"]);
  assertEquals([lab.cached(), lab.notices], [["thing-1.0.tgz"], []]);
});

Deno.test("provideSource() fetches anew what is damaged in the cache", async () => {
  await using server = new Server();
  using lab = laboratory();
  const wanted = await row(server.origin("good"));
  const path = await provideSource(wanted, lab.places);
  await Deno.writeTextFile(path, CONTENT.slice(1));
  await provideSource(wanted, lab.places);
  assertEquals(await Deno.readTextFile(path), CONTENT);
  assertEquals(server.requests, ["/good", "/good"]);
});

Deno.test("provideSource() goes on to the next origin", async (t) => {
  await using server = new Server();
  // Bound and closed again: nobody listens there.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dead = `http://127.0.0.1:${listener.addr.port}/x`;
  listener.close();
  const cases: [string, Origin, RegExp][] = [
    ["unreachable", { url: dead }, /refused/],
    ["no URL at all", { url: "nonsense" }, /Invalid URL/],
    ["not there", server.origin("gone"), /^the server answers 404 Not Found$/],
    ["cut in the middle", server.origin("cut"), /./],
    ["silent", server.origin("silent"), /^no byte for 0.2 s$/],
    ["silent half-way", server.origin("stalls"), /^no byte for 0.2 s$/],
    [
      "without apt",
      { debianSource: "thing", file: "thing_1.0.orig.tar.gz" },
      /^no base image is known to run apt in$/,
    ],
  ];
  for (const [name, origin, reason] of cases) {
    await t.step(name, async () => {
      using lab = laboratory({ stallTimeout: 200 });
      const wanted = await row(origin, server.origin("good"));
      const path = await provideSource(wanted, lab.places);
      assertEquals(await Deno.readTextFile(path), CONTENT);
      assertEquals(lab.cached(), ["thing-1.0.tgz"]);
      const words = "url" in origin
        ? origin.url
        : 'Debian source package "thing"';
      const start = `Source "thing-1.0.tgz" not had from ${words}: `;
      assertEquals(lab.notices.length, 1);
      assertEquals(lab.notices[0]?.slice(0, start.length), start);
      assertMatch(lab.notices[0]?.slice(start.length) ?? "", reason);
    });
  }
});

Deno.test("provideSource() keeps a download of the wrong content aside", async () => {
  await using server = new Server();
  using lab = laboratory();
  const wanted = await row(server.origin("wrong"), server.origin("good"));
  await provideSource(wanted, lab.places);
  const kept = `${lab.places.cache}/thing-1.0.tgz.wrong`;
  assertEquals(lab.notices, [
    `Source "thing-1.0.tgz" not had from ${
      server.url("wrong")
    }: Wrong content of source "thing-1.0.tgz" (thing 1.0): its SHA-256 is ${await sha256(
      "other content",
    )}, not ${wanted.sha256}; the file is kept as "${kept}"`,
  ]);
  assertEquals(await Deno.readTextFile(kept), "other content");
  assertEquals(lab.cached().sort(), ["thing-1.0.tgz", "thing-1.0.tgz.wrong"]);
});

Deno.test("provideSource() tells of all origins when none has it", async () => {
  await using server = new Server();
  using lab = laboratory();
  const wanted = await row(server.origin("a"), server.origin("b"));
  const error = await assertRejects(
    () => provideSource(wanted, lab.places),
    KrunnerError,
  );
  assertEquals(
    error.message,
    `Cannot get source "thing-1.0.tgz": no origin has it; put the file into a folder and give that with "--sources" (SHA-256 ${wanted.sha256}). Tried:
  ${server.url("a")}: the server answers 404 Not Found
  ${server.url("b")}: the server answers 404 Not Found`,
  );
  assertEquals(lab.cached(), []);
});

Deno.test("provideSource() takes a Debian source package's file", async () => {
  const asked: DebianOrigin[] = [];
  using lab = laboratory({
    openDebianSource: (origin) => {
      asked.push(origin);
      return ReadableStream.from([new TextEncoder().encode(CONTENT)]);
    },
  });
  const origin = { debianSource: "thing1", file: "thing_1.orig.gz" };
  const path = await provideSource(await row(origin), lab.places);
  assertEquals(await Deno.readTextFile(path), CONTENT);
  assertEquals(asked, [origin]);
});

Deno.test("provideSource() reads a folder of the user's and nothing else", async (t) => {
  await using server = new Server();
  using folder = tempDir({ "good/thing-1.0.tgz": CONTENT });
  const wanted = await row(server.origin("good"));
  await Deno.mkdir(`${folder.path}/wrong`);
  await Deno.writeTextFile(`${folder.path}/wrong/thing-1.0.tgz`, "x");
  await Deno.mkdir(`${folder.path}/odd/thing-1.0.tgz`, { recursive: true });
  const cases: [string, string | undefined][] = [
    ["good", undefined],
    [
      "wrong",
      `Wrong content of source "thing-1.0.tgz" (thing 1.0): its SHA-256 is ${await sha256(
        "x",
      )}, not ${wanted.sha256}; the file is kept as "${folder.path}/wrong/thing-1.0.tgz"`,
    ],
    [
      "odd",
      `Cannot read "${folder.path}/odd/thing-1.0.tgz": is a directory; see that it is a file that you may read`,
    ],
    [
      "gone",
      `Cannot find source "thing-1.0.tgz" in "${folder.path}/gone": put it there (SHA-256 ${wanted.sha256}), or leave "--sources" out`,
    ],
  ];
  for (const [name, message] of cases) {
    await t.step(name, async () => {
      const sources = `${folder.path}/${name}`;
      using lab = laboratory({ sources });
      if (message === undefined) {
        const path = await provideSource(wanted, lab.places);
        assertEquals(path, `${sources}/thing-1.0.tgz`);
        return;
      }
      const error = await assertRejects(
        () => provideSource(wanted, lab.places),
        KrunnerError,
      );
      assertEquals(error.message, message);
    });
  }
  assertEquals(server.requests, []);
});

Deno.test("provideSource() may run several times at once", async () => {
  await using server = new Server();
  using lab = laboratory();
  const wanted = await row(server.origin("good"));
  const paths = await Promise.all(
    Array.from({ length: 4 }, () => provideSource(wanted, lab.places)),
  );
  assertEquals(new Set(paths), new Set([`${lab.places.cache}/thing-1.0.tgz`]));
  assertEquals(await Deno.readTextFile(paths[0]!), CONTENT);
  assertEquals(lab.cached(), ["thing-1.0.tgz"]);
});

Deno.test("provideSource() stops when it is cancelled", async (t) => {
  await using server = new Server();
  for (const path of ["silent", "stalls"]) {
    await t.step(path, async () => {
      const controller = new AbortController();
      using lab = laboratory({ signal: controller.signal });
      // The next origin is not tried any more.
      const wanted = await row(server.origin(path), server.origin("good"));
      const source = provideSource(wanted, lab.places);
      setTimeout(() => controller.abort(), 50);
      await assertRejects(() => source);
      assertEquals([lab.cached(), lab.notices], [[], []]);
    });
  }
  assertEquals(server.requests, ["/silent", "/stalls"]);
});

Deno.test("provideSource() says when the cache cannot be written", async () => {
  await using server = new Server();
  using dir = tempDir({ file: "" });
  using lab = laboratory({ cache: `${dir.path}/file` });
  const wanted = await row(server.origin("good"));
  const error = await assertRejects(() => provideSource(wanted, lab.places));
  assertStringIncludes(String(error), `${dir.path}/file`);
  assertEquals(server.requests, []);
});
