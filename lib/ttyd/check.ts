/**
 * Checks a ttyd binary: what it is, that it needs nothing, and that its pings keep
 * an idle terminal alive.
 *
 * @module
 */

import { parseElf } from "../elf.ts";
import type { Engine } from "../engine.ts";
import { fileError, KrunnerError } from "../errors.ts";
import { sha256 } from "../inputs.ts";
import { Scratch } from "../scratch.ts";
import {
  type EmptyImageOptions,
  runInEmptyImage,
  startInEmptyImage,
} from "./empty_image.ts";
import {
  judgeArch,
  judgeHeader,
  judgeProof,
  judgeRecord,
  judgeStatic,
  judgeVersion,
  type Row,
  RUNNING_CHECKS,
} from "./judge.ts";
import { measurePings, type Proof } from "./pings.ts";

/** What is checked, and how. */
export interface CheckOptions {
  /** The path of the binary. */
  readonly binary: string;
  /** The longest silence allowed, in seconds. */
  readonly limit: number;
  /** What it must be, where that is known. */
  readonly expected?: Expected | undefined;
  /** Arguments for ttyd. */
  readonly args: readonly string[];
}

/** What a binary must be. */
export interface Expected {
  /** As Python's `platform.machine()` says it on Linux. */
  readonly arch?: string | undefined;
  /** The version of ttyd. */
  readonly ttyd?: string | undefined;
  /** The version of libwebsockets. */
  readonly libwebsockets?: string | undefined;
  /** The digest in the record beside it. */
  readonly sha256?: string | undefined;
}

/** What a check takes from the system around it. */
export interface CheckHost {
  /** The engine. */
  readonly engine: Engine;
  /** A folder of this user's that outlives the process, for locks. */
  readonly cache: string;
  /** This process's id. */
  readonly pid: number;
  /** Stops it. */
  readonly signal?: AbortSignal | undefined;
}

/** What became of a binary. */
export interface CheckResult {
  /** Its path. */
  readonly binary: string;
  /** SHA-256 of its bytes. */
  readonly sha256: string;
  /** Its arch, where it has one. */
  readonly arch?: string;
  /** One row a check. */
  readonly rows: readonly Row[];
  /** What was measured, where it could be. */
  readonly proof?: Proof;
}

/** Whether nothing is wrong; what was skipped is not. */
export function isGood({ rows }: CheckResult): boolean {
  return rows.every(({ state }) => state !== "FAILED");
}

/**
 * Checks a binary.
 *
 * @throws {KrunnerError} If it cannot be read, or the engine fails. What is wrong
 * with it is in the rows.
 * @throws {CancelledError} If the signal was aborted.
 */
export async function checkTtyd(
  options: CheckOptions,
  host: CheckHost,
): Promise<CheckResult> {
  const { binary, expected = {} } = options;
  const bytes = await Deno.readFile(binary).catch((error) => {
    throw fileError("read", binary, error);
  });
  const result = { binary, sha256: await sha256(bytes) };
  const elf = parseElf(bytes);
  if ("broken" in elf) {
    const facts = elf.broken;
    return { ...result, rows: [{ check: "static", state: "FAILED", facts }] };
  }
  const rows = [
    judgeStatic(elf),
    judgeArch(elf.machine, expected.arch),
    ...expected.sha256 === undefined
      ? []
      : [judgeRecord(result.sha256, expected.sha256)],
  ];
  const running = await tryRunning(options, host, elf.machine);
  return {
    ...result,
    arch: elf.machine,
    ...running,
    rows: [...rows, ...running.rows],
  };
}

/** What running it says. */
type Running = Pick<CheckResult, "rows" | "proof">;

async function tryRunning(
  options: CheckOptions,
  host: CheckHost,
  machine: string,
): Promise<Running> {
  const { arch } = await host.engine.info();
  const emulator = machine === arch ? undefined : emulatorOf(machine);
  if (emulator !== undefined && !await isFile(emulator)) {
    return skip(
      RUNNING_CHECKS,
      `no "${emulator}" to run it with; install qemu-user-static`,
    );
  }
  await using scratch = await Scratch.open(host.engine, host.cache, host.pid);
  return await run(
    scratch,
    { binary: options.binary, emulator },
    options,
    host.signal,
  );
}

/** Where Debian, Ubuntu and Fedora have the static emulator of an arch. */
function emulatorOf(machine: string): string {
  return `/usr/bin/qemu-${machine}-static`;
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isFile }) => isFile, () => false);
}

function skip(checks: readonly string[], facts: string): Running {
  return {
    rows: checks.map((check) => ({ check, state: "skipped", facts })),
  };
}

async function run(
  scratch: Scratch,
  image: EmptyImageOptions,
  { limit, expected = {}, args }: CheckOptions,
  signal: AbortSignal | undefined,
): Promise<Running> {
  const [first, ...others] = RUNNING_CHECKS;
  const fail = (facts: string): Running => ({
    rows: [
      { check: first, state: "FAILED", facts },
      ...skip(others, "it does not run").rows,
    ],
  });
  const end = await runInEmptyImage(scratch, image, ["--version"]);
  if (end.code !== 0 || end.timedOut) {
    const words = end.stderr.trim().split("\n").at(-1);
    return fail(end.fault ?? (words || `it ends with exit code ${end.code}`));
  }
  let server;
  try {
    server = await startInEmptyImage(scratch, image, args);
  } catch (error) {
    if (!(error instanceof KrunnerError)) throw error;
    scratch.engine.throwIfCancelled();
    await scratch.engine.info();
    return fail(error.message);
  }
  const proof = await measurePings(limit, {
    connect: server.connect,
    now: () => performance.now(),
    signal,
  });
  return {
    proof,
    rows: [
      { check: first, state: "ok", facts: "starts where there is no file" },
      judgeVersion(end.stdout + end.stderr, expected.ttyd),
      judgeHeader(server.header, expected.libwebsockets),
      ...judgeProof(proof),
    ],
  };
}
