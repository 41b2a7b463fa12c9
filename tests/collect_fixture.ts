/**
 * A made-up family with all stages, and what `sources.ts` collects for it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  type CallOptions,
  digest,
  type Family,
  type Laboratory,
  must,
  type Outcome,
} from "./engine_fixture.ts";

const ARCH = Deno.build.arch;

/** The archive of its images, in a collected folder. */
export const ARCHIVE = `images/demo1.0.${ARCH}.tar.xz`;

/** Its only wheel there. */
export const WHEEL = `wheelhouse/demo1.0.${ARCH}/six-1-py3-none-any.whl`;

/** An env stage that takes wheels, as far as its label. */
export const ENV = `ARG IMAGE_PREFIX
ARG DISTRO_VERSION
FROM \${IMAGE_PREFIX}-wheels:\${DISTRO_VERSION} AS wheels
FROM \${IMAGE_PREFIX}-python:\${DISTRO_VERSION}
COPY --from=wheels /wheels /opt/backend.ai/wheels
`;

/** A family with all stages; only two of them would need a network. */
export const FILES = {
  "krunner-toolchain.demo.dockerfile":
    "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN echo compiler >/tool\n",
  "krunner-wheels.demo.dockerfile": `ARG BASE_IMAGE
FROM \${BASE_IMAGE}
ARG WHEEL=six-1
RUN mkdir /wheels && dd if=/bin/busybox of=/wheels/\${WHEEL}-py3-none-any.whl bs=1000 count=300
`,
  "krunner-python.demo.dockerfile": `ARG IMAGE_PREFIX
ARG DISTRO_VERSION
FROM \${IMAGE_PREFIX}-toolchain:\${DISTRO_VERSION}
COPY python /opt/backend.ai/bin/python
RUN echo "it reaches" $(ls /sys/class/net) && cat /tool >/opt/backend.ai/tool
RUN cd /opt/backend.ai && mkdir -p lib/python3.11/site-packages/ai/backend/kernel lib/python3.11/site-packages/ai/backend/helpers
`,
  "krunner-env.demo1.0.dockerfile":
    `${ENV}LABEL ai.backend.krunner.version=7\n`,
};

/** What runs `sources.ts` with the permissions of its task. */
export const SOURCES: CallOptions = {
  script: "sources.ts",
  flags: ["-P=sources", "--no-prompt"],
};

/** Runs `sources.ts` for `demo1.0`. */
export async function collect(
  family: Family,
  to: string,
  options: CallOptions = {},
): Promise<Outcome> {
  return await family.build(["demo1.0", `--to=${to}`], {
    ...SOURCES,
    ...options,
  });
}

/** A new folder that something was collected into. */
export async function collected(
  laboratory: Laboratory,
  family: Family,
): Promise<string> {
  const to = `${await Deno.makeTempDir({ dir: laboratory.root })}/to carry`;
  const { code, stderr } = await collect(family, to);
  assertEquals(code, 0, stderr);
  return to;
}

/** All files of a folder with their digests, the lock aside. */
export async function contents(
  dir: string,
  prefix = "",
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(`${dir}/${prefix}`)) {
    const path = `${prefix}${name}`;
    if (isDirectory) Object.assign(found, await contents(dir, `${path}/`));
    else if (name !== ".lock") found[path] = await digest(`${dir}/${path}`);
  }
  return found;
}

/** Ids of a laboratory's images that still have the name that archives give. */
export async function temporaryNames(
  laboratory: Laboratory,
  env: Record<string, string> = {},
): Promise<string> {
  const filter = `label=${laboratory.label}`;
  return await must(
    ["docker", "images", "-q", "--filter", filter, "krunner-collected"],
    { env },
  );
}
