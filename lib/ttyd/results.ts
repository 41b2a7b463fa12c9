/**
 * Results of `ttyd.ts` as text for people and as JSON for machines.
 *
 * @module
 */

import { formatSize } from "../progress.ts";
import type { TtydResult } from "./build_all.ts";
import { type CheckResult, isGood } from "./check.ts";
import { renderRows } from "./judge.ts";
import { renderTtydPlan, ttydPlanToJson } from "./plan_text.ts";

/** A result for people; a plan has several lines. */
export function renderTtydResult(result: TtydResult): string {
  switch (result.status) {
    case "planned":
      return renderTtydPlan(result.plan, result.folders);
    case "failed":
      return `ttyd ${result.arch}  failed`;
    case "built": {
      const { binary, packages, proof } = result.record;
      const versions = packages
        .filter(({ name }) => name === "ttyd" || name === "libwebsockets")
        .map(({ name, version }) => `${name} ${version}`);
      return result.folders.map((folder) =>
        [
          `ttyd ${result.arch}`,
          "built",
          ...versions,
          proof === undefined
            ? "pings not checked"
            : `pings at ${proof.pings.join(", ")} s`,
          formatSize(binary.size),
          `${folder}/${binary.file}`,
        ].join("  ")
      ).join("\n");
    }
  }
}

/** A result as one JSON document. */
export function ttydResultToJson(result: TtydResult): Record<string, unknown> {
  switch (result.status) {
    case "planned":
      return ttydPlanToJson(result.plan, result.folders);
    case "failed":
      return { ...result };
    case "built": {
      const { record, check, ...rest } = result;
      return { ...rest, ...record, checks: check?.rows ?? [] };
    }
  }
}

/** What was seen of a binary, for people. */
export function renderCheck(result: CheckResult): string {
  return `${result.binary}\n\n${renderRows(result.rows)}`;
}

/** The same as one JSON document. Times are seconds. */
export function checkToJson(result: CheckResult): Record<string, unknown> {
  const { rows, ...rest } = result;
  return { ...rest, ok: isGood(result), checks: rows };
}
