/**
 * ttyd in an image that holds nothing else: what starts there needs no library, no
 * loader and no file.
 *
 * @module
 */

import { pourInto } from "../builder.ts";
import type { Engine } from "../engine.ts";
import { fileError, KrunnerError } from "../errors.ts";
import { finish } from "../process.ts";
import type { ContainerEnd, Scratch } from "../scratch.ts";
import type { Duplex } from "./websocket.ts";

/** An image of no byte. */
const IMAGE = "krunner-empty:1";

/** The port in the container. */
const PORT = 7681;

/** Milliseconds that ttyd may take until it answers; emulated it is slow. */
const START_LIMIT = 30_000;

/** What goes into the image. */
export interface EmptyImageOptions {
  /** The path of ttyd's binary. */
  readonly binary: string;
  /** The path of the emulator that runs it, where the engine's machine cannot. */
  readonly emulator?: string | undefined;
}

/** A ttyd that serves a terminal on loopback. */
export interface RunningTtyd {
  /** Opens a connection. */
  readonly connect: () => Promise<Duplex>;
  /** The value of the HTTP header `server`. */
  readonly header: string;
}

/**
 * Runs ttyd to its end.
 *
 * @param args Its arguments, e.g. `--version`
 * @throws {KrunnerError} If the engine fails.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function runInEmptyImage(
  scratch: Scratch,
  options: EmptyImageOptions,
  args: readonly string[],
): Promise<ContainerEnd> {
  await provideImage(scratch.engine);
  return await scratch.runContainer(
    [...SANDBOX, "--network=none", ...command(options, args)],
    IMAGE,
    { prepare: (id) => copyInto(scratch.engine, id, options) },
  );
}

/**
 * Starts ttyd; it ends with the scratch. The terminal's program is ttyd again,
 * for there is no other: it prints a few lines and then waits for ever.
 *
 * @param args Arguments of the user's own.
 * @throws {KrunnerError} If it does not answer; with what it printed.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function startInEmptyImage(
  scratch: Scratch,
  options: EmptyImageOptions,
  args: readonly string[],
): Promise<RunningTtyd> {
  const { engine } = scratch;
  await provideImage(engine);
  const id = await scratch.createContainer([
    ...SANDBOX,
    // On loopback of the engine's host only.
    `--publish=127.0.0.1::${PORT}`,
    ...command(options, [
      "--port",
      String(PORT),
      ...args,
      ...terminal(options),
    ]),
  ], IMAGE);
  await copyInto(engine, id, options);
  const printed = await attach(engine, id);
  const port = await publishedPort(engine, id);
  const header = await awaitAnswer(engine, port, printed);
  return {
    header,
    connect: () => Deno.connect({ hostname: "127.0.0.1", port }),
  };
}

/** A foreign program gets no rights. */
const SANDBOX = [
  "--user=65534:65534",
  "--cap-drop=ALL",
  "--security-opt=no-new-privileges",
];

/** Options, image and arguments of `create`. */
function command(
  { emulator }: EmptyImageOptions,
  args: readonly string[],
): string[] {
  return emulator === undefined
    ? ["--entrypoint", "/ttyd", IMAGE, ...args]
    : ["--entrypoint", "/emulator", IMAGE, "/ttyd", ...args];
}

/**
 * The program in the terminal. ttyd takes the first argument that looks like the
 * program's for where its own arguments end, so it must not be called as itself.
 */
function terminal({ emulator }: EmptyImageOptions): string[] {
  return [
    ...emulator === undefined ? [] : ["/emulator"],
    "/./ttyd",
    // Any: each client's terminal has one of its own.
    "--port",
    "0",
    "/ttyd",
  ];
}

async function provideImage(engine: Engine): Promise<void> {
  if (await engine.imageId(IMAGE) !== undefined) return;
  const nothing = new Uint8Array(1024); // An empty tar archive: two zero blocks.
  await feed(
    engine,
    ["import", "-", IMAGE],
    ReadableStream.from([nothing]),
    "make an empty image",
  );
}

