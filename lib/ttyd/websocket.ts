/**
 * As much of a WebSocket client as a ping needs: the platform's own answers pings
 * by itself and tells nobody that there was one.
 *
 * Source: RFC 6455, sections 4.1 (handshake) and 5.2 (frames).
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";

/** Opcodes of frames. */
export const OPCODE = {
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** A frame that a server sent. */
export interface Frame {
  /** What it is, see {@linkcode OPCODE}. */
  readonly opcode: number;
  /** Its content. */
  readonly payload: Uint8Array;
}

/** More than any server sends before it is asked: something else is talking. */
const FRAME_LIMIT = 16 << 20;

/** A byte stream in both directions. */
export interface Duplex {
  /** What the other side sends. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What it is sent. */
  readonly writable: WritableStream<Uint8Array>;
}

/**
 * The frames that are whole, and the bytes after them.
 *
 * @throws {KrunnerError} If a frame is masked, or far too long: no server sends
 * that.
 */
export function parseFrames(
  bytes: Uint8Array,
): { frames: Frame[]; rest: Uint8Array } {
  const frames: Frame[] = [];
  let rest = bytes;
  for (;;) {
    const found = parseFrame(rest);
    if (found === undefined) return { frames, rest };
    frames.push(found.frame);
    rest = rest.subarray(found.size);
  }
}

function parseFrame(
  bytes: Uint8Array,
): { frame: Frame; size: number } | undefined {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return undefined;
  const short = second & 0x7f;
  const head = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < head) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = short === 127
    ? Number(view.getBigUint64(2))
    : short === 126
    ? view.getUint16(2)
    : short;
  if ((second & 0x80) !== 0 || length > FRAME_LIMIT) {
    throw new KrunnerError("what the server sends is no WebSocket frame");
  }
  if (bytes.length < head + length) return undefined;
  return {
    frame: {
      opcode: first & 0x0f,
      payload: bytes.slice(head, head + length),
    },
    size: head + length,
  };
}

/**
 * A client's frame, final and masked. The content is at most 65535 bytes long.
 *
 * @param mask Four bytes.
 */
export function encodeFrame(
  { opcode, payload }: Frame,
  mask: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const { length } = payload;
  const size = length < 126 ? [0x80 | length] : [
    0x80 | 126,
    length >> 8,
    length & 0xff,
  ];
  return new Uint8Array([
    0x80 | opcode,
    ...size,
    ...mask,
    ...payload.map((byte, index) => byte ^ mask[index % 4]!),
  ]);
}

/** An open connection of a client's. */
export class WebSocketClient {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  private constructor({ readable, writable }: Duplex) {
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
  }

  /**
   * Shakes hands.
   *
   * @param host For the headers; nothing is looked up.
   * @throws {KrunnerError} If the server does not take the connection.
   */
  static async open(
    stream: Duplex,
    { host, path, protocol }: { host: string; path: string; protocol: string },
  ): Promise<WebSocketClient> {
    const client = new WebSocketClient(stream);
    try {
      await client.#shakeHands(host, path, protocol);
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  async #shakeHands(
    host: string,
    path: string,
    protocol: string,
  ): Promise<void> {
    const key = crypto.getRandomValues(new Uint8Array(16)).toBase64();
    await this.#write(
      new TextEncoder().encode([
        `GET ${path} HTTP/1.1`,
        `Host: ${host}`,
        `Origin: http://${host}`,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        `Sec-WebSocket-Key: ${key}`,
        `Sec-WebSocket-Protocol: ${protocol}`,
        "\r\n",
      ].join("\r\n")),
    );
    const head = await this.#readHead();
    const [status = ""] = head.split("\r\n", 1);
    if (!/^HTTP\/1\.1 101\b/.test(status)) {
      throw new KrunnerError(
        `the server answers "${status}" to a WebSocket's handshake`,
      );
    }
  }

  /** Sends a frame. One that the server does not take any more is no error. */
  async send(frame: Frame): Promise<void> {
    const mask = crypto.getRandomValues(new Uint8Array(4));
    await this.#write(encodeFrame(frame, mask));
  }

  /** The frames as they come, until the connection ends in whatever way. */
  async *frames(): AsyncGenerator<Frame> {
    for (;;) {
      const { frames, rest } = parseFrames(this.#rest);
      this.#rest = rest;
      yield* frames;
      if (!await this.#fill()) return;
    }
  }

  /** Ends the connection; a read that waits ends too. */
  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
    await this.#writer.abort().catch(() => {});
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(bytes).catch(() => {});
  }

  /** What comes before an empty line. */
  async #readHead(): Promise<string> {
    for (;;) {
      const text = new TextDecoder("latin1").decode(this.#rest);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#rest = this.#rest.subarray(end + 4);
        return text.slice(0, end);
      }
      if (this.#rest.length > FRAME_LIMIT || !await this.#fill()) {
        throw new KrunnerError(
          "the connection ends before the WebSocket's handshake does",
        );
      }
    }
  }

  /** Whether more has come. A connection that breaks has ended. */
  async #fill(): Promise<boolean> {
    const { done, value } = await this.#reader.read().catch(() => ({
      done: true,
      value: undefined,
    }));
    if (done || value === undefined) return false;
    const joined = new Uint8Array(this.#rest.length + value.length);
    joined.set(this.#rest);
    joined.set(value, this.#rest.length);
    this.#rest = joined;
    return true;
  }
}
