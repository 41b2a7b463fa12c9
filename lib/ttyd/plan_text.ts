/**
 * Plans of ttyd builds as text for people (`--dry-run`) and as JSON for machines.
 *
 * @module
 */

import { describeOrigin, withoutSecrets } from "../sources.ts";
import type { StepPlan, TtydPlan } from "./plan.ts";

/** The plan as a person reads it, without a line break at the end. */
export function renderTtydPlan(
  plan: TtydPlan,
  folders: readonly string[],
): string {
  const { recipe, arch, toolchain, steps, outputs } = plan;
  const { reference, bootstrap, bootstrapped } = toolchain.base;
  return [
    `ttyd for ${arch}, recipe ${recipe}`,
    `  toolchain: ${toolchain.image}, else made from ${reference}${
      bootstrap === undefined
        ? ""
        : ` (or suite ${bootstrap.suite} as ${bootstrapped})`
    }`,
    ...steps.flatMap(renderStep),
    ...folders.flatMap((folder) => [
      `  outputs in ${folder}:`,
      `    ${outputs.binary}`,
      `    ${outputs.record}`,
      `    licenses/ttyd/`,
    ]),
    ...plan.notices.map((notice) => `  notice: ${notice}`),
  ].join("\n");
}

function renderStep({ name, row, flags, edits, image }: StepPlan): string[] {
  return [
    `  step ${name} ${row.version}: ${image}`,
    `    source: ${row.file}, SHA-256 ${row.sha256}`,
    ...row.origins.map((origin) => `      from ${describeOrigin(origin)}`),
    ...flags.map((flag) => `    flag: ${flag}`),
    ...edits.map(({ file, sed, what }) =>
      `    edit: ${file}: ${sed} (${what})`
    ),
  ];
}

/** The plan as one JSON document. */
export function ttydPlanToJson(
  plan: TtydPlan,
  folders: readonly string[],
): Record<string, unknown> {
  const steps = plan.steps.map((step) => ({
    ...step,
    row: withoutSecrets(step.row),
  }));
  return { status: "planned", ...plan, steps, folders };
}
