/**
 * A build's plan: everything that will happen, as data, before anything does.
 *
 * @module
 */

import type { BasePlan, BasePolicy } from "./base_image.ts";
import type { CollectedImage } from "./collect/index_file.ts";
import {
  type BootstrapOptions,
  checkBootstrapOptions,
  planBootstrap,
} from "./base_options.ts";
import {
  type ContextFile,
  listPackageFiles,
  resolveContext,
} from "./context.ts";
import { fileError, KrunnerError, UsageError } from "./errors.ts";
import {
  findBottom,
  findForeignImages,
  type ForeignImage,
} from "./foreign_images.ts";
import { isLfsPointer, LFS_ADVICE } from "./git_lfs.ts";
import { type Inputs, sha256 } from "./inputs.ts";
import { maskVolumeVersion, readVolumeVersion } from "./labels.ts";
import { dataOf, type DistroData, readPackageData } from "./package_data.ts";
import {
  inPackage,
  type OutputNames,
  outputNames,
  type Stage,
  stageDockerfile,
  STAGES,
  type Target,
} from "./package_dir.ts";
import { type SourceRow, SOURCES } from "./sources.ts";
import {
  type BuildKitOnly,
  readStageFile,
  type StageFile,
} from "./stage_file.ts";
import { describeListDifferences } from "./versions_list.ts";
import {
  listWheels,
  type WheelFile,
  WHEELHOUSE_DOCKERFILE,
} from "./wheelhouse.ts";

/** The prefix of image names that upstream's dockerfiles are written with. */
export const DEFAULT_IMAGE_PREFIX = "lablup/backendai-krunner";

/** What the user may change of a plan. */
export interface PlanOptions extends BootstrapOptions {
  /** As Python's `platform.machine()` says it on Linux. */
  readonly arch: string;
  /** Stands in for the base image of `krunner.json`. */
  readonly baseImage?: string | undefined;
  /** Where the base image may come from. */
  readonly base: BasePolicy;
  /** A folder with all sources; nothing is downloaded then. */
  readonly sources?: string | undefined;
  /** A folder of wheels that stands in for the wheels stage. */
  readonly wheelhouse?: string | undefined;
  /** Build arguments of the user's own. */
  readonly buildArgs: Readonly<Record<string, string>>;
  /** The first part of the images' names. */
  readonly imagePrefix: string;
  /** Which of the alternatives of `krunner.json` to take, from 0; 0 by default. */
  readonly alternative?: number;
  /** The rows of the source lock file; the project's own by default. */
  readonly rows?: readonly SourceRow[];
}

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

/** The plan of one distro version. */
export interface BuildPlan {
  /** What is built. */
  readonly target: Target;
  /** For which arch. */
  readonly arch: string;
  /** The volume version of the label. */
  readonly volumeVersion: number;
  /** The base image, where a dockerfile wants one. */
  readonly base?: BasePlan;
  /** Other images that dockerfiles name and that no stage makes. */
  readonly images: readonly ForeignImage[];
  /** Which of them the volume is made on, where that is not the base image. */
  readonly madeOn?: string;
  /** The stages in the order to build. */
  readonly stages: readonly StagePlan[];
  /** The downloads that the stages need. */
  readonly sources: readonly SourceRow[];
  /** The user's folder that they are in; absent where they are downloaded. */
  readonly sourceFolder?: string;
  /** Names of the files that it writes into the package directory. */
  readonly outputs: OutputNames;
  /** What the archive will be made from. */
  readonly inputs: Inputs;
  /** Things to know that stop nothing. */
  readonly notices: readonly string[];
}

/**
 * Plans the build of one distro version.
 *
 * @throws {KrunnerError} If the package directory cannot be built as it is: a
 * dockerfile is missing or broken, its label is wrong, a file that it copies is
 * not there.
 * @throws {UsageError} If an option does not fit the package directory.
 */
