/**
 * Child processes: argv arrays only, and advice where a program is missing.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";

/** What may be set for a child process. */
export interface ProcessOptions {
  /** Ends the child when aborted: with SIGTERM, and soon after with SIGKILL. */
  signal?: AbortSignal | undefined;
  /** Keeps the child out of this process's group, which Ctrl-C ends as a whole. */
  detached?: boolean | undefined;
  /** Variables added to the inherited environment. */
  env?: Record<string, string> | undefined;
  /** The child's working directory; the parent's by default. */
  cwd?: string | undefined;
}

/** A finished child process with its output as text. */
export interface Captured {
  /** The exit code. */
  code: number;
  /** All of stdout. */
  stdout: string;
  /** All of stderr. */
  stderr: string;
}

/** How to get a program that is missing, as the end of a sentence. */
function adviceFor(program: string): string {
  switch (program) {
    case "docker":
      return 'install Docker, or run "sh setup.sh" as root on Debian or Ubuntu';
    case "podman":
    case "nerdctl":
      return `install ${program}, or leave "--engine" out to use docker`;
    case "xz":
      return 'install the package "xz-utils" (Debian, Ubuntu) or "xz"';
    default:
      return `install "${program}", or put it on PATH`;
  }
}

/**
 * Starts a program.
 *
 * @throws {KrunnerError} If the program is not installed or may not be run.
 */
export function spawn(
  argv: readonly string[],
  options: ProcessOptions & {
    stdin?: "piped" | "null" | "inherit";
    stdout?: "piped" | "null" | "inherit";
    stderr?: "piped" | "null" | "inherit";
  } = {},
): Deno.ChildProcess {
  const [program, ...args] = argv;
  if (program === undefined) throw new TypeError("argv is empty");
  try {
    const child = new Deno.Command(program, {
      args,
      stdin: options.stdin ?? "null",
      stdout: options.stdout ?? "piped",
      stderr: options.stderr ?? "piped",
      detached: options.detached ?? false,
      ...options.env === undefined ? {} : { env: options.env },
      ...options.cwd === undefined ? {} : { cwd: options.cwd },
    }).spawn();
    if (options.signal !== undefined) endOnAbort(child, options.signal);
    return child;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new KrunnerError(
        `Cannot run "${program}": it is not installed; ${adviceFor(program)}`,
        { cause },
      );
    }
    if (cause instanceof Deno.errors.NotCapable) {
      throw new KrunnerError(
        `Cannot run "${program}": Deno was not given the permission; add "--allow-run=${program}" or "-A"`,
        { cause },
      );
    }
    throw cause;
  }
}

/**
 * Waits for a child's end and for the work on its pipes. Work that fails ends the
 * child, which would else wait for it, or go on unseen. Nothing of it runs any
 * more when this returns or throws.
 *
 * @throws What the work that failed first threw.
 */
export async function finish(
  child: Deno.ChildProcess,
  work: readonly Promise<unknown>[],
): Promise<Deno.CommandStatus> {
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(work.map(async (part) => {
    try {
      await part;
    } catch (error) {
      failure ??= { error };
      endChild(child);
    }
  }));
  const status = await child.status;
  if (failure !== undefined) throw failure.error;
  return status;
}

/**
 * Milliseconds that a child has for an end in order. An engine's client may take
 * SIGTERM for the container's, or wait until the engine gives up a step.
 */
const GRACE = 2000;

function endOnAbort(child: Deno.ChildProcess, signal: AbortSignal): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onAbort = () => {
    endChild(child);
    timer = setTimeout(() => endChild(child, "SIGKILL"), GRACE);
  };
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort);
  child.status.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  });
}

function endChild(
  child: Deno.ChildProcess,
  signal: Deno.Signal = "SIGTERM",
): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended already.
  }
}

/**
 * Runs a program to its end and returns its output, whatever its exit code.
 *
 * @throws {KrunnerError} If the program is not installed or may not be run.
 */
export async function capture(
  argv: readonly string[],
  options: ProcessOptions = {},
): Promise<Captured> {
  const { code, stdout, stderr } = await spawn(argv, options).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}
