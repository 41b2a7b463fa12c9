import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import {
  encodeFrame,
  OPCODE,
  parseFrames,
  WebSocketClient,
} from "../lib/ttyd/websocket.ts";
import { FakeServer, frame } from "./ttyd_fixture.ts";

Deno.test("parseFrames() reads frames of every length, and keeps what is not whole", async (t) => {
  for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
    await t.step(`${length} bytes`, () => {
      const payload = new Uint8Array(length).fill(7);
      const bytes = frame(OPCODE.binary, payload);
      const two = new Uint8Array([...bytes, ...frame(OPCODE.ping)]);
      assertEquals(parseFrames(two), {
        frames: [
          { opcode: OPCODE.binary, payload },
          { opcode: OPCODE.ping, payload: new Uint8Array() },
        ],
        rest: new Uint8Array(),
      });
      const half = bytes.subarray(0, -1);
      assertEquals(parseFrames(half), { frames: [], rest: half });
    });
  }
});

Deno.test("parseFrames() refuses what no server sends", async (t) => {
  const cases = {
    "a masked frame": [0x89, 0x80, 1, 2, 3, 4],
    "a frame of many gigabytes": [0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0],
  };
  for (const [name, bytes] of Object.entries(cases)) {
    await t.step(name, () => {
      assertThrows(
        () => parseFrames(new Uint8Array(bytes)),
        KrunnerError,
        "no WebSocket frame",
      );
    });
  }
});

Deno.test("encodeFrame() masks, as RFC 6455 5.7 shows it", () => {
  const payload = new TextEncoder().encode("Hello");
  const mask = new Uint8Array([0x37, 0xfa, 0x21, 0x3d]);
  assertEquals(
    encodeFrame({ opcode: OPCODE.text, payload }, mask).toHex(),
    "818537fa213d7f9f4d5158",
  );
  const long = encodeFrame({
    opcode: OPCODE.binary,
    payload: new Uint8Array(300),
  }, mask);
  assertEquals(long.subarray(0, 4).toHex(), "82fe012c");
  assertEquals(long.length, 308);
});

const HOST = { host: "127.0.0.1", path: "/ws", protocol: "tty" };

Deno.test("WebSocketClient.open() shakes hands, and keeps what came with the answer", async () => {
  const server = new FakeServer();
  const opened = WebSocketClient.open(server, HOST);
  const request = await server.request();
  assertEquals(request[0], "GET /ws HTTP/1.1");
  assertEquals(request.includes("Sec-WebSocket-Protocol: tty"), true);
  await server.send(
    new TextEncoder().encode(
      "HTTP/1.1 101 Switching Protocols\r\nServer: x\r\n\r\n",
    ),
    frame(OPCODE.ping),
  );
  const client = await opened;
  const frames = client.frames();
  assertEquals((await frames.next()).value?.opcode, OPCODE.ping);
  await server.close();
  assertEquals((await frames.next()).done, true);
  await client.close();
});

Deno.test("WebSocketClient.open() says why there is no connection", async (t) => {
  const cases = {
    "HTTP/1.1 404 Not Found\r\n\r\n": 'the server answers "HTTP/1.1 404',
    "HTTP/1.1 101 Switch": "the connection ends before",
  };
  for (const [answer, message] of Object.entries(cases)) {
    await t.step(message, async () => {
      const server = new FakeServer();
      const opened = WebSocketClient.open(server, HOST);
      await server.send(new TextEncoder().encode(answer));
      await server.close();
      await assertRejects(() => opened, KrunnerError, message);
    });
  }
});
