/**
 * What a ttyd sends, without a ttyd.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { PingRecord } from "../lib/ttyd/record.ts";
import type { Duplex } from "../lib/ttyd/websocket.ts";

/** Three pings, every 5 s as ttyd is set; on a busy machine they may be late. */
export function assertPings(proof: PingRecord | undefined): void {
  const { limit, pings, dropped } = proof ??
    { limit: 0, pings: [], dropped: 0 };
  assertEquals([limit, pings.length], [30, 3]);
  for (const [index, ping] of pings.entries()) {
    const silence = ping - (pings[index - 1] ?? 0);
    assert(silence >= 4 && silence < limit, `a ping after ${silence} s`);
  }
  assert(dropped >= 5 && dropped < limit, `dropped after ${dropped} s`);
}

/** A server's frame, final and not masked. */
export function frame(opcode: number, payload = new Uint8Array()): Uint8Array {
  const { length } = payload;
  const head = new DataView(new ArrayBuffer(10));
  head.setUint8(0, 0x80 | opcode);
  let size = 2;
  if (length < 126) head.setUint8(1, length);
  else if (length < 65_536) {
    head.setUint8(1, 126);
    head.setUint16(2, length);
    size = 4;
  } else {
    head.setUint8(1, 127);
    head.setBigUint64(2, BigInt(length));
    size = 10;
  }
  return new Uint8Array([
    ...new Uint8Array(head.buffer, 0, size),
    ...payload,
  ]);
}

/** The server's end of a connection in memory. */
export class FakeServer implements Duplex {
  readonly #toClient = new TransformStream<Uint8Array, Uint8Array>(
    {},
    { highWaterMark: 100 },
    { highWaterMark: 100 },
  );
  readonly #fromClient = new TransformStream<Uint8Array, Uint8Array>(
    {},
    { highWaterMark: 100 },
    { highWaterMark: 100 },
  );
  readonly #writer = this.#toClient.writable.getWriter();
  readonly #reader = this.#fromClient.readable.getReader();
  readonly readable = this.#toClient.readable;
  readonly writable = this.#fromClient.writable;

  /** The lines of the client's handshake. */
  async request(): Promise<string[]> {
    return new TextDecoder().decode(await this.next()).split("\r\n");
  }

  /** What the client sends next; `undefined` where it has gone. */
  async next(): Promise<Uint8Array | undefined> {
    return (await this.#reader.read().catch(() => undefined))?.value;
  }

  /** Takes the connection, as ttyd does. */
  async accept(): Promise<void> {
    await this.request();
    await this.send(
      new TextEncoder().encode("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    );
    await this.next();
  }

  /** Sends bytes. A client that has gone does not matter. */
  async send(...chunks: Uint8Array[]): Promise<void> {
    for (const chunk of chunks) await this.#writer.write(chunk).catch(() => {});
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    await this.#writer.close().catch(() => {});
  }
}
