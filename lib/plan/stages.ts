/**
 * Plans of stages: what each one is made from.
 *
 * @module
 */

import type { CollectedImage } from "../collect/index_file.ts";
import {
  type ContextFile,
  listPackageFiles,
  resolveContext,
} from "../context.ts";
import { inPackage, type Stage, type Target } from "../package_dir.ts";
import { type SourceRow, SOURCES } from "../sources.ts";
import type { BuildKitOnly } from "../stage_file.ts";
import {
  listWheels,
  type WheelFile,
  WHEELHOUSE_DOCKERFILE,
} from "../wheelhouse.ts";
import { pick } from "./build_args.ts";
import type { Draft } from "./drafts.ts";
import { imageName } from "./image_names.ts";
import type { PlanOptions } from "./options.ts";

/** The plan of one stage. */
export interface StagePlan {
  /** The stage. */
  readonly stage: Stage;
  /** The image that comes of it. */
  readonly image: string;
  /** The images that it is made from or copies from, other stages' included. */
  readonly from: readonly string[];
  /** The dockerfile's name in the context. */
  readonly dockerfile: string;
  /** Build arguments, only those that the dockerfile declares. */
  readonly buildArgs: Readonly<Record<string, string>>;
  /** The files of its context. */
  readonly context: readonly ContextFile[];
  /** The user's folder of wheels, where it stands in for the stage. */
  readonly wheelhouse?: string;
  /** The image that stands in for building the stage. */
  readonly collected?: CollectedImage;
  /** The frontend image that the dockerfile asks for. */
  readonly syntax?: string;
  /** What in the dockerfile only BuildKit understands. */
  readonly buildKitOnly?: BuildKitOnly;
}

/**
 * Plans the stages whose dockerfiles were read, and the folder of wheels where it
 * stands in for one.
 *
 * @param args Build arguments by name.
 * @throws {KrunnerError} If a file that a dockerfile copies is not there.
 */
export async function planStages(
  target: Target,
  { stages }: Draft,
  options: PlanOptions,
  args: Readonly<Record<string, string>>,
): Promise<StagePlan[]> {
  const files = await listPackageFiles(target.pkg.dir);
  const plans = stages.map((draft): StagePlan => ({
    stage: draft.stage,
    image: imageName(options.imagePrefix, draft.stage, target.distroVersion),
    from: draft.file.images,
    dockerfile: draft.name,
    buildArgs: pick(args, draft.file.declaredArgs),
    context: withDockerfile(
      draft.name,
      resolveContext(
        inPackage(target, draft.name),
        draft.file.context,
        files,
        options.rows ?? SOURCES,
      ),
    ),
    ...draft.file.syntax === undefined ? {} : { syntax: draft.file.syntax },
    ...draft.file.buildKitOnly === undefined
      ? {}
      : { buildKitOnly: draft.file.buildKitOnly },
  }));
  if (options.wheelhouse === undefined) return plans;
  const wheels = await listWheels(options.wheelhouse);
  return [
    planWheelhouse(
      imageName(options.imagePrefix, "wheels", target.distroVersion),
      options.wheelhouse,
      wheels,
    ),
    ...plans,
  ];
}

function withDockerfile(
  name: string,
  context: readonly ContextFile[],
): ContextFile[] {
  return [
    { kind: "package", path: name },
    ...context.filter(({ path }) => path !== name),
  ];
}

/** The wheels stage where a folder of wheels stands in for it. */
export function planWheelhouse(
  image: string,
  wheelhouse: string,
  context: readonly WheelFile[],
): StagePlan {
  return {
    stage: "wheels",
    image,
    from: [],
    dockerfile: WHEELHOUSE_DOCKERFILE,
    buildArgs: {},
    context,
    wheelhouse,
  };
}

/** The rows that stages copy, each once. */
export function uniqueSources(stages: readonly StagePlan[]): SourceRow[] {
  const rows = stages.flatMap(({ context }) =>
    context.flatMap((file) => file.kind === "source" ? [file.row] : [])
  );
  return [...new Set(rows)];
}
