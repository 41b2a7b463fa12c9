/**
 * The proof of a terminal: a client that says nothing sees pings in time, and one
 * that does not answer them is let go.
 *
 * @module
 */

import { CancelledError } from "../errors.ts";
import { type Duplex, OPCODE, WebSocketClient } from "./websocket.ts";

/** Seconds of silence after which Backend.AI's session proxy cuts a connection. */
export const PROXY_LIMIT = 30;

/** Pings in a row that count as a proof. */
const PINGS = 3;

/**
 * How many limits long a client that does not answer is waited for: its server
 * may let it go a while after a ping that came as late as it may.
 */
const PATIENCE = 3;

/** What a silent client saw. All times are seconds since the connection began. */
export interface Listening {
  /** When pings came. */
  readonly pings: readonly number[];
  /** The longest time without a ping, the last one included. */
  readonly silence: number;
  /** When it was over. */
  readonly end: number;
  /** Whether it was the server that ended the connection. */
  readonly closed: boolean;
}

/** What was measured. */
export interface Proof {
  /** The longest silence allowed, in seconds. */
  readonly limit: number;
  /** A client that answers pings, until three of them or a silence too long. */
  readonly answering: Listening;
  /** A client that does not, until it is let go; not waited for without pings. */
  readonly mute: Listening;
}

/** What the proof needs of the system around it. */
export interface ProofTools {
  /** Opens a connection to ttyd, each time a new one. */
  readonly connect: () => Promise<Duplex>;
  /** Milliseconds on any steady clock. */
  readonly now: () => number;
  /** Stops it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Measures both clients side by side.
 *
 * @param limit The longest silence allowed, in seconds.
 * @throws {KrunnerError} If ttyd does not take a connection.
 * @throws {CancelledError} If the signal was aborted.
 */
export async function measurePings(
  limit: number,
  tools: ProofTools,
): Promise<Proof> {
  const enough = new AbortController();
  const signals = [tools.signal, enough.signal]
    .filter((signal) => signal !== undefined);
  const signal = AbortSignal.any(signals);
  const answering = listen({ ...tools, signal }, {
    answers: true,
    isOver: ({ pings, silence }) => pings.length >= PINGS || silence > limit,
    limit,
  });
  const mute = listen({ ...tools, signal }, {
    answers: false,
    isOver: () => false,
    limit: PATIENCE * limit,
  });
  const both = Promise.allSettled([answering, mute]);
  try {
    const heard = await answering;
    // Whether a client is let go says nothing where no ping comes.
    if (!isKept(heard, limit)) enough.abort();
    const proof = { limit, answering: heard, mute: await mute };
    if (tools.signal?.aborted) throw new CancelledError("Cancelled");
    return proof;
  } finally {
    enough.abort();
    await both;
  }
}

/** Whether pings came in a row, none too late. */
export function isKept({ pings, silence }: Listening, limit: number): boolean {
  return pings.length >= PINGS && silence <= limit;
}

interface Manner {
  /** Whether it answers pings. */
  readonly answers: boolean;
  /** Whether it has heard enough. */
  readonly isOver: (heard: Listening) => boolean;
  /** Seconds after which it goes: since the last ping, if it answers those. */
  readonly limit: number;
}

async function listen(
  { connect, now, signal }: ProofTools,
  { answers, isOver, limit }: Manner,
): Promise<Listening> {
  const client = await WebSocketClient.open(await connect(), {
    host: "127.0.0.1",
    path: "/ws",
    protocol: "tty",
  });
  const begin = now();
  const seconds = () => (now() - begin) / 1000;
  const pings: number[] = [];
  const heard = (closed: boolean): Listening => {
    const end = seconds();
    const times = [0, ...pings, end];
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    return { pings, silence: Math.max(...gaps), end, closed };
  };
  let gone = false;
  const go = () => {
    gone = true;
    client.close();
  };
  // Half a second more, so that a ping just in time is seen.
  let timer = setTimeout(go, limit * 1000 + 500);
  signal?.addEventListener("abort", go);
  if (signal?.aborted) go();
  try {
    // As ttyd's own page does; nothing runs before.
    await client.send({
      opcode: OPCODE.binary,
      payload: new TextEncoder().encode(
        JSON.stringify({ AuthToken: "", columns: 80, rows: 24 }),
      ),
    });
    for await (const { opcode, payload } of client.frames()) {
      if (opcode === OPCODE.close) break;
      if (opcode !== OPCODE.ping) continue;
      pings.push(seconds());
      if (isOver(heard(false))) return heard(false);
      if (!answers) continue;
      clearTimeout(timer);
      timer = setTimeout(go, limit * 1000 + 500);
      await client.send({ opcode: OPCODE.pong, payload });
    }
    return heard(!gone);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", go);
    await client.close();
  }
}