export async function makePlan(
  target: Target,
  options: PlanOptions,
): Promise<BuildPlan> {
  const data = withAlternative(await readDistroData(target), options);
  const draft = await readStages(target, options, data);
  checkOptions(target, draft, options);
  const stages = await planStages(target, draft, options, data);
  const sources = uniqueSources(stages);
  const base = planBase(target, draft, options, data);
  await checkBootstrapOptions(target.distroVersion, base, options);
  return {
    target,
    arch: options.arch,
    volumeVersion: draft.volumeVersion,
    ...base === undefined ? {} : { base },
    ...planImages(target, draft, options, base),
    stages,
    sources,
    ...options.sources === undefined ? {} : { sourceFolder: options.sources },
    outputs: outputNames(target.distroVersion, options.arch),
    inputs: await digestInputs(target, draft, stages, options, data, base),
    notices: [
      ...ttydNotices(target, stages, options.arch),
      ...await describeListDifferences(target.pkg, [target.distroVersion]),
    ],
  };
}

/**
 * Plans a build without any options.
 *
 * @throws {KrunnerError} As {@linkcode makePlan}.
 */
export async function makeDefaultPlan(
  target: Target,
  arch: string,
): Promise<BuildPlan> {
  return await makePlan(target, {
    arch,
    base: "auto",
    buildArgs: {},
    imagePrefix: DEFAULT_IMAGE_PREFIX,
  });
}

/** A stage's dockerfile as it was read. */
interface StageDraft {
  readonly stage: Stage;
  readonly name: string;
  readonly text: string;
  readonly file: StageFile;
}

interface Draft {
  /** In the order to build. */
  readonly stages: readonly StageDraft[];
  readonly volumeVersion: number;
}

function withAlternative(
  data: DistroData,
  { alternative = 0 }: PlanOptions,
): DistroData {
  const args = data.alternatives?.[alternative];
  return args === undefined
    ? data
    : { ...data, args: { ...data.args, ...args } };
}

/**
 * What `krunner.json` knows about a distro version.
 *
 * @throws {KrunnerError} If the file is broken, or knows a distro version that has
 * no dockerfile: a slip in a name would leave that one without its data unnoticed.
 */
export async function readDistroData(
  { pkg, distroVersion }: Target,
): Promise<DistroData> {
  const data = await readPackageData(pkg.dir);
  const stranger = Object.keys(data).find((name) =>
    !pkg.distroVersions.includes(name)
  );
  if (stranger !== undefined) {
    throw new KrunnerError(
      `Cannot use "${pkg.dir}/krunner.json": it knows a distro version "${stranger}", which has no dockerfile; remove it or correct its spelling`,
    );
  }
  return dataOf(data, distroVersion);
}

/** The build arguments that every stage may declare. */
function allArgs(
  { pkg, distroVersion }: Target,
  options: PlanOptions,
  data: DistroData,
): Record<string, string> {
  const base = options.baseImage ?? data.base;
  return {
    ARCH: options.arch,
    DISTRO: pkg.family,
    DISTRO_VERSION: distroVersion,
    IMAGE_PREFIX: options.imagePrefix,
    ...base === undefined ? {} : { BASE_IMAGE: base },
    ...data.args,
    ...options.buildArgs,
  };
}

/** Reads the env stage and, before it, all stages whose images it is made from. */
async function readStages(
  target: Target,
  options: PlanOptions,
  data: DistroData,
): Promise<Draft> {
  const args = allArgs(target, options, data);
  const stages: StageDraft[] = [];
  let volumeVersion = 0;
  const visit = async (stage: Stage, wantedBy: readonly Stage[]) => {
    if (stages.some((draft) => draft.stage === stage)) return;
    if (wantedBy.includes(stage)) {
      throw new KrunnerError(
        `Cannot build "${target.distroVersion}": its stage "${stage}" is made from itself (${
          [...wantedBy, stage].join(" ← ")
        }); correct a FROM line`,
      );
    }
    const draft = await readStage(target, stage, wantedBy.at(-1), args);
    if (stage === "env") {
      volumeVersion = readVolumeVersion(
        draft.text,
        inPackage(target, draft.name),
      );
    }
    for (const image of draft.file.images) {
      const other = stageOfImage(image, target, options.imagePrefix);
      if (other === undefined) continue;
      if (other === "wheels" && options.wheelhouse !== undefined) continue;
      await visit(other, [...wantedBy, stage]);
    }
    stages.push(draft);
  };
  await visit("env", []);
  return { stages, volumeVersion };
}

