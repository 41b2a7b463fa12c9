/**
 * SPDX documents against the rules of the specification that can be written down
 * here; `spdx_engine.test.ts` asks a validator.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { PackageURL } from "packageurl-js";
import { NOASSERTION, tryParseExpression } from "../lib/licences.ts";
import type { Manifest } from "../lib/manifest.ts";
import type { PackageRecord } from "../lib/packages.ts";
import { formatSpdx, type SpdxDocument, toSpdx } from "../lib/spdx.ts";

const TEXTS = { "LicenseRef-Debian-cat-Own": "Feed <it>" };

const PACKAGES: readonly PackageRecord[] = [
  {
    name: "libcat++1",
    version: "1:9-1",
    purl: "pkg:deb/debian/libcat%2B%2B1@1:9-1?arch=amd64&distro=debian-12",
    licence: "LicenseRef-Debian-cat-Own AND (MIT OR ISC)",
    licenceFiles: ["licenses/libcat1"],
    source: "cat 1:9-1",
    neededBy: ["Python", "pets"],
  },
  {
    name: "libcat--1",
    version: "2",
    purl: "pkg:deb/ubuntu/libcat--1@2",
    licence: NOASSERTION,
    licenceFiles: [],
  },
  {
    name: "Python",
    version: "3.14.0rc2",
    purl: "pkg:generic/python@3.14.0rc2",
    licence: "Python-2.0.1",
    licenceFiles: ["licenses/CPython", "lib/python3.14/LICENSE.txt"],
  },
  {
    name: "ttyd",
    purl: "pkg:generic/ttyd",
    licence: NOASSERTION,
    licenceFiles: [],
  },
  {
    name: "pets",
    version: "1.0",
    purl: "pkg:pypi/pets@1.0",
    licence: "MIT",
    licenceFiles: ["licenses/pets/LICENSE"],
    source: "python-pets 1.0-1",
    debian: "pkg:deb/debian/python3-pets@1.0-1?distro=debian-12",
  },
];

const INPUTS = { files: {}, sources: {}, args: {} };

const MANIFEST: Manifest = {
  schema: 1,
  distroVersion: "debian12",
  family: "debian",
  arch: "x86_64",
  volumeVersion: 3,
  python: "3.14",
  archive: {
    file: "krunner-env.debian12.x86_64.tar.xz",
    sha256: "a".repeat(64),
    size: 1,
    unpackedSize: 2,
    entries: 3,
    treeSha256: "b".repeat(64),
    mtime: 1_700_000_000,
  },
  packages: PACKAGES,
  image: { reference: "x", id: "y" },
  inputs: INPUTS,
  firstInputs: INPUTS,
};

/** SPDX 2.3: the clause is beside each rule. */
function assertRules(document: SpdxDocument): void {
  const { packages, relationships, hasExtractedLicensingInfos } = document;
  assertEquals(document.spdxVersion, "SPDX-2.3"); // 6.1
  assertEquals(document.dataLicense, "CC0-1.0"); // 6.2
  assertEquals(document.SPDXID, "SPDXRef-DOCUMENT"); // 6.3
  assert(document.name !== "" && !document.name.includes("\n")); // 6.4
  const { protocol, hash } = new URL(document.documentNamespace); // 6.5
  assertEquals([protocol, hash], ["https:", ""]);
  for (const creator of document.creationInfo.creators) { // 6.8
    assertMatch(creator, /^Tool: [^\s-]+-\d+\.\d+\.\d+/);
  }
  assertMatch( // 6.9
    document.creationInfo.created,
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
  );
  const ids = new Set([document.SPDXID, ...packages.map((p) => p.SPDXID)]);
  assertEquals(ids.size, packages.length + 1); // 7.2
  const used = new Set<string>();
  for (const element of packages) {
    assertMatch(element.SPDXID, /^SPDXRef-[A-Za-z0-9.-]+$/); // 7.2
    assert(element.name !== ""); // 7.1
    assert(element.versionInfo !== ""); // 7.3
    for (const agent of [element.supplier, element.originator]) { // 7.5, 7.6
      assertMatch(agent ?? NOASSERTION, /^NOASSERTION$|^Organization: \S/);
    }
    assertEquals(element.downloadLocation, NOASSERTION); // 7.7
    assertEquals(element.filesAnalyzed, false); // 7.8: no verification code
    for (const { checksumValue } of element.checksums ?? []) { // 7.10
      assertMatch(checksumValue, /^[0-9a-f]{64}$/);
    }
    for (const field of ["licenseConcluded", "licenseDeclared"] as const) {
      const expression = element[field]; // 7.13, 7.15, annex D
      if (expression === NOASSERTION) continue;
      assertEquals(tryParseExpression(expression), expression);
      for (const [ref] of expression.matchAll(/LicenseRef-[\w.-]+/g)) {
        used.add(ref);
      }
    }
    for (const ref of element.externalRefs ?? []) { // 7.21, annex F
      switch (ref.referenceType) {
        case "purl":
          assertEquals(ref.referenceCategory, "PACKAGE-MANAGER");
          PackageURL.fromString(ref.referenceLocator);
          break;
        case "cpe23Type":
          assertEquals(ref.referenceCategory, "SECURITY");
          assertMatch(
            ref.referenceLocator,
            /^cpe:2\.3:[aho](:[\w.*-]+){5}(:\*){5}$/,
          );
      }
    }
    assert( // 7.24
      ["APPLICATION", "ARCHIVE", "LIBRARY"].includes(
        element.primaryPackagePurpose,
      ),
    );
  }
  assertEquals( // 10.1
    new Set(hasExtractedLicensingInfos.map(({ licenseId }) => licenseId)),
    used,
  );
  for (const { extractedText } of hasExtractedLicensingInfos) { // 10.2
    assert(extractedText !== "");
  }
  for (const relationship of relationships) { // 11.1
    assert(ids.has(relationship.spdxElementId), relationship.spdxElementId);
    assert(ids.has(relationship.relatedSpdxElement));
    assert(
      ["DESCRIBES", "CONTAINS", "DEPENDS_ON"].includes(
        relationship.relationshipType,
      ),
    );
  }
}

