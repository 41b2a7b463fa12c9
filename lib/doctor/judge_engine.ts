/**
 * Judges the engine and what it can reach.
 *
 * @module
 */

import { type Check, ok, problem, warning } from "./check.ts";
import type { EngineLook, RegistryFacts } from "./facts.ts";

const BUILDERS = {
  buildx: "BuildKit through buildx",
  buildkit: "BuildKit of the client",
  classic: "the classic builder",
  native: "the engine's own builder",
} as const;

/** Checks of the engine; one where none answers. */
export function judgeEngine(engine: EngineLook): Check[] {
  if ("fault" in engine) {
    const [found = "", ...advice] = engine.fault.split("; ");
    return [problem("engine", found, advice.join("; ") || "see its own log")];
  }
  const { name, version, arch, driver } = engine;
  return [
    ok(
      "engine",
      `${name} ${version} (${[arch, driver].filter(Boolean).join(", ")})`,
    ),
    ...driver === "vfs"
      ? [
        warning(
          "storage",
          "vfs copies every layer in full",
          "choose overlay2 in the engine's configuration",
        ),
      ]
      : [],
    judgeBuilder(engine),
  ];
}

function judgeBuilder(
  { name, builder, buildx }: Exclude<EngineLook, { fault: string }>,
): Check {
  if ("fault" in builder) {
    return problem("builder", builder.fault, "see the engine's log");
  }
  const plugin = name === "docker" ? `; buildx: ${buildx ?? "none"}` : "";
  return ok("builder", `${BUILDERS[builder.kind]} works${plugin}`);
}

/** One check for each registry that base images come from. */
export function judgeRegistry({ registry, fault }: RegistryFacts): Check {
  const name = `registry ${registry}`;
  return fault === undefined ? ok(name, "answers") : warning(
    name,
    fault,
    "nothing to do where base images are there or can be made; else see the engine's proxy and mirror settings",
  );
}
