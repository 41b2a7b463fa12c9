import { assertEquals } from "@std/assert";
import {
  fromDebianName,
  fromFields,
  fromWords,
  isName,
  joinExpressions,
  type LicenceFields,
  licenseRef,
  tryParseExpression,
} from "../lib/licences.ts";

Deno.test("tryParseExpression() takes SPDX expressions and nothing else", async (t) => {
  const cases: [words: string, expression: string | undefined][] = [
    ["MIT", "MIT"],
    [" MIT  OR Apache-2.0", "MIT OR Apache-2.0"],
    ["MIT OR (Apache-2.0 AND ISC)", "MIT OR (Apache-2.0 AND ISC)"],
    ["(MIT AND ISC) AND 0BSD", "MIT AND ISC AND 0BSD"],
    ["EPL-2.0+", "EPL-2.0+"],
    [
      "GPL-2.0-or-later WITH GCC-exception-2.0",
      "GPL-2.0-or-later WITH GCC-exception-2.0",
    ],
    ["LicenseRef-x.1", "LicenseRef-x.1"],
    ["mit", undefined],
    ["MIT AND", undefined],
    ["", undefined],
  ];
  for (const [words, expression] of cases) {
    await t.step(`"${words}"`, () => {
      assertEquals(tryParseExpression(words), expression);
    });
  }
});

Deno.test("joinExpressions() keeps each term once, and alternatives in brackets", () => {
  assertEquals(joinExpressions(["MIT"], "and"), "MIT");
  assertEquals(joinExpressions(["MIT", "ISC", "MIT"], "and"), "MIT AND ISC");
  assertEquals(
    joinExpressions(["MIT OR ISC", "0BSD AND MIT"], "and"),
    "(MIT OR ISC) AND 0BSD AND MIT",
  );
  assertEquals(joinExpressions(["MIT OR ISC"], "and"), "MIT OR ISC");
  assertEquals(
    joinExpressions(["MIT", "0BSD AND ISC"], "or"),
    "MIT OR (0BSD AND ISC)",
  );
});

Deno.test("licenseRef() gives names that SPDX allows", () => {
  assertEquals(
    licenseRef("Debian", "gcc-12", "GPL-3+ with (own) exception"),
    "LicenseRef-Debian-gcc-12-GPL-3-or-later-with-own-exception",
  );
});

Deno.test("fromWords() understands what is clear, and guesses nothing", async (t) => {
  const cases: [words: string, licence: string | undefined][] = [
    ["MIT", "MIT"],
    ["mit", "MIT"],
    ["MIT License", "MIT"],
    ["The MIT License (MIT)", "MIT"],
    ["ISC license", "ISC"],
    ["Apache 2", "Apache-2.0"],
    ["Apache License, Version 2.0", "Apache-2.0"],
    ["http://www.apache.org/licenses/LICENSE-2.0", "Apache-2.0"],
    ["BSD 3-Clause License", "BSD-3-Clause"],
    ["New BSD", "BSD-3-Clause"],
    ["Modified BSD License", "BSD-3-Clause"],
    ["GPLv2", "GPL-2.0-only"],
    ["GPL-2+", "GPL-2.0-or-later"],
    ["GNU LGPL v2.1 or later", "LGPL-2.1-or-later"],
    ["AGPL-3.0-only", "AGPL-3.0-only"],
    ["MIT AND ISC", "MIT AND ISC"],
    ["MIT and ISC", "MIT AND ISC"],
    ["BSD", undefined],
    ["BSD-like 3", undefined],
    ["GPL", undefined],
    ["GPL 9", undefined],
    ["GNU General Public License 3", undefined],
    ["Apache", undefined],
    ["LGPL+BSD", undefined],
    ["MIT and BSD", undefined],
    ["MIT/X11", undefined],
    ["Dual License", undefined],
    ["proprietary", undefined],
    ["", undefined],
  ];
  for (const [words, licence] of cases) {
    await t.step(`"${words}"`, () => assertEquals(fromWords(words), licence));
  }
});

Deno.test("fromFields() goes by the expression, then words, then one classifier", async (t) => {
  const osi = (name: string) => `License :: OSI Approved :: ${name}`;
  const mit = osi("MIT License");
  const bsd = osi("BSD License");
  const cases: [
    what: string,
    fields: LicenceFields,
    expression: string | undefined,
    clear?: boolean,
  ][] = [
    [
      "an expression, whatever else there is",
      { expression: "MIT OR ISC", words: "BSD", classifiers: [bsd, mit] },
      "MIT OR ISC",
      true,
    ],
    ["words", { words: "Apache 2", classifiers: [] }, "Apache-2.0", true],
    [
      "words and their classifier",
      { words: "BSD 3-Clause License", classifiers: [bsd] },
      "BSD-3-Clause",
      true,
    ],
    [
      "words of which classifiers know more",
      { words: "MIT", classifiers: [mit, bsd] },
      "MIT",
      false,
    ],
    ["a classifier", { classifiers: [mit] }, "MIT", true],
    [
      "a GNU classifier",
      {
        classifiers: [
          osi(
            "GNU Lesser General Public License v3 or later (LGPLv3+)",
          ),
        ],
      },
      "LGPL-3.0-or-later",
      true,
    ],
    [
      "a classifier beside a text",
      { words: "# Terms\nDo as you please", classifiers: [mit] },
      "MIT",
      false,
    ],
    ["a classifier of several", { classifiers: [bsd] }, undefined],
    ["several classifiers", { classifiers: [mit, bsd] }, undefined],
    ["unclear words", { words: "BSD", classifiers: [bsd] }, undefined],
    ["nothing", { classifiers: [] }, undefined],
  ];
  for (const [what, fields, expression, clear = false] of cases) {
    await t.step(what, () => {
      assertEquals(
        fromFields(fields),
        expression === undefined ? undefined : { expression, clear },
      );
    });
  }
});

Deno.test("isName() tells names from texts", () => {
  assertEquals(isName("MIT"), true);
  assertEquals(isName("MIT\nCopyright"), false);
  assertEquals(isName("word ".repeat(30)), false);
  assertEquals(isName(undefined), false);
});

Deno.test("fromDebianName() knows the format's names and SPDX's", async (t) => {
  const cases: [name: string, licence: string | undefined][] = [
    ["Expat", "MIT"],
    ["BSD-3-clause", "BSD-3-Clause"],
    ["zlib", "Zlib"],
    ["GPL-2", "GPL-2.0-only"],
    ["GPL-2+", "GPL-2.0-or-later"],
    ["LGPL-2.1+", "LGPL-2.1-or-later"],
    ["GPL-3.0-or-later", "GPL-3.0-or-later"],
    ["GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"],
    ["Artistic", "Artistic-1.0"],
    ["CC0", "CC0-1.0"],
    ["GPL", undefined],
    ["GPL-3+ with Bison exception", undefined],
    ["public-domain", undefined],
    ["BSD-variant", undefined],
    ["", undefined],
  ];
  for (const [name, licence] of cases) {
    await t.step(`"${name}"`, () => {
      assertEquals(fromDebianName(name), licence);
    });
  }
});
