/**
 * Checks as text for people.
 *
 * @module
 */

import { renderTable } from "../table.ts";
import { messageAsTyped } from "../typed.ts";
import type { Check } from "./check.ts";

/** A table of all checks, and below it what to do. */
export function renderChecks(checks: readonly Check[]): string {
  const table = renderTable([
    ["CHECK", "STATE", "FOUND"],
    ...checks.map(({ name, state, found }) => [
      name,
      state,
      messageAsTyped(found),
    ]),
  ]);
  return [table, ...renderAdvice(checks)].join("\n");
}

/** Problems first; the same advice for several checks stands there once. */
function renderAdvice(checks: readonly Check[]): string[] {
  const lines: string[] = [];
  for (const state of ["problem", "warning"] as const) {
    const concerned = checks.filter((check) => check.state === state);
    const byAdvice = Object.groupBy(concerned, ({ advice = "" }) => advice);
    for (const [advice, those = []] of Object.entries(byAdvice)) {
      const names = those.map(({ name }) => name).join(", ");
      lines.push(`${state}: ${names}: ${messageAsTyped(advice)}`);
    }
  }
  return lines.length === 0 ? [] : ["", ...lines];
}

/** Whether builds can work. */
export function canBuild(checks: readonly Check[]): boolean {
  return checks.every(({ state }) => state !== "problem");
}
