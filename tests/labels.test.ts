import { assertEquals, assertThrows } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import {
  maskVolumeVersion,
  readVolumeVersion,
  setVolumeVersion,
  VOLUME_VERSION_LABEL as LABEL,
} from "../lib/labels.ts";

/** Dockerfiles with `@` for the digits of volume version 6. */
const TEMPLATES: [string, string][] = [
  [
    "upstream's",
    `FROM lablup/backendai-krunner-python:ubuntu18.04\nARG PREFIX=/opt/backend.ai\n\nCOPY requirements.txt /root/\nRUN set -ex \\\n    && cd /root \\\n    && \${PREFIX}/bin/pip install -r requirements.txt\nLABEL ${LABEL}=@\nCMD ["\${PREFIX}/bin/python"]\n\n# vim: ft=dockerfile\n`,
  ],
  ["no line break at the end", `FROM a\nLABEL ${LABEL}=@`],
  ["double quotes", `FROM a\nLABEL "${LABEL}"="@" other=x\n`],
  ["single quotes", `FROM a\nLABEL '${LABEL}'='@'\n`],
  ["partly quoted", `FROM a\nLABEL ai."backend".'krunner.version'=@""\n`],
  ["escapes", `FROM a\nLABEL ai\\.backend.krunner.version=\\@\n`],
  ["lower case", `from a\nlabel ${LABEL}=@\n`],
  ["legacy form", `FROM a\nLABEL ${LABEL} @\n`],
  ["legacy form with blanks", `FROM a\nLABEL\t${LABEL} \t @  \n`],
  ["legacy form with quotes", `FROM a\nLABEL "${LABEL}" "@"\n`],
  ["legacy form, continued", `FROM a\nLABEL ${LABEL} \\\n  @\n`],
  [
    "several pairs over continued lines",
    `FROM a\nLABEL a="x y" \\\n  # ${LABEL}=9\n\n  ${LABEL}=@ \\\n  c=d\\ e\n`,
  ],
  ["CRLF", `FROM a\r\nLABEL a=b \\\r\n  ${LABEL}=@ \\\r\n  c=d\r\n`],
  ["a byte order mark", `\uFEFFFROM a\nLABEL ${LABEL}=@\n`],
  ["behind a continuation", `FROM a\nLABEL ${LABEL}=\\\n@\nRUN a\n`],
  ["another escape", `# escape=\`\nFROM a\nLABEL a=c:\\ \`\n ${LABEL}=\`@\n`],
  [
    "the label inside another one's value",
    `FROM a\nLABEL a="${LABEL}=9 b" ${LABEL}=@ c='${LABEL}=9'\n`,
  ],
  ["ONBUILD", `FROM a\nONBUILD LABEL ${LABEL}=9\nLABEL ${LABEL}=@\n`],
  [
    "comments",
    `# LABEL ${LABEL}=9\nFROM a\n  # ${LABEL}=9\nLABEL ${LABEL}=@\n# ai.backend.krunner.vesrion\n`,
  ],
  [
    "other instructions",
    `FROM a\nENV ${LABEL}=9\nRUN echo LABEL ${LABEL}=9\nLABEL ${LABEL}=@\n`,
  ],
  ["twice", `FROM a\nLABEL ${LABEL}=@\nLABEL x=y ${LABEL}="@"\n`],
  ["twice in one instruction", `FROM a\nLABEL ${LABEL}=@ ${LABEL}=@\n`],
  [
    "an earlier stage",
    `FROM a AS b\nLABEL ${LABEL}=9\nFROM c\nCOPY --from=b d e\nLABEL ${LABEL}=@\n`,
  ],
  [
    "inherited from an earlier stage",
    `FROM a AS Base\nLABEL ${LABEL}=@\nFROM c AS d\nLABEL ${LABEL}=9\nFROM base\nRUN a\n`,
  ],
  [
    "inherited and set again",
    `FROM a AS b\nLABEL ${LABEL}=@\nFROM b\nLABEL ${LABEL}=@\n`,
  ],
  [
    "a here-document",
    `FROM a\nCOPY <<EOF /b\nLABEL ${LABEL}=9\nEOF\nLABEL ${LABEL}=@\n`,
  ],
  ["a far label", `FROM a\nLABEL ai.backend.base-distro=x ${LABEL}=@\n`],
];

Deno.test("readVolumeVersion() reads the label", async (t) => {
  for (const [name, template] of TEMPLATES) {
    await t.step(name, () => {
      for (const version of [1, 6, 10, Number.MAX_SAFE_INTEGER]) {
        const text = template.replaceAll("@", String(version));
        assertEquals(readVolumeVersion(text, "f"), version);
      }
    });
  }
});

Deno.test("setVolumeVersion() changes nothing but the digits", async (t) => {
  for (const [name, template] of TEMPLATES) {
    await t.step(name, () => {
      for (const from of [1, 9, 10, 4711]) {
        for (const to of [1, 7, 10, 123456]) {
          assertEquals(
            setVolumeVersion(template.replaceAll("@", String(from)), "f", to),
            template.replaceAll("@", String(to)),
          );
        }
      }
    });
  }
});

Deno.test("setVolumeVersion() keeps digits that stand apart", async (t) => {
  const cases: [string, number, string][] = [
    [`LABEL ${LABEL}=1\\\n2\nRUN a`, 13, `LABEL ${LABEL}=1\\\n3\nRUN a`],
    [`LABEL ${LABEL}=1\\\n2\nRUN a`, 345, `LABEL ${LABEL}=34\\\n5\nRUN a`],
    [`LABEL ${LABEL}=1\\\n2\nRUN a`, 3, `LABEL ${LABEL}=\\\n3\nRUN a`],
    [`LABEL ${LABEL}="1"2`, 13, `LABEL ${LABEL}="1"3`],
  ];
  for (const [text, version, expected] of cases) {
    await t.step(`${text} to ${version}`, () => {
      const result = setVolumeVersion(text, "f", version);
      assertEquals(result, expected);
      assertEquals(readVolumeVersion(result, "f"), version);
    });
  }
});

