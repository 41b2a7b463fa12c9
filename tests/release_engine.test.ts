/**
 * Releases from the first check to the tag, with the real twine, the real pip and a
 * real engine; only the package index is a small one on loopback.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { askAgent, startContainer } from "./agent_fixture.ts";
import {
  assertFailure,
  digest,
  Laboratory,
  must,
  run,
} from "./engine_fixture.ts";
import { PackageIndexServer } from "./package_index.ts";
import { ReleaseCheckout } from "./release_fixture.ts";

const ARCH = Deno.build.arch;

Deno.test("release.ts releases a family twice, and an agent uses it", async (t) => {
  await using laboratory = await Laboratory.open();
  await using index = new PackageIndexServer();
  const checkout = await ReleaseCheckout.make(laboratory);
  const { name } = checkout;
  const upload = ["--repository-url", index.uploadUrl, "--wait", "20"];
  const [wheel, sdist] = checkout.files("0.1.0");
  const begin = await checkout.git("rev-parse", "HEAD");

  await t.step(
    "a dry run prints the commands and changes nothing",
    async () => {
      const { code, stdout, stderr } = await checkout.release(
        ["--dry-run", ...upload],
      );
      assertEquals(code, 0, stderr);
      const dist = `${checkout.top}/dist`;
      for (
        const line of [
          `build.ts ${name} --dir ${checkout.dir} --arch ${ARCH}`,
          `twine check --strict ${dist}/${wheel} ${dist}/${sdist}`,
          `twine upload --disable-progress-bar --non-interactive --repository-url ${index.uploadUrl} ${dist}/${sdist}`,
          `GET ${index.indexUrl}backend-ai-krunner-demo/`,
          "git commit -m 'Release backend.ai-krunner-demo 0.1.0' -- families/demo/CHANGELOG.md families/demo/released.json",
          "git tag --annotate -m 'backend.ai-krunner-demo 0.1.0' -- 0.1.0",
        ]
      ) assertStringIncludes(stdout, `\n  ${line}\n`.trimEnd());
      assertEquals(await checkout.git("status", "--porcelain"), "");
      assertEquals(index.attempts, []);
    },
  );

  await t.step(
    "the commands are those of the options and the place",
    async () => {
      const options = ["--jobs", "3", "--network", "none", "--max-size", "1GB"];
      const { code, stdout, stderr } = await run(
        checkout.argv(["--dry-run", "--skip-publish", ...options]),
        { ...checkout.surroundings, cwd: checkout.dir },
      );
      assertEquals(code, 0, stderr);
      const place = `--dir ${checkout.dir}`;
      for (
        const line of [
          `build.ts ${name} ${place} --arch ${ARCH} --network none --jobs 3`,
          `verify.ts ${name} ${place} --arch ${ARCH}`,
          `wheel.ts ${place} --out ${checkout.dir}/dist --arch ${ARCH} --max-size 1000000000`,
          `git -C ${checkout.top} tag --annotate -m 'backend.ai-krunner-demo 0.1.0' -- 0.1.0`,
        ]
      ) assertStringIncludes(`${stdout}\n`, `\n  ${line}\n`);
    },
  );

  await t.step("all steps", async () => {
    const { code, stdout, stderr } = await checkout.release(
      ["--yes", ...upload],
    );
    assertEquals(code, 0, stderr);
    assertEquals(index.stored, [wheel, sdist]);
    const sha256 = await digest(`${checkout.top}/dist/${wheel}`);
    assertStringIncludes(stdout, `${sha256}  ${checkout.top}/dist/${wheel}`);
    assertStringIncludes(stderr, 'with "git push origin main 0.1.0"');
  });
  await t.step("commit, tag, record and changelog", async () => {
    assertEquals(await checkout.git("rev-parse", "HEAD^"), begin);
    assertEquals(
      await checkout.git("show", "--name-only", "--format=%s", "HEAD"),
      "Release backend.ai-krunner-demo 0.1.0\n\nfamilies/demo/CHANGELOG.md\nfamilies/demo/released.json",
    );
    assertEquals(await checkout.git("cat-file", "-t", "0.1.0"), "tag");
    const released = JSON.parse(await checkout.read("released.json"));
    const { archive } = released.volumes[name][ARCH];
    assertEquals(released.commit, begin);
    assertEquals(
      archive.sha256,
      await digest(`${checkout.dir}/krunner-env.${name}.${ARCH}.tar.xz`),
    );
    assertMatch(
      await checkout.read("CHANGELOG.md"),
      /^# Changelog of backend\.ai-krunner-demo\n\n## 0\.1\.0 \(\d{4}-\d\d-\d\d\)\n\n### demo-.*: volume version 3\n\n- New: Python 3\.11/,
    );
  });
  await t.step("the tag's build is the released one", async () => {
    const before = await digest(`${checkout.top}/dist/${wheel}`);
    const built = await checkout.script("build", name);
    assertMatch(built.stdout, /up-to-date/);
    const made = await checkout.script("wheel", "--out", "again");
    assertEquals(made.code, 0, made.stderr);
    assertEquals(await digest(`${checkout.top}/again/${wheel}`), before);
    const again = await digest(`${checkout.top}/again/${sdist}`);
    assertEquals(again, await digest(`${checkout.top}/dist/${sdist}`));
    await Deno.remove(`${checkout.top}/again`, { recursive: true });
  });

  await t.step("pip installs it from the index, an agent uses it", async () => {
    const venv = `${laboratory.root}/venv`;
    await must(["/usr/bin/python3", "-m", "venv", venv]);
    await must([
      ...[`${venv}/bin/pip`, "--isolated", "--disable-pip-version-check"],
      ...["install", "--no-cache-dir", "--index-url", index.indexUrl],
      "backend.ai-krunner-demo==0.1.0",
    ]);
    const [volume, ...others] = await askAgent(`${venv}/bin/python`);
    assert(volume !== undefined && others.length === 0);
    assertEquals([volume.distro, volume.version], [name, 3]);
    assertEquals(await startContainer(volume, laboratory.base), "3\n3.11.2");
  });

  await t.step(
    "the same version is refused, by each that knows it",
    async () => {
      const { code, stderr } = await checkout.release(["--yes", ...upload]);
      assertEquals(code, 1);
      for (
        const message of [
          "Cannot release version 0.1.0: 0.1.0 was released",
          'Cannot make the tag "0.1.0": it is there',
          `has ${wheel}, ${sdist} already`,
        ]
      ) assertStringIncludes(stderr, message);
    },
  );

  await t.step("a forgotten bump is found in a fresh clone", async () => {
    await checkout.replace("__init__.py", "0.1.0", "0.2.0");
    await checkout.replace("note", "one", "two");
    await checkout.commit("change");
    const clone = await Deno.makeTempDir({ dir: laboratory.root });
    await must(["git", "clone", "--quiet", checkout.top, clone]);
    const check = await checkout.script(
      ...["bump", "check", "--dir", `${clone}/families/demo`] as const,
    );
    assertEquals(check.code, 1);
    assertStringIncludes(
      check.stderr,
      `Volume version 3 of "${name}" was released in 0.1.0, and since then changed note: `,
    );
    const refused = await checkout.release(["--yes", ...upload]);
    assertMatch(assertFailure(refused, 1), /^Volume version 3 of "demo-/);
  });

  await t.step("the next release tells what changed", async () => {
    await checkout.script("bump", "volume", name);
    await checkout.commit("bump");
    index.onlyPages = true;
    const { code, stderr } = await checkout.release(["--yes", ...upload]);
    assertEquals(code, 0, stderr);
    assertEquals(index.stored.length, 4);
    assertEquals(await checkout.git("tag"), "0.1.0\n0.2.0");
    const changelog = await checkout.read("CHANGELOG.md");
    assertMatch(
      changelog,
      /## 0\.2\.0 [^#]*### demo-.*: volume version 4\n\n- Volume version 3 → 4\n- Packed: .*\n- Files, folders and links: 0 added, 0 removed, 1 changed\n\n## 0\.1\.0 /,
    );
  });
});
