/**
 * What is right and wrong about a ttyd binary, from what was seen of it. Pure.
 *
 * @module
 */

import type { ElfFile } from "../elf.ts";
import { ARCHES } from "../options.ts";
import { renderTable } from "../table.ts";
import { isKept, type Listening, type Proof } from "./pings.ts";

/** One line of the table. */
export interface Row {
  /** What was checked. */
  readonly check: string;
  /** How that came out. A skipped check is shown, never silent. */
  readonly state: "ok" | "FAILED" | "skipped";
  /** What was seen, or why nothing was. */
  readonly facts: string;
}

/** The checks that need ttyd to run, in order. */
export const RUNNING_CHECKS = [
  "empty image",
  "version",
  "libwebsockets",
  "pings",
  "unanswered",
] as const;

function row(check: string, ok: boolean, facts: string): Row {
  return { check, state: ok ? "ok" : "FAILED", facts };
}

/** Whether it needs neither a loader nor libraries. */
export function judgeStatic(
  { bits, type, interpreter, needed }: ElfFile,
): Row {
  // What such a file needs was not read, and no arch here has any.
  if (bits !== 64) return row("static", false, `it has ${bits}-bit addresses`);
  const needs = [
    ...interpreter === undefined ? [] : [interpreter],
    ...needed,
  ];
  const isProgram = type === "executable" || type === "shared object";
  return row(
    "static",
    isProgram && needs.length === 0,
    !isProgram
      ? `it is a ${type} file, not a program`
      : needs.length === 0
      ? "needs no loader and no library"
      : `needs ${needs.join(", ")}`,
  );
}

/** Whether it is for the arch that is wanted; any of the agent's where none is. */
export function judgeArch(machine: string, wanted: string | undefined): Row {
  const arches: readonly string[] = wanted === undefined ? ARCHES : [wanted];
  const ok = arches.includes(machine);
  return row(
    "arch",
    ok,
    ok ? machine : `${machine}, not ${arches.join(" or ")}`,
  );
}

/** Whether the digest is that of the record beside the binary. */
export function judgeRecord(sha256: string, recorded: string): Row {
  return row(
    "record",
    sha256 === recorded,
    sha256 === recorded
      ? "describes this binary"
      : `describes another binary, with SHA-256 ${recorded}`,
  );
}

/** What `--version` printed. */
export function judgeVersion(
  printed: string,
  wanted: string | undefined,
): Row {
  const version = /^ttyd version (\S+)/m.exec(printed)?.[1];
  return judgeWord("version", printed, version, wanted);
}

/** What the HTTP header `server` said: `ttyd/1.7.7 (libwebsockets/4.3.5-unknown)`. */
export function judgeHeader(header: string, wanted: string | undefined): Row {
  const version = /libwebsockets\/([\d.]+\d)/.exec(header)?.[1];
  return judgeWord("libwebsockets", header, version, wanted);
}

function judgeWord(
  check: string,
  said: string,
  found: string | undefined,
  wanted: string | undefined,
): Row {
  if (found === undefined) {
    return row(
      check,
      false,
      `not told by ${JSON.stringify(said.slice(0, 80))}`,
    );
  }
  const ok = wanted === undefined || found === wanted;
  return row(check, ok, ok ? found : `${found}, not ${wanted}`);
}

/** Seconds as people read them. */
function inSeconds(times: readonly number[]): string {
  return `${times.map((time) => time.toFixed(1)).join(", ")} s`;
}

/** The two rows of the proof. */
export function judgeProof({ limit, answering, mute }: Proof): Row[] {
  const kept = isKept(answering, limit);
  return [
    row(
      "pings",
      kept,
      kept
        ? `at ${inSeconds(answering.pings)}; limit ${limit} s`
        : whyNotKept(answering, limit),
    ),
    kept ? judgeMute(mute) : {
      check: "unanswered",
      state: "skipped",
      facts: "there was no ping in time to answer",
    },
  ];
}

/** Only who was asked for an answer can fail to give it. */
function judgeMute({ pings, closed, end }: Listening): Row {
  const check = "unanswered";
  if (closed && pings.length > 0) {
    return row(check, true, `dropped after ${inSeconds([end])}`);
  }
  return row(
    check,
    false,
    closed
      ? `the connection ended after ${inSeconds([end])}, before any ping`
      : `not dropped for ${inSeconds([end])} after pings at ${
        inSeconds(pings)
      }`,
  );
}

function whyNotKept(
  { pings, silence, end }: Listening,
  limit: number,
): string {
  if (silence > limit) {
    return `silent for ${
      inSeconds([silence])
    }, longer than the limit of ${limit} s${
      pings.length === 0 ? "" : `, after pings at ${inSeconds(pings)}`
    }: idle terminals blink`;
  }
  return `the connection ended after ${inSeconds([end])}${
    pings.length === 0 ? "" : `, with pings at ${inSeconds(pings)}`
  }`;
}

/** The rows as a table for people. */
export function renderRows(rows: readonly Row[]): string {
  return renderTable([
    ["CHECK", "STATE", "FACTS"],
    ...rows.map(({ check, state, facts }) => [check, state, facts]),
  ]);
}