Deno.test("setVolumeVersion() takes positive integers only", () => {
  for (const version of [0, -1, 1.5, NaN, 2 ** 53]) {
    assertThrows(
      () => setVolumeVersion(`LABEL ${LABEL}=6`, "f", version),
      RangeError,
    );
  }
});

Deno.test("maskVolumeVersion() hides the version alone", async (t) => {
  for (const [name, template] of TEMPLATES) {
    await t.step(name, () => {
      for (const version of ["1", "10", "123456"]) {
        assertEquals(
          maskVolumeVersion(template.replaceAll("@", version)),
          template.replaceAll("@", "*"),
        );
      }
    });
  }
  await t.step("no label", () => {
    assertEquals(maskVolumeVersion("FROM a\n"), "FROM a\n");
  });
  await t.step("values that are no versions", () => {
    assertEquals(
      maskVolumeVersion(`LABEL ${LABEL}= a=b\nLABEL ${LABEL}=x y=z`),
      `LABEL ${LABEL}= a=b\nLABEL ${LABEL}=* y=z`,
    );
  });
});

const CANNOT = 'Cannot read the volume version in "f"';

const ERRORS: [string, string, string][] = [
  [
    "missing",
    "FROM a\nLABEL x=y\n",
    `${CANNOT}: it has no label "${LABEL}"; add a line "LABEL ${LABEL}=1"`,
  ],
  [
    "in a comment only",
    `FROM a\n# LABEL ${LABEL}=6\n`,
    `${CANNOT}: it has no label "${LABEL}"; add a line "LABEL ${LABEL}=1"`,
  ],
  [
    "behind ONBUILD only",
    `FROM a\nONBUILD LABEL ${LABEL}=6\n`,
    `${CANNOT}: it has no label "${LABEL}"; add a line "LABEL ${LABEL}=1"`,
  ],
  [
    "without a value",
    `FROM a\nLABEL ${LABEL}\n`,
    `${CANNOT}: it has no label "${LABEL}"; add a line "LABEL ${LABEL}=1"`,
  ],
  [
    "in an earlier stage only",
    `FROM a AS b\nLABEL ${LABEL}=6\nFROM c\n`,
    `${CANNOT}, line 2: label "${LABEL}" is in a build stage that the final image is not made from; move it below the last FROM`,
  ],
  [
    "twice",
    `FROM a\nLABEL ${LABEL}=6\nLABEL ${LABEL}=7\n`,
    `${CANNOT}: label "${LABEL}" is 6 in line 2 and 7 in line 3; keep one of them`,
  ],
  [
    "a quote that is not closed",
    `FROM a\nLABEL ${LABEL}="6\n`,
    'Cannot read the word "6: a double quote is not closed ("f", line 2)',
  ],
  ...[
    "ai.backend.krunner.vesrion",
    "ai.backend.krunner.versoin",
    "ai.backend.krunner.verion",
    "ai.backend.krunner-version",
    "AI.backend.krunner.Version",
    "ai.backend.runner.version",
  ].flatMap((key): [string, string, string][] => {
    const message = `, line 2: label "${key}" is misspelt; write "${LABEL}"`;
    return [
      [key, `FROM a\nLABEL ${key}=6\n`, CANNOT + message],
      [
        `${key} beside the right one`,
        `FROM a\nLABEL "${key}"="6"\nLABEL ${LABEL}=6\n`,
        CANNOT + message,
      ],
      [
        `${key} in an earlier stage`,
        `FROM a\nLABEL ${key} 6\nFROM b\nLABEL ${LABEL}=6\n`,
        CANNOT + message,
      ],
    ];
  }),
  ...[
    "0",
    "-1",
    "+1",
    "06",
    "1.5",
    "1e3",
    "0x6",
    "",
    "six",
    "6 ",
    "٣",
    "9007199254740992",
  ]
    .map((value): [string, string, string] => [
      `the value "${value}"`,
      `FROM a\nLABEL a=b \\\n  ${LABEL}="${value}"\n`,
      `${CANNOT}, line 2: label "${LABEL}" is "${value}"; it must be a positive integer without leading zeros`,
    ]),
  [
    "a comment behind the legacy form",
    `FROM a\nLABEL ${LABEL} 6 # six\n`,
    `${CANNOT}, line 2: label "${LABEL}" is "6 # six"; it must be a positive integer without leading zeros`,
  ],
  ...["$VERSION", "${VERSION}", '"${VERSION:-6}"', "1$VERSION"].map((
    value,
  ): [string, string, string] => [
    `the value ${value}`,
    `FROM a\nARG VERSION=6\nLABEL ${LABEL}=${value}\n`,
    `${CANNOT}, line 3: label "${LABEL}" takes its value from the variable "VERSION"; write the number itself, for bump.ts changes it there`,
  ]),
];

Deno.test("readVolumeVersion() and setVolumeVersion() throw", async (t) => {
  for (const [name, text, message] of ERRORS) {
    await t.step(name, () => {
      const read = assertThrows(
        () => readVolumeVersion(text, "f"),
        KrunnerError,
      );
      assertEquals(read.message, message);
      const set = assertThrows(
        () => setVolumeVersion(text, "f", 7),
        KrunnerError,
      );
      assertEquals(set.message, message);
    });
  }
});
