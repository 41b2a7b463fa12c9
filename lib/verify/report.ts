/**
 * Verdicts as text for people and as JSON.
 *
 * @module
 */

import { renderTable } from "../table.ts";
import type { CheckReport, Finding } from "./finding.ts";
import type { Outcome } from "./verify_all.ts";
import { findingsOf, type Verdict } from "./verify_volume.ts";

/** As many places as are shown of one thing that is wrong in many. */
const PLACES_SHOWN = 3;

/** Control characters in a name must not reach a terminal. */
export function printable(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\x00-\x1f\x7f-\x9f]/g,
    (character) =>
      `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

function stateOf({ findings, skipped, facts }: CheckReport): string {
  if (findings.length > 0) return "FAILED";
  if (skipped === undefined) return "ok";
  return facts === undefined ? "skipped" : "ok in part";
}

function factsOf({ findings, facts }: CheckReport): string {
  const count = findings.length;
  return [
    ...count === 0 ? [] : [`${count} finding${count === 1 ? "" : "s"}`],
    ...Object.entries(facts ?? {})
      .filter(([, value]) => value !== "")
      .map(([name, value]) => `${name} ${value}`),
  ].join(", ");
}

/** One row a check, with what is worth knowing. */
export function renderReports(reports: readonly CheckReport[]): string {
  const hasSubjects = reports.some(({ subject }) => subject !== undefined);
  return renderTable([
    ["CHECK", ...hasSubjects ? ["IMAGE"] : [], "STATE", "FACTS"],
    ...reports.map((report) => [
      report.check,
      ...hasSubjects ? [report.subject ?? "-"] : [],
      stateOf(report),
      factsOf(report),
    ]),
  ]);
}

/** The findings of a report, those that differ in the place only together. */
function renderFindings({ subject, findings }: CheckReport): string[] {
  const groups = Map.groupBy(findings, ({ what, why }) => `${what}\0${why}`);
  return [...groups.values()].flatMap((group) => {
    const [finding] = group;
    return finding === undefined
      ? []
      : [renderFinding(finding, group, subject)];
  });
}

function renderFinding(
  { check, what, why }: Finding,
  group: readonly Finding[],
  subject: string | undefined,
): string {
  const places = group.slice(0, PLACES_SHOWN).map(({ where }) => where);
  const more = group.length - places.length;
  const isImage = subject === undefined || places.includes(subject);
  return [
    `${check}${isImage ? "" : ` (${subject})`}: ${places.join(", ")}${
      more === 0 ? "" : ` and ${more} more`
    }`,
    `  what: ${what}`,
    `  why:  ${why}`,
  ].map(printable).join("\n");
}

/** What was skipped, that for one reason together. */
function renderSkipped(reports: readonly CheckReport[]): string[] {
  const reasons = new Map<string, string[]>();
  for (const { check, subject, skipped } of reports) {
    if (skipped === undefined) continue;
    const name = subject === undefined ? check : `${check} (${subject})`;
    reasons.set(skipped, [...reasons.get(skipped) ?? [], name]);
  }
  return [...reasons].map(([reason, names]) =>
    printable(`Skipped (${names.join(", ")}): ${reason}`)
  );
}

/** A verdict for people: a table, what was skipped, and what is wrong. */
export function renderVerdict(verdict: Verdict): string {
  const { archive, reports } = verdict;
  const skipped = renderSkipped(reports);
  const findings = reports.flatMap(renderFindings);
  return [
    printable(archive),
    renderReports(reports),
    ...skipped.length === 0 ? [] : [skipped.join("\n")],
    ...findings,
  ].join("\n\n");
}

/** A verdict as one JSON document. */
export function verdictToJson(verdict: Verdict): Record<string, unknown> {
  const { archive, distroVersion, arch, reports } = verdict;
  return {
    archive,
    distroVersion,
    arch,
    ok: findingsOf(verdict).length === 0,
    reports,
  };
}

/** Whether a volume was judged and nothing is wrong with it. */
export function isGood(outcome: Outcome): boolean {
  return "verdict" in outcome && findingsOf(outcome.verdict).length === 0;
}

/** What to write to stdout and to stderr about an outcome; `""` for nothing. */
export function renderOutcome(
  outcome: Outcome,
  { json, quiet }: { json: boolean; quiet: boolean },
): { out: string; err: string } {
  if ("failure" in outcome) {
    return {
      out: json ? JSON.stringify({ ...outcome, ok: false }) : "",
      err: `error: ${outcome.failure}`,
    };
  }
  const { verdict } = outcome;
  if (json) return { out: JSON.stringify(verdictToJson(verdict)), err: "" };
  if (quiet && isGood(outcome)) return { out: "", err: "" };
  return { out: `${renderVerdict(verdict)}\n`, err: "" };
}
