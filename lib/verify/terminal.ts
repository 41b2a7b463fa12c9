/**
 * Whether a volume's ttyd keeps idle terminals alive: the proof of `ttyd.ts check`,
 * in the bare image, without a network.
 *
 * @module
 */

import { VOLUME_ROOT } from "../engine.ts";
import { KrunnerError } from "../errors.ts";
import type { Scratch } from "../scratch.ts";
import { judgeProof } from "../ttyd/judge.ts";
import { measurePings, PROXY_LIMIT } from "../ttyd/pings.ts";
import type { Duplex } from "../ttyd/websocket.ts";
import type { CheckReport } from "./finding.ts";
import { TERMINAL } from "./layout.ts";
import { printable, sandbox, type Trial } from "./probe.ts";

/**
 * Starts ttyd in the container and passes one connection to it through stdin and
 * stdout, for no network leads there. The terminal's program is ttyd again, which
 * prints a few lines and waits: a bare image may hold nothing that does. What is
 * wrong with ttyd is told on stderr after `ttyd: `.
 */
const RELAY = String.raw`
import os, socket, subprocess, sys, threading, time

path = sys.argv[1]
inner = os.path.dirname(path) + "/./" + os.path.basename(path)
try:
    ttyd = subprocess.Popen(
        [path, "--port", "7681", inner, "--port", "0", path],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE)
except OSError as error:
    sys.exit("ttyd: it does not start: " + error.strerror)

said = []
def listen():
    for line in ttyd.stderr:
        said[:] = [line.decode("utf-8", "replace").strip()]
listener = threading.Thread(target=listen, daemon=True)
listener.start()

for _ in range(300):
    try:
        connection = socket.create_connection(("127.0.0.1", 7681), 5)
        break
    except OSError:
        if ttyd.poll() is not None:
            listener.join(1)
            sys.exit("ttyd: it ends at once: " + " ".join(said))
        time.sleep(0.1)
else:
    sys.exit("ttyd: it does not listen on its port")
connection.settimeout(None)

def pump():
    while True:
        data = os.read(0, 65536)
        if not data:
            os._exit(0)
        connection.sendall(data)
threading.Thread(target=pump, daemon=True).start()

try:
    while True:
        data = connection.recv(65536)
        if not data:
            break
        os.write(1, data)
except OSError:
    pass
os._exit(0)
`;

/**
 * Measures the pings of a volume's ttyd.
 *
 * @throws {KrunnerError} If the engine fails.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function checkTerminal(
  scratch: Scratch,
  trial: Trial,
): Promise<CheckReport> {
  const report = { check: "ttyd", subject: trial.image } as const;
  await using relays = new Relays(scratch, trial);
  try {
    const proof = await measurePings(PROXY_LIMIT, {
      connect: () => relays.connect(),
      now: () => performance.now(),
      signal: scratch.engine.signal,
    });
    const rows = judgeProof(proof);
    return {
      ...report,
      findings: rows.filter(({ state }) => state === "FAILED")
        .map(({ check, facts }) => ({
          check: "ttyd",
          what: printable(`${check}: ${facts}`),
          where: `./${TERMINAL}`,
          why:
            `the session proxy cuts a connection without traffic for ${PROXY_LIMIT} s; build a ttyd with ttyd.ts`,
        })),
      facts: Object.fromEntries(
        rows.filter(({ state }) => state === "ok")
          .map(({ check, facts }) => [check, facts]),
      ),
    };
  } catch (error) {
    if (!(error instanceof KrunnerError)) throw error;
    scratch.engine.throwIfCancelled();
    const words = await relays.complaint();
    const about = /^ttyd: (.*)/m.exec(words)?.[1];
    if (about === undefined) {
      const last = words.trim().split("\n").at(-1) || error.message;
      return { ...report, findings: [], skipped: printable(last) };
    }
    return {
      ...report,
      findings: [{
        check: "ttyd",
        what: printable(about),
        where: `./${TERMINAL}`,
        why: "there is no terminal in this image",
      }],
    };
  }
}

/** Containers that each pass one connection on. */
class Relays implements AsyncDisposable {
  readonly #scratch: Scratch;
  readonly #trial: Trial;
  readonly #ids: string[] = [];
  readonly #children: Deno.ChildProcess[] = [];
  readonly #complaints: Promise<string>[] = [];

  constructor(scratch: Scratch, trial: Trial) {
    this.#scratch = scratch;
    this.#trial = trial;
  }

  async connect(): Promise<Duplex> {
    const { image } = this.#trial;
    const id = await this.#scratch.createContainer([
      "--interactive",
      ...sandbox(this.#trial),
      "--entrypoint",
      `${VOLUME_ROOT}/bin/python`,
      image,
      "-s",
      "-c",
      RELAY,
      `${VOLUME_ROOT}/${TERMINAL}`,
    ], image);
    this.#ids.push(id);
    const child = this.#scratch.engine.spawn(
      ["start", "--attach", "--interactive", id],
      { stdin: "piped" },
    );
    this.#children.push(child);
    this.#complaints.push(new Response(child.stderr).text());
    return { readable: child.stdout, writable: child.stdin };
  }

  /** What the first that complained said. Ends all of them. */
  async complaint(): Promise<string> {
    await this.#end();
    const all = await Promise.all(this.#complaints);
    return all.find((words) => words.trim() !== "") ?? "";
  }

  async #end(): Promise<void> {
    for (const id of this.#ids.splice(0)) {
      await this.#scratch.removeContainer(id);
    }
    await Promise.all(this.#children.map((child) => child.status));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    await Promise.allSettled(this.#complaints);
  }
}
