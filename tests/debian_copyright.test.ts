import { assertEquals } from "@std/assert";
import { readCopyright } from "../lib/debian_copyright.ts";

const HEADER =
  "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nSource: https://example.org\n";

Deno.test("readCopyright() gives all licences but the packaging's, with own texts", () => {
  const licence = readCopyright(
    `${HEADER}
# A comment
Files: *
Copyright: 2020 Some One
 2021 Another
License: Expat

Files: src/own.c
       src/own.h
Copyright: none
License: public-domain
 No rights
 .
   are reserved.

Files: src/other.c
License: public-domain
 Nobody owns this.

Files: src/known.c
License: Own-1

Files: src/lost.c
License: Lost

Files: debian/*
 debian/rules
License: GPL-3+

License: Own-1
 Do as you please.

License: Expat
 Permission is granted
`,
    "zoo",
  );
  assertEquals(licence, {
    expression:
      "MIT AND LicenseRef-Debian-zoo-public-domain AND LicenseRef-Debian-zoo-Own-1 AND LicenseRef-Debian-zoo-Lost",
    texts: {
      "LicenseRef-Debian-zoo-public-domain":
        "No rights\n\n  are reserved.\n\nNobody owns this.",
      "LicenseRef-Debian-zoo-Own-1": "Do as you please.",
      "LicenseRef-Debian-zoo-Lost":
        "Lost: the copyright file of zoo has no text of it",
    },
  });
});

Deno.test("readCopyright() reads joined names as the format says", async (t) => {
  const cases: [synopsis: string, expression: string][] = [
    ["MIT or Apache-2.0", "MIT OR Apache-2.0"],
    ["MIT and/or Apache-2.0", "MIT OR Apache-2.0"],
    ["MIT or ISC and Zlib", "MIT OR (ISC AND Zlib)"],
    ["MIT or ISC, and Zlib", "(MIT OR ISC) AND Zlib"],
    ["MIT, or ISC and Zlib", "MIT OR (ISC AND Zlib)"],
    [
      "GPL-1+ or Artistic, and BSD-3-clause",
      "(GPL-1.0-or-later OR Artistic-1.0) AND BSD-3-Clause",
    ],
    ["MIT and MIT", "MIT"],
  ];
  for (const [synopsis, expression] of cases) {
    await t.step(synopsis, () => {
      const file = `${HEADER}\nFiles: *\nLicense: ${synopsis}\n`;
      assertEquals(readCopyright(file, "zoo"), { expression, texts: {} });
    });
  }
});

Deno.test("readCopyright() takes the text below joined names for each of them", () => {
  const file = `${HEADER}\nFiles: *\nLicense: Cat or Expat\n Feed it.\n`;
  assertEquals(readCopyright(file, "zoo")?.texts, {
    "LicenseRef-Debian-zoo-Cat": "Feed it.",
  });
});

Deno.test("readCopyright() takes a header's licence, and not its explanation", () => {
  assertEquals(
    readCopyright(`${HEADER}License: ISC\n`, "zoo")?.expression,
    "ISC",
  );
  const file = `${HEADER}License:\n See below.\n\nFiles: *\nLicense: MIT\r\n`;
  assertEquals(readCopyright(file, "zoo"), { expression: "MIT", texts: {} });
});

Deno.test("readCopyright() leaves files for people to people", () => {
  assertEquals(readCopyright("This is GNU software.\n", "zoo"), undefined);
  assertEquals(readCopyright("", "zoo"), undefined);
  assertEquals(readCopyright(HEADER, "zoo"), undefined);
  assertEquals(
    readCopyright("Format: none\n\nFiles: *\nLicense: MIT\n", "zoo"),
    undefined,
  );
});
