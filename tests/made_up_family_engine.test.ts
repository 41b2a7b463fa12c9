/**
 * A family is data: one that no script ever heard of is built and judged.
 *
 * @module
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Laboratory, type Outcome, run } from "./engine_fixture.ts";
import { BARE, HOSTILE, PYTHON } from "./probe_fixture.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const ARCH = Deno.build.arch;

/** Three dockerfiles, what they copy, and what makes a folder a Python package. */
const FILES = {
  "krunner-wheels.demo1.0.dockerfile": `ARG BASE_IMAGE
FROM \${BASE_IMAGE}
COPY requirements.txt /root/
RUN mkdir /wheels && echo one >/wheels/one-1.0-py3-none-any.whl
`,
  "krunner-python.demo1.0.dockerfile": `ARG BASE_IMAGE
FROM \${BASE_IMAGE}
COPY python /opt/backend.ai/bin/python
COPY bare hostile /opt/backend.ai/
RUN cd /opt/backend.ai && chmod 644 bare hostile && ln -s python bin/python3
`,
  "krunner-env.demo1.0.dockerfile": `ARG IMAGE_PREFIX
ARG DISTRO_VERSION
FROM \${IMAGE_PREFIX}-wheels:\${DISTRO_VERSION} AS wheels
FROM \${IMAGE_PREFIX}-python:\${DISTRO_VERSION}
ARG ARCH
COPY --from=wheels /wheels /root/wheels
COPY licenses /opt/backend.ai/licenses
COPY ttyd_linux.\${ARCH}.bin /opt/backend.ai/bin/ttyd
RUN cat /root/wheels/*.whl && cd /opt/backend.ai && chmod 644 licenses/* && \\
  mkdir -p lib/python3.11/site-packages/ai/backend/kernel lib/python3.11/site-packages/ai/backend/helpers
LABEL ai.backend.krunner.version=3
`,
  "python": PYTHON,
  "bare": JSON.stringify(BARE),
  "hostile": JSON.stringify(HOSTILE),
  "requirements.txt": "one\n",
  "licenses/one": "MIT\n",
  "versions.txt": "demo1.0\n",
  "__init__.py": "__version__ = '0.1.0'\n",
  "plugin.py": "async def init(config): pass\n",
  [`ttyd_linux.${ARCH}.bin`]: "#!/bin/sh\necho ttyd\n",
  // The dockerfiles of other tests.
  "krunner-python.demo.dockerfile": "",
};

Deno.test("a made-up family is built and judged by scripts as they are", async (t) => {
  await using laboratory = await Laboratory.open();
  const family = await laboratory.family(FILES);
  const script = async (name: string, ...args: string[]): Promise<Outcome> =>
    await run([
      Deno.execPath(),
      "run",
      "-q",
      "-A",
      `${ROOT}${name}.ts`,
      ...args,
    ], { cwd: family.dir, env: laboratory.env });

  await t.step("build.ts", async () => {
    const { stderr } = await family.built(["demo1.0"], { verify: true });
    assertMatch(stderr, /verify/);
    assertEquals(await family.read("krunner-version.demo1.0.txt"), "3\n");
    assertEquals(await family.read("krunner-python.demo1.0.txt"), "3.11\n");
  });
  await t.step("verify.ts", async () => {
    const { code, stdout } = await script("verify", "demo1.0");
    assertEquals(code, 0, stdout);
    assertStringIncludes(stdout, laboratory.base);
  });
  await t.step("wheel.ts", async () => {
    const { code, stderr } = await script("wheel", "--out=dist");
    assertEquals(code, 0, stderr);
    const names = [...Deno.readDirSync(`${family.dir}/dist`)]
      .map(({ name }) => name).sort();
    assertEquals(names.length, 2, names.join());
    assertMatch(names[0]!, /^backend_ai_krunner_\w+-0\.1\.0-py3-none-.*\.whl$/);
    assertMatch(names[1]!, /^backend_ai_krunner_\w+-0\.1\.0\.tar\.gz$/);
  });
  await t.step("bump.ts", async () => {
    const { code, stdout, stderr } = await script("bump", "show");
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /demo1\.0 +3 +3 +3\.11 +0\.1\.0/);
  });
});
