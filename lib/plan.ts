/**
 * A build's plan: everything that will happen, as data, before anything does.
 *
 * @module
 */

import type { BasePlan } from "./base_image.ts";
import { checkBootstrapOptions, planBootstrap } from "./base_options.ts";
import { KrunnerError } from "./errors.ts";
import {
  findBottom,
  findForeignImages,
  type ForeignImage,
} from "./foreign_images.ts";
import type { Inputs } from "./inputs.ts";
import { dataOf, type DistroData, readPackageData } from "./package_data.ts";
import { type OutputNames, outputNames, type Target } from "./package_dir.ts";
import {
  allArgs,
  declaredArgs,
  describeStrangeArgs,
} from "./plan/build_args.ts";
import { type Draft, readStages } from "./plan/drafts.ts";
import { DEFAULT_IMAGE_PREFIX, stageOfImage } from "./plan/image_names.ts";
import { digestInputs } from "./plan/inputs.ts";
import { checkData, checkOptions, type PlanOptions } from "./plan/options.ts";
import { planStages, type StagePlan, uniqueSources } from "./plan/stages.ts";
import type { SourceRow } from "./sources.ts";
import { describeListDifferences } from "./versions_list.ts";

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
  checkData(target, data);
  const args = allArgs(target, options, data);
  const draft = await readStages(target, options, args);
  checkOptions(target, draft, options);
  const stages = await planStages(target, draft, options, args);
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
      ...await describeStrangeArgs(target, draft.stages, data),
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
