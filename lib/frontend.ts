/**
 * What reads a stage's dockerfile: the frontend image that its `# syntax=` line
 * names, or the builder's own. Hosts that reach no registry have only the latter.
 *
 * @module
 */

import { type Builder, tryBuild } from "./builder.ts";
import type { Engine } from "./engine.ts";
import { KrunnerError } from "./errors.ts";
import type { BuildKitOnly } from "./stage_file.ts";
import { provideImage } from "./verify/images.ts";

/** A dockerfile, as far as its frontend matters. */
export interface FrontendNeeds {
  /** The dockerfile's path, for messages. */
  readonly where: string;
  /** The frontend image that it names. */
  readonly syntax?: string | undefined;
  /** What only BuildKit understands. */
  readonly buildKitOnly?: BuildKitOnly | undefined;
  /** Makes the probe's image name unique. */
  readonly key: string;
}

/** Docker's own frontends, at whatever mirror: builders have one of these inside. */
const DOCKERS_OWN = /^(?:[^/]+\/)*docker\/dockerfile(-upstream)?([:@]|$)/;

/**
 * Finds out how a dockerfile can be read, before anything is built.
 *
 * @returns `as written`, or `without syntax` where the builder's own frontend must
 * stand in for Docker's, which is not to be had
 * @throws {KrunnerError} If the builder cannot read it: with what to do.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function settleFrontend(
  engine: Engine,
  builder: Builder,
  needs: FrontendNeeds,
  onNotice: (line: string) => void,
): Promise<"as written" | "without syntax"> {
  const { where, syntax, buildKitOnly } = needs;
  if (builder.kind === "classic" && buildKitOnly !== undefined) {
    throw new KrunnerError(
      `Cannot build with "${where}", line ${buildKitOnly.line}: its ${buildKitOnly.feature} needs BuildKit, and this docker has the classic builder only; install docker's plugin buildx`,
    );
  }
  // The classic builder and podman take the line for a comment.
  if (builder.kind === "classic" || builder.kind === "native") {
    return "as written";
  }
  if (syntax === undefined) {
    await requireHeredocs(
      engine,
      builder,
      needs,
      "an engine from 23 on has them built in",
    );
    return "as written";
  }
  const found = await provideImage(engine, [syntax], undefined);
  if ("image" in found) return "as written";
  if (!DOCKERS_OWN.test(syntax)) {
    throw new KrunnerError(
      `Cannot build with "${where}", which wants the frontend "${syntax}": ${found.missing}; load it into the engine with "docker load"`,
    );
  }
  await requireHeredocs(
    engine,
    builder,
    needs,
    `load the frontend "${syntax}" into the engine with "docker load", for it is not to be had here (${found.missing}), or take an engine from 23 on, which has them built in`,
  );
  onNotice(
    `${found.missing}; the builder's own frontend reads "${where}" instead`,
  );
  return "without syntax";
}

/** @param wayOut What to do where the builder knows none. */
async function requireHeredocs(
  engine: Engine,
  builder: Builder,
  { where, buildKitOnly, key }: FrontendNeeds,
  wayOut: string,
): Promise<void> {
  if (buildKitOnly?.feature !== "here-document") return;
  const probe = "FROM scratch\nCOPY <<X /x\nx\nX\n";
  if (await tryBuild(engine, builder, `krunner-probe:${key}`, probe)) return;
  throw new KrunnerError(
    `Cannot build with "${where}", line ${buildKitOnly.line}: the builder's own frontend knows no here-documents; ${wayOut}`,
  );
}