async function copyInto(
  engine: Engine,
  container: string,
  { binary, emulator }: EmptyImageOptions,
): Promise<void> {
  const { TarStream } = await import("@std/tar/tar-stream");
  const files = [
    ["ttyd", await readProgram(binary)] as const,
    ...emulator === undefined
      ? []
      : [["emulator", await readProgram(emulator)] as const],
  ];
  const entries = files.map(([path, bytes]) => ({
    type: "file" as const,
    path,
    size: bytes.length,
    readable: ReadableStream.from([bytes]),
    options: { mode: 0o755, mtime: 0, uid: 0, gid: 0 },
  }));
  await feed(
    engine,
    ["cp", "-", `${container}:/`],
    ReadableStream.from(entries).pipeThrough(new TarStream()),
    "copy ttyd into a container",
  );
}

async function readProgram(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return await Deno.readFile(path).catch((error) => {
    throw fileError("read", path, error);
  });
}

async function feed(
  engine: Engine,
  args: readonly string[],
  input: ReadableStream<Uint8Array>,
  action: string,
): Promise<void> {
  const child = engine.spawn(args, { stdin: "piped" });
  const complaint = new Response(child.stderr).text();
  const { code } = await finish(child, [
    pourInto(input, child.stdin),
    new Response(child.stdout).text(),
    complaint,
  ]);
  if (code !== 0) throw engine.failure(action, await complaint);
}

/** What a container has printed so far, and whether it has ended. */
interface Printed {
  text: string;
  ended: boolean;
}

/** Starts the container, and collects what it prints in the background. */
async function attach(engine: Engine, id: string): Promise<Printed> {
  const printed: Printed = { text: "", ended: false };
  const child = engine.spawn(["start", "--attach", id]);
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    for await (
      const text of stream.pipeThrough(
        new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>,
      )
    ) printed.text = (printed.text + text).slice(-100_000);
  };
  const done = Promise.allSettled([
    collect(child.stdout),
    collect(child.stderr),
    child.status,
  ]).then(() => {
    printed.ended = true;
  });
  // Its first line says that it runs.
  await Promise.race([
    done,
    until(() => printed.text !== "" || printed.ended, START_LIMIT),
  ]);
  return printed;
}

async function publishedPort(engine: Engine, id: string): Promise<number> {
  const json = await engine.run([
    "inspect",
    "--format",
    "{{json .NetworkSettings.Ports}}",
    id,
  ], "read a container's ports");
  const ports = JSON.parse(json) as Record<
    string,
    { HostPort: string }[] | null
  >;
  return Number(ports[`${PORT}/tcp`]?.[0]?.HostPort ?? 0);
}

async function awaitAnswer(
  engine: Engine,
  port: number,
  printed: Printed,
): Promise<string> {
  let header: string | undefined;
  await until(async () => {
    engine.throwIfCancelled();
    if (printed.ended) return true;
    header = await askHeader(port).catch(() => undefined);
    return header !== undefined;
  }, START_LIMIT);
  if (header !== undefined) return header;
  const words = printed.text.trim().split("\n").at(-1) ?? "";
  throw new KrunnerError(
    printed.ended
      ? `Cannot start ttyd: it ended at once (${words || "without a word"})`
      : `Cannot reach ttyd at 127.0.0.1:${port}: it does not answer; the engine must be on this machine, and may not be without a bridge network`,
  );
}

/** The small answer to this path has the same header as all others. */
async function askHeader(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/token`, {
    signal: AbortSignal.timeout(5000),
  });
  await response.body?.cancel();
  return response.headers.get("server") ?? "";
}

/** Waits until something holds, and gives up after `limit` milliseconds. */
async function until(
  holds: () => boolean | Promise<boolean>,
  limit: number,
): Promise<void> {
  const end = performance.now() + limit;
  while (!await holds() && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
