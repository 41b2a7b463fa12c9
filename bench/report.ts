/**
 * How measurements are shown.
 *
 * @module
 */

import { renderTable } from "../lib/table.ts";
import { holds, isBar, type Row } from "./measure.ts";

/** A number as a person wants it: with three digits that count. */
function number(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

const RELATIONS = { ">=": "≥", "<=": "≤", "<": "<" } as const;

/** The cells of a line: what, the number, what it is made of, the bar, how it ended. */
function cells(row: Row): string[] {
  if (!isBar(row)) return [row.name, "", row.detail, "", ""];
  const { name, value, relation, limit, unit, detail = "" } = row;
  const verdict = holds(row) ? "ok" : "MISSED";
  return [
    name,
    `${number(value)} ${unit}`,
    detail,
    `${RELATIONS[relation]} ${limit}`,
    verdict,
  ];
}

const HEADINGS = ["measured", "result", "this against that", "bar", ""];

/** A table for terminals. */
export function renderReport(rows: readonly Row[]): string {
  return renderTable([HEADINGS, ...rows.map(cells)]);
}

/** The table of the README. */
export function renderMarkdown(rows: readonly Row[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const escaped = rows.map((row) =>
    cells(row).map((cell) => cell.replace(/^ +/, "– ").replaceAll("|", "\\|"))
  );
  return [HEADINGS, HEADINGS.map(() => "---"), ...escaped].map(line).join("\n");
}

/** Whether some number is not what it must be. */
export function isMissed(rows: readonly Row[]): boolean {
  return !rows.filter(isBar).every(holds);
}

/** Prints a table for a terminal, and returns the exit code. */
export function printRows(rows: readonly Row[]): number {
  console.log(renderReport(rows));
  return isMissed(rows) ? 1 : 0;
}