Deno.test("toSpdx() keeps to the specification", () => {
  assertRules(toSpdx(MANIFEST, TEXTS, "0.1.0"));
  assertRules(toSpdx({ ...MANIFEST, packages: [] }, {}, "0.1.0-rc.1"));
});

Deno.test("toSpdx() describes the volume as the archive", () => {
  const document = toSpdx(MANIFEST, TEXTS, "0.1.0");
  assertEquals(document.name, "krunner-env.debian12.x86_64");
  assertEquals(document.creationInfo, {
    created: "2023-11-14T22:13:20Z",
    creators: ["Tool: krunner-0.1.0"],
  });
  const [volume] = document.packages;
  assertEquals(volume?.versionInfo, "3");
  assertEquals(volume?.packageFileName, "krunner-env.debian12.x86_64.tar.xz");
  assertEquals(volume?.checksums, [
    { algorithm: "SHA256", checksumValue: "a".repeat(64) },
  ]);
  assertEquals(document.relationships[0], {
    spdxElementId: "SPDXRef-DOCUMENT",
    relationshipType: "DESCRIBES",
    relatedSpdxElement: "SPDXRef-Volume",
  });
});

Deno.test("toSpdx() tells packages apart and says what is known of each", () => {
  const { packages } = toSpdx(MANIFEST, TEXTS, "0.1.0");
  assertEquals(
    packages.slice(1).map((element) => [
      element.SPDXID,
      element.supplier,
      element.sourceInfo,
      element.licenseComments,
      ...element.externalRefs?.map((ref) => ref.referenceLocator) ?? [],
    ]),
    [
      [
        "SPDXRef-deb-libcat--1",
        "Organization: Debian",
        "built package from: cat 1:9-1",
        "Texts in the volume: licenses/libcat1",
        PACKAGES[0]?.purl,
      ],
      [
        "SPDXRef-deb-libcat--1-2",
        "Organization: Ubuntu",
        undefined,
        undefined,
        "pkg:deb/ubuntu/libcat--1@2",
      ],
      [
        "SPDXRef-generic-Python",
        "NOASSERTION",
        undefined,
        "Texts in the volume: licenses/CPython, lib/python3.14/LICENSE.txt",
        "pkg:generic/python@3.14.0rc2",
        "cpe:2.3:a:python:python:3.14.0:rc2:*:*:*:*:*:*",
      ],
      [
        "SPDXRef-generic-ttyd",
        "NOASSERTION",
        undefined,
        undefined,
        "pkg:generic/ttyd",
      ],
      [
        "SPDXRef-pypi-pets",
        "Organization: Debian",
        "built package from: python-pets 1.0-1",
        "Texts in the volume: licenses/pets/LICENSE",
        "pkg:pypi/pets@1.0",
        "pkg:deb/debian/python3-pets@1.0-1?distro=debian-12",
      ],
    ],
  );
});

Deno.test("toSpdx() says which package a library is there for", () => {
  const { relationships } = toSpdx(MANIFEST, TEXTS, "0.1.0");
  assertEquals(
    relationships
      .filter(({ relationshipType }) => relationshipType === "DEPENDS_ON")
      .map((link) => [link.spdxElementId, link.relatedSpdxElement]),
    [
      ["SPDXRef-generic-Python", "SPDXRef-deb-libcat--1"],
      ["SPDXRef-pypi-pets", "SPDXRef-deb-libcat--1"],
    ],
  );
});

Deno.test("toSpdx() gives each content a name of its own, and the same the same", () => {
  const nameOf = (...args: Parameters<typeof toSpdx>) =>
    toSpdx(...args).documentNamespace;
  const name = nameOf(MANIFEST, TEXTS, "0.1.0");
  assertMatch(
    name,
    /^https:\/\/spdx\.org\/spdxdocs\/krunner-env\.debian12\.x86_64-[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assertEquals(nameOf(MANIFEST, TEXTS, "0.1.0"), name);
  const archive = { ...MANIFEST.archive, sha256: "c".repeat(64) };
  const others = [
    nameOf({ ...MANIFEST, archive }, TEXTS, "0.1.0"),
    nameOf(MANIFEST, TEXTS, "0.2.0"),
    nameOf({ ...MANIFEST, packages: PACKAGES.slice(1) }, {}, "0.1.0"),
  ];
  assertEquals(new Set([name, ...others]).size, 4);
});

Deno.test("formatSpdx() gives JSON with a last line break", () => {
  const document = toSpdx(MANIFEST, TEXTS, "0.1.0");
  const text = formatSpdx(document);
  assert(text.endsWith("}\n"));
  assertEquals(JSON.parse(text), document);
});