async function readStage(
  target: Target,
  stage: Stage,
  wantedBy: Stage | undefined,
  args: Readonly<Record<string, string>>,
): Promise<StageDraft> {
  const name = stageDockerfile(target, stage);
  if (name === undefined) {
    const { pkg, distroVersion } = target;
    throw new KrunnerError(
      `Cannot build "${distroVersion}": stage "${wantedBy}" is made from stage "${stage}", which has no dockerfile; add "${pkg.dir}/krunner-${stage}.${distroVersion}.dockerfile" or "krunner-${stage}.${pkg.family}.dockerfile"`,
    );
  }
  const path = inPackage(target, name);
  const text = await Deno.readTextFile(path);
  return { stage, name, text, file: readStageFile(text, path, args) };
}

/**
 * The stage of this distro version whose image `reference` names.
 *
 * @throws {UsageError} If the dockerfile names it with the usual prefix and the
 * user wants another one.
 */
function stageOfImage(
  reference: string,
  { distroVersion }: Target,
  prefix: string,
): Stage | undefined {
  for (const stage of STAGES) {
    if (reference === imageName(prefix, stage, distroVersion)) return stage;
    if (
      reference === imageName(DEFAULT_IMAGE_PREFIX, stage, distroVersion)
    ) {
      throw new UsageError(
        `Cannot use "--image-prefix=${prefix}": a dockerfile of "${distroVersion}" names the image "${reference}"; write \${IMAGE_PREFIX} there, or leave the option out`,
      );
    }
  }
  return undefined;
}

function imageName(
  prefix: string,
  stage: Stage,
  distroVersion: string,
): string {
  return `${prefix}-${stage}:${distroVersion}`;
}

/** An image's name without a tag, with the registry's host in front or not. */
const IMAGE_PREFIX =
  /^([\w.-]+(:\d+)?\/)?[a-z\d]+((\.|_|__|-+)[a-z\d]+)*(\/[a-z\d]+((\.|_|__|-+)[a-z\d]+)*)*$/;

/** @throws {UsageError} If no image can have the value of `--image-prefix`. */
export function checkImagePrefix(prefix: string): void {
  if (IMAGE_PREFIX.test(prefix)) return;
  throw new UsageError(
    `Cannot use "--image-prefix=${prefix}": no image can be called so; use lower-case letters and digits, with ".", "_", "-" and "/" between them`,
  );
}

/** Build arguments that an option of their own sets. */
const OPTION_OF_ARG: ReadonlyMap<string, string> = new Map([
  ["ARCH", "--arch"],
  ["BASE_IMAGE", "--base-image"],
  ["IMAGE_PREFIX", "--image-prefix"],
]);

/** Options that no dockerfile would notice are mistakes. */
function checkOptions(
  { distroVersion }: Target,
  { stages }: Draft,
  { buildArgs, baseImage, wheelhouse, imagePrefix }: PlanOptions,
): void {
  checkImagePrefix(imagePrefix);
  const declared = declaredArgs(stages);
  const list = [...declared].sort().join(", ");
  for (const name of Object.keys(buildArgs)) {
    const option = OPTION_OF_ARG.get(name);
    if (option !== undefined) {
      throw new UsageError(
        `Cannot use "--build-arg ${name}=…": it must fit the rest of the plan; give "${option}" instead`,
      );
    }
    if (declared.has(name)) continue;
    throw new UsageError(
      `Cannot use "--build-arg ${name}=…": no dockerfile of "${distroVersion}" declares it; they declare ${list}`,
    );
  }
  if (baseImage !== undefined && !declared.has("BASE_IMAGE")) {
    throw new UsageError(
      `Cannot use "--base-image ${baseImage}": no dockerfile of "${distroVersion}" has "ARG BASE_IMAGE"`,
    );
  }
  const wheels = imageName(imagePrefix, "wheels", distroVersion);
  if (
    wheelhouse !== undefined &&
    !stages.some(({ file }) => file.images.includes(wheels))
  ) {
    throw new UsageError(
      `Cannot use "--wheelhouse ${wheelhouse}": no dockerfile of "${distroVersion}" takes wheels from the image "${wheels}"`,
    );
  }
}

function declaredArgs(stages: readonly StageDraft[]): Set<string> {
  return new Set(stages.flatMap(({ file }) => [...file.declaredArgs]));
}

async function planStages(
  target: Target,
  { stages }: Draft,
  options: PlanOptions,
  data: DistroData,
): Promise<StagePlan[]> {
  const files = await listPackageFiles(target.pkg.dir);
  const args = allArgs(target, options, data);
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

function pick(
  args: Readonly<Record<string, string>>,
  names: ReadonlySet<string>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(args).filter(([name]) => names.has(name)).sort(),
  );
}

