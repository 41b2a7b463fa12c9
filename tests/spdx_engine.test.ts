/**
 * What `build.ts` says about the packages in a volume, held against a validator
 * that knows nothing of this project.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { envDockerfile, Laboratory } from "./engine_fixture.ts";
import { SpdxValidator } from "./spdx_validator.ts";

const ARCH = Deno.build.arch;
const SITE_PACKAGES = "/opt/backend.ai/lib/python3.11/site-packages";

const FILES = {
  "krunner-env.demo1.0.dockerfile": envDockerfile(
    `COPY licenses /opt/backend.ai/licenses
COPY METADATA ${SITE_PACKAGES}/pets-1.0.dist-info/METADATA`,
  ),
  "METADATA": "Name: pets\nVersion: 1.0\nLicense: Own\n words\n\nHello\n",
  "licenses/CPython": "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2\n",
  "licenses/debian-packages.tsv": "libcat1\t1:9-1+b1\tcat\t1:9-1\n",
  "licenses/libcat1":
    `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: Cat and Expat

License: Cat
 Feed <it>.
 .
 & be kind
`,
};

Deno.test("build.ts writes an SPDX document that the SPDX project's library accepts", async (t) => {
  await using laboratory = await Laboratory.open();
  const family = await laboratory.family(FILES);
  const { stderr } = await family.built();
  assertStringIncludes(stderr, "no licence text of pets:");
  const name = `krunner-env.demo1.0.${ARCH}.spdx.json`;
  const text = await family.read(name);
  const document = JSON.parse(text);
  const validator = await SpdxValidator.make(laboratory);

  await t.step("it names what is in the volume", () => {
    const found = document.packages.map((
      { name, versionInfo, licenseDeclared }: Record<string, string>,
    ) => [name, versionInfo, licenseDeclared]);
    assertEquals(found, [
      [`krunner-env.demo1.0.${ARCH}`, "1", "NOASSERTION"],
      ["libcat1", "1:9-1+b1", "LicenseRef-Debian-cat-Cat AND MIT"],
      ["Python", "3.11.2", "PSF-2.0"],
      ["pets", "1.0", "LicenseRef-PyPI-pets"],
    ]);
    const texts = document.hasExtractedLicensingInfos.map((
      { extractedText }: Record<string, string>,
    ) => extractedText);
    assertEquals(texts, ["Feed <it>.\n\n& be kind", "Own\nwords"]);
  });

  await t.step("the manifest lists the same packages", async () => {
    const manifest = JSON.parse(
      await family.read(`krunner-env.demo1.0.${ARCH}.json`),
    );
    assertEquals(
      manifest.packages.map(({ purl }: Record<string, string>) => purl),
      document.packages.slice(1).map((
        { externalRefs }: { externalRefs: { referenceLocator: string }[] },
      ) => externalRefs[0]?.referenceLocator),
    );
  });

  await t.step("the library accepts it", async () => {
    const { code, stderr } = await validator.validate(family.path(name));
    assertEquals([code, stderr], [0, ""]);
  });

  await t.step("another build of the same gives the same", async () => {
    await family.built(["demo1.0", "--force"]);
    assertEquals(await family.read(name), text);
  });

  const spoiled: [what: string, old: string, fresh: string, why: string][] = [
    [
      "a relationship to nothing",
      '"relatedSpdxElement": "SPDXRef-Volume"',
      '"relatedSpdxElement": "SPDXRef-Nobody"',
      "no such package exists",
    ],
    [
      "a name without its prefix",
      '"SPDXID": "SPDXRef-Volume"',
      '"SPDXID": "Volume"',
      "failed to parse SPDX identifier",
    ],
    ["an unknown field", '"versionInfo"', '"version"', "that SPDX 2.3 has not"],
    ["an unknown checksum", '"SHA256"', '"SHA"', "unknown checksum type"],
    ["an unnamed tool", '"Tool: ', '"', "failed to parse Creator"],
    ["another version", "SPDX-2.3", "SPDX-2.9", "unsupported"],
  ];
  for (const [what, old, fresh, why] of spoiled) {
    await t.step(`it refuses ${what}`, async () => {
      const path = `${laboratory.root}/spoiled.json`;
      assertStringIncludes(text, old);
      await Deno.writeTextFile(path, text.replace(old, fresh));
      const { code, stderr } = await validator.validate(path);
      assertEquals(code, 1);
      assertStringIncludes(stderr, why);
    });
  }
});
