import { assertEquals, assertRejects } from "@std/assert";
import { CancelledError, KrunnerError } from "../lib/errors.ts";
import { isKept, measurePings } from "../lib/ttyd/pings.ts";
import { OPCODE } from "../lib/ttyd/websocket.ts";
import { FakeServer, frame } from "./ttyd_fixture.ts";

/** A ttyd on a clock of its own: what a connection sees, step by step. */
class FakeTtyd {
  now = 0;
  readonly #serve: (server: FakeServer, ttyd: FakeTtyd) => Promise<void>;
  readonly #served: Promise<void>[] = [];

  constructor(serve: (server: FakeServer, ttyd: FakeTtyd) => Promise<void>) {
    this.#serve = serve;
  }

  connect = (): Promise<FakeServer> => {
    const server = new FakeServer();
    this.#served.push(this.#serve(server, this));
    return Promise.resolve(server);
  };

  /** Measures, and waits until nothing goes on. */
  async measure(limit: number, signal?: AbortSignal) {
    try {
      return await measurePings(limit, {
        connect: this.connect,
        now: () => this.now,
        signal,
      });
    } finally {
      await Promise.all(this.#served);
    }
  }
}

Deno.test("measurePings() sees pings, and the end of who does not answer", async () => {
  const answers: string[] = [];
  let connections = 0;
  const ttyd = new FakeTtyd(async (server, ttyd) => {
    // The one that answers connects first.
    const isMute = connections++ > 0;
    await server.accept();
    await server.send(frame(OPCODE.binary, new Uint8Array([0x30])));
    for (const second of isMute ? [5] : [5, 10, 15]) {
      if (!isMute) ttyd.now = second * 1000;
      await server.send(frame(OPCODE.ping, new Uint8Array([second])));
      if (isMute) break;
      const pong = await server.next();
      if (pong === undefined) break;
      // Two bytes of head, four of mask, one of content.
      answers.push(`${pong[0]!.toString(16)} ${pong[6]! ^ pong[2]!}`);
    }
    await server.close();
  });
  const { answering, mute } = await ttyd.measure(30);
  assertEquals(answering.pings, [5, 10, 15]);
  assertEquals(answering.silence, 5);
  assertEquals(isKept(answering, 30), true);
  assertEquals(answers, ["8a 5", "8a 10"]);
  assertEquals(mute.closed, true);
  assertEquals(mute.pings.length, 1);
});

Deno.test("measurePings() measures a silence that is too long", async () => {
  const ttyd = new FakeTtyd(async (server, ttyd) => {
    await server.accept();
    ttyd.now = 31_000;
    await server.send(frame(OPCODE.ping));
    while (await server.next() !== undefined);
  });
  const { answering } = await ttyd.measure(30);
  assertEquals(answering.pings, [31]);
  assertEquals(answering.silence, 31);
  assertEquals(isKept(answering, 30), false);
});

Deno.test("measurePings() gives up where no ping comes", async () => {
  const ttyd = new FakeTtyd(async (server, ttyd) => {
    await server.accept();
    ttyd.now = 1_500;
    while (await server.next() !== undefined);
  });
  const { answering, mute } = await ttyd.measure(1);
  assertEquals(answering, {
    pings: [],
    silence: 1.5,
    end: 1.5,
    closed: false,
  });
  assertEquals(mute.closed, false);
});

Deno.test("measurePings() tells a server's end from one's own", async () => {
  const ttyd = new FakeTtyd(async (server, ttyd) => {
    await server.accept();
    ttyd.now = 2_000;
    await server.send(frame(OPCODE.close));
  });
  const { answering } = await ttyd.measure(30);
  assertEquals(answering.closed, true);
  assertEquals(answering.silence, 2);
});

Deno.test("measurePings() says what does not speak WebSocket", async () => {
  const ttyd = new FakeTtyd(async (server) => {
    await server.request();
    await server.close();
  });
  await assertRejects(
    () => ttyd.measure(30),
    KrunnerError,
    "the connection ends before the WebSocket's handshake does",
  );
});

Deno.test("measurePings() stops when it is cancelled", async () => {
  const controller = new AbortController();
  const ttyd = new FakeTtyd(async (server) => {
    await server.accept();
    controller.abort();
    while (await server.next() !== undefined);
  });
  await assertRejects(
    () => ttyd.measure(30, controller.signal),
    CancelledError,
  );
});