/** The rows that stages copy, each once. */
export function uniqueSources(stages: readonly StagePlan[]): SourceRow[] {
  const rows = stages.flatMap(({ context }) =>
    context.flatMap((file) => file.kind === "source" ? [file.row] : [])
  );
  return [...new Set(rows)];
}

function planBase(
  { distroVersion, pkg }: Target,
  { stages }: Draft,
  options: PlanOptions,
  data: DistroData,
): BasePlan | undefined {
  const { baseImage, base } = options;
  const reference = baseImage ?? data.base;
  if (reference === undefined || !declaredArgs(stages).has("BASE_IMAGE")) {
    return undefined;
  }
  return {
    reference,
    // An image that the user names is never replaced by another one.
    policy: baseImage === undefined ? base : "registry",
    bootstrapped: `krunner-base:${distroVersion}`,
    ...data.bootstrap === undefined
      ? {}
      : { bootstrap: planBootstrap(data.bootstrap, pkg.dir, options) },
  };
}

/** Images that no stage makes; and the one at the bottom of the env stage. */
function planImages(
  target: Target,
  { stages }: Draft,
  { imagePrefix }: PlanOptions,
  base: BasePlan | undefined,
): Pick<BuildPlan, "images" | "madeOn"> {
  const stageOf = (image: string) => stageOfImage(image, target, imagePrefix);
  const images = findForeignImages(
    stages,
    (image) => stageOf(image) !== undefined || image === base?.reference,
  );
  const bottom = findBottom(
    stages.at(-1)!.file,
    (image) => stages.find(({ stage }) => stage === stageOf(image))?.file,
  );
  const isForeign = images.some(({ reference }) => reference === bottom);
  return { images, ...isForeign ? { madeOn: bottom } : {} };
}

async function digestInputs(
  target: Target,
  { stages }: Draft,
  plans: readonly StagePlan[],
  { buildArgs, wheelhouse }: PlanOptions,
  data: DistroData,
  base: BasePlan | undefined,
): Promise<Inputs> {
  const files: Record<string, string> = {};
  for (const { name, stage, text } of stages) {
    files[name] = await sha256(
      stage === "env" ? maskVolumeVersion(text) : text,
    );
  }
  const wheels: Record<string, string> = {};
  const sources: Record<string, string> = {};
  for (const file of plans.flatMap(({ context }) => context)) {
    if (file.kind === "source") sources[file.row.file] = file.row.sha256;
    else if (file.kind === "wheel") {
      wheels[file.name] = await digestFile(`${wheelhouse}/${file.name}`);
    } else {
      files[file.path] ??= await digestPackageFile(
        inPackage(target, file.path),
      );
    }
  }
  return {
    files: sortKeys(files),
    sources: sortKeys(sources),
    ...wheelhouse === undefined ? {} : { wheelhouse: sortKeys(wheels) },
    args: pick({ ...data.args, ...buildArgs }, declaredArgs(stages)),
    ...base === undefined ? {} : { base: base.reference },
  };
}

/** The context carries no more of a file's mode than whether it is executable. */
async function digestPackageFile(path: string): Promise<string> {
  const digest = await digestFile(path);
  const { mode } = await Deno.stat(path);
  return (mode ?? 0) & 0o111 ? `${digest}+x` : digest;
}

async function digestFile(path: string): Promise<string> {
  const bytes = await Deno.readFile(path).catch((error) => {
    throw fileError("read", path, error);
  });
  if (isLfsPointer(bytes)) {
    throw new KrunnerError(`Cannot build with "${path}": ${LFS_ADVICE}`);
  }
  return await sha256(bytes);
}

function sortKeys(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort());
}

function ttydNotices(
  { pkg, distroVersion }: Target,
  stages: readonly StagePlan[],
  arch: string,
): string[] {
  // Upstream's first one was "ttyd_linux.x86_64".
  const isCopied = stages.some(({ context }) =>
    context.some(({ path }) => path.startsWith("ttyd_linux."))
  );
  return isCopied ? [] : [
    `The volume "${distroVersion}" will have no bin/ttyd: there is no "${pkg.dir}/ttyd_linux.${arch}.bin", or no dockerfile copies it`,
  ];
}
