import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { CancelledError, KrunnerError } from "../lib/errors.ts";
import { sha256 } from "../lib/inputs.ts";
import { provideSource } from "../lib/source_cache.ts";
import type { DebianOrigin, Origin } from "../lib/sources.ts";
import { eventually } from "./engine_fixture.ts";
import { tempDir } from "./package_fixture.ts";
import {
  CONTENT,
  deadUrl,
  HALF,
  laboratory,
  partName,
  row,
  Server,
  type SourceLaboratory,
} from "./source_fixture.ts";

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
  const cases: [string, Origin, RegExp, string?][] = [
    ["unreachable", { url: deadUrl() }, /refused/],
    ["no URL at all", { url: "nonsense" }, /^Invalid URL/],
    ["not there", server.origin("gone"), /^the server answers 404 Not Found$/],
    ["cut in the middle", server.origin("cut"), /^[^/]+$/],
    ["silent", server.origin("silent"), /^no byte for 1 s$/],
    ["silent half-way", server.origin("stalls"), /^no byte for 1 s$/],
    [
      "without apt",
      { debianSource: "thing", file: "thing_1.0.orig.tar.gz" },
      /^no base image is known to run apt in$/,
    ],
  ];
  for (const [name, origin, reason] of cases) {
    await t.step(name, async () => {
      // The second one is asked before the first is asked again.
      using lab = laboratory({ stallTimeout: 1000, retryDelays: [60_000] });
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

Deno.test("provideSource() keeps a download of the wrong content aside", async (t) => {
  const flipped = `T${CONTENT.slice(1)}`;
  const right = await sha256(CONTENT);
  const cases: [string, string, string, string][] = [
    [
      "one flipped byte",
      flipped,
      `its SHA-256 is ${await sha256(flipped)}, not ${right}; the file`,
      flipped,
    ],
    [
      "too short",
      HALF,
      `it has 55000 bytes, not 110000, and its SHA-256 is ${await sha256(
        HALF,
      )}, not ${right}; the file`,
      HALF,
    ],
    [
      "empty",
      "",
      `it has 0 bytes, not 110000, and its SHA-256 is ${await sha256(
        "",
      )}, not ${right}; the file`,
      "",
    ],
    [
      "one byte too many",
      `${CONTENT}x`,
      "it has more than 110000 bytes; its start",
      `${CONTENT}x`,
    ],
  ];
  for (const [name, content, states, kept] of cases) {
    await t.step(name, async () => {
      await using server = new Server({
        "/other": () =>
          new Response(content, {
            headers: { "content-length": String(content.length) },
          }),
      });
      using lab = laboratory({ retryDelays: [60_000] });
      const wanted = await row(server.origin("other"), server.origin("good"));
      const path = await provideSource(wanted, lab.places);
      assertEquals(await Deno.readTextFile(path), CONTENT);
      assertEquals(lab.notices, [
        `Source "thing-1.0.tgz" not had from ${
          server.url("other")
        }: Wrong content of source "thing-1.0.tgz" (thing 1.0): ${states} is kept as "${path}.wrong"`,
      ]);
      assertEquals(await Deno.readTextFile(`${path}.wrong`), kept);
      assertEquals(lab.cached(), ["thing-1.0.tgz", "thing-1.0.tgz.wrong"]);
    });
  }
});

Deno.test("provideSource() does not read on beyond the size of the row", async () => {
  const sent = { bytes: 0 };
  await using server = new Server({
    "/endless": (_request, _nth, { end }) => {
      const chunk = new TextEncoder().encode(HALF);
      async function* forEver() {
        for (let i = 0; i < 1000; i++) {
          sent.bytes += chunk.length;
          yield chunk;
        }
        await end();
      }
      return new Response(ReadableStream.from(forEver()));
    },
  });
  using lab = laboratory();
  const wanted = await row(server.origin("endless"));
  const error = await assertRejects(
    () => provideSource(wanted, lab.places),
    KrunnerError,
    "it has more than 110000 bytes",
  );
  assertMatch(error.message, /its start is kept as ".*\.wrong"$/);
  // Sockets take some; all of it would be 55 MB.
  assert(sent.bytes < 1000 * HALF.length);
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

Deno.test("provideSource() says that a row names no origin", async () => {
  using lab = laboratory();
  const wanted = await row();
  const error = await assertRejects(
    () => provideSource(wanted, lab.places),
    KrunnerError,
  );
  assertEquals(
    error.message,
    `Cannot get source "thing-1.0.tgz": its row names no origin; put the file into a folder and give that with "--sources" (SHA-256 ${wanted.sha256})`,
  );
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
  assertEquals(lab.cached(), ["thing-1.0.tgz"]);
});

Deno.test("provideSource() checks what apt brings, and keeps what a URL gave", async (t) => {
  const origin = { debianSource: "thing1", file: "thing_1.orig.gz" };
  const cases: [string, string, RegExp][] = [
    ["half a file", HALF, /: it has 55000 bytes, not 110000, and its SHA-256/],
    ["more than all", CONTENT + CONTENT, /: it has more than 110000 bytes;/],
  ];
  for (const [name, content, message] of cases) {
    await t.step(name, async () => {
      await using server = new Server();
      using lab = laboratory({
        openDebianSource: () =>
          ReadableStream.from([new TextEncoder().encode(content)]),
      });
      const wanted = await row(server.origin("cut"), origin);
      await assertRejects(
        () => provideSource(wanted, lab.places),
        KrunnerError,
        "no origin has it",
      );
      assertMatch(lab.notices.at(-1) ?? "", message);
      assertEquals(lab.cached(), [
        partName(wanted),
        `${partName(wanted)}.json`,
        "thing-1.0.tgz.wrong",
      ]);
    });
  }
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
      `Wrong content of source "thing-1.0.tgz" (thing 1.0): it has 1 bytes, not 110000, and its SHA-256 is ${await sha256(
        "x",
      )}, not ${wanted.sha256}; replace "${folder.path}/wrong/thing-1.0.tgz" by the right file`,
    ],
    [
      "odd",
      `Cannot read "${folder.path}/odd/thing-1.0.tgz": is a directory; see that it is a file that you may read`,
    ],
    [
      "gone",
      `Cannot find source "thing-1.0.tgz" in "${folder.path}/gone": put it there (SHA-256 ${wanted.sha256}), or give no "--sources" and unset KRUNNER_SOURCES to download it`,
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
  assertEquals(
    await Deno.readTextFile(`${folder.path}/wrong/thing-1.0.tgz`),
    "x",
  );
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
  // One downloads, and the others find it in the cache.
  assertEquals(server.requests, ["/good"]);
  assertEquals(
    lab.notices,
    Array(3).fill('Waiting for another download of "thing-1.0.tgz"'),
  );
});

Deno.test("provideSource() stops when it is cancelled", async (t) => {
  const taken = Promise.withResolvers<void>();
  await using server = new Server({
    "/taken": async (_request, _nth, server) => {
      taken.resolve();
      await server.end();
      return new Response();
    },
    "/busy": () => new Response("", { status: 503 }),
  });
  const cases: [
    string,
    RegExp[],
    string[],
    (lab: SourceLaboratory) => boolean,
  ][] = [
    ["silent", [], [], () => server.requests.includes("/silent")],
    ["stalls", [], ["part"], (lab) => lab.sizeOf("part") > 0],
    [
      "busy",
      [/answers 503/, /^Trying again in 60 s/],
      [],
      (lab) => lab.notices.length === 2,
    ],
  ];
  for (const [path, notices, left, isUnderWay] of cases) {
    await t.step(path, async () => {
      const controller = new AbortController();
      using lab = laboratory({
        signal: controller.signal,
        retryDelays: [60_000],
      });
      const wanted = await row(server.origin(path));
      const source = provideSource(wanted, lab.places);
      const ended = assertRejects(() => source, CancelledError);
      await eventually(
        `${path} is under way`,
        () => Promise.resolve(isUnderWay(lab)),
      );
      controller.abort();
      const error = await ended;
      assertEquals(error.message, 'Cancelled the download of "thing-1.0.tgz"');
      assertEquals(lab.notices.length, notices.length);
      notices.forEach((words, i) => assertMatch(lab.notices[i] ?? "", words));
      assertEquals(lab.cached().map((name) => name.split(".").at(-1)), left);
    });
  }
  await t.step("while it waits for another one", async () => {
    using lab = laboratory();
    const wanted = await row(server.origin("taken"));
    const first = new AbortController();
    const second = new AbortController();
    const holder = provideSource(wanted, {
      ...lab.places,
      signal: first.signal,
    });
    await taken.promise;
    await assertRejects(
      () =>
        provideSource(wanted, {
          ...lab.places,
          signal: second.signal,
          onNotice: () => second.abort(),
        }),
      CancelledError,
    );
    first.abort();
    await assertRejects(() => holder, CancelledError);
  });
  assertEquals(server.requests, ["/silent", "/stalls", "/busy", "/taken"]);
});

Deno.test("provideSource() says when the cache cannot be written", async (t) => {
  await using server = new Server();
  const wanted = await row(server.origin("good"), server.origin("good"));
  const part = partName(wanted);
  const advice = "see that its folder exists and that you may write there";
  using dir = tempDir({
    file: "",
    "lock/.thing-1.0.tgz.lock/x": "",
    [`part/${part}/x`]: "",
    "final/thing-1.0.tgz/x": "",
  });
  const cases: [string, string][] = [
    ["file", `Cannot write "DIR/file": file exists; ${advice}`],
    ["file/x", `Cannot write "DIR/file/x": not a directory; ${advice}`],
    [
      "lock",
      `Cannot write "DIR/lock/.thing-1.0.tgz.lock": is a directory; ${advice}`,
    ],
    ["part", `Cannot write "DIR/part/${part}": is a directory; ${advice}`],
    [
      "final",
      'Cannot read "DIR/final/thing-1.0.tgz": is a directory; see that it is a file that you may read',
    ],
  ];
  for (const [name, message] of cases) {
    await t.step(name, async () => {
      using lab = laboratory({ cache: `${dir.path}/${name}` });
      const error = await assertRejects(
        () => provideSource(wanted, lab.places),
        KrunnerError,
      );
      assertEquals(error.message.replaceAll(dir.path, "DIR"), message);
    });
  }
  assertEquals(server.requests, []);
});
