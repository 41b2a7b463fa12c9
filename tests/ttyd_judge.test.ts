import { assertEquals } from "@std/assert";
import type { ElfFile } from "../lib/elf.ts";
import {
  judgeArch,
  judgeHeader,
  judgeProof,
  judgeRecord,
  judgeStatic,
  judgeVersion,
  renderRows,
  type Row,
} from "../lib/ttyd/judge.ts";
import type { Listening } from "../lib/ttyd/pings.ts";

const ELF: ElfFile = {
  bits: 64,
  machine: "x86_64",
  type: "executable",
  dynamic: false,
  needed: [],
  rpath: [],
  runpath: [],
  versionNeeds: new Map(),
};

const ANSWERING: Listening = {
  pings: [5, 10.01, 15.02],
  silence: 5.01,
  end: 15.02,
  closed: false,
};
const MUTE: Listening = { pings: [5], silence: 5, end: 10.04, closed: true };

const CASES: Record<string, [row: Row, state: Row["state"], facts: string]> = {
  "a static program": [
    judgeStatic(ELF),
    "ok",
    "needs no loader and no library",
  ],
  "a program with a loader": [
    judgeStatic({
      ...ELF,
      interpreter: "/lib/ld-musl-x86_64.so.1",
      needed: ["libc.so"],
    }),
    "FAILED",
    "needs /lib/ld-musl-x86_64.so.1, libc.so",
  ],
  "a program with 32-bit addresses, of which no more is read": [
    judgeStatic({ ...ELF, bits: 32, machine: "i386" }),
    "FAILED",
    "it has 32-bit addresses",
  ],
  "no program": [
    judgeStatic({ ...ELF, type: "relocatable" }),
    "FAILED",
    "it is a relocatable file, not a program",
  ],
  "any arch": [judgeArch("aarch64", undefined), "ok", "aarch64"],
  "an arch of no agent": [
    judgeArch("s390x", undefined),
    "FAILED",
    "s390x, not x86_64 or aarch64",
  ],
  "another arch": [
    judgeArch("aarch64", "x86_64"),
    "FAILED",
    "aarch64, not x86_64",
  ],
  "its record": [judgeRecord("ab", "ab"), "ok", "describes this binary"],
  "another one's record": [
    judgeRecord("ab", "cd"),
    "FAILED",
    "describes another binary, with SHA-256 cd",
  ],
  "a version": [judgeVersion("ttyd version 1.7.7\n", "1.7.7"), "ok", "1.7.7"],
  "a version with a commit": [
    judgeVersion("ttyd version 1.6.1-b5b8d42\n", undefined),
    "ok",
    "1.6.1-b5b8d42",
  ],
  "another version": [
    judgeVersion("ttyd version 1.7.7\n", "1.6.1"),
    "FAILED",
    "1.7.7, not 1.6.1",
  ],
  "no version": [
    judgeVersion("usage", undefined),
    "FAILED",
    'not told by "usage"',
  ],
  "libwebsockets of a release": [
    judgeHeader("ttyd/1.6.1 (libwebsockets/3.2.3)", "3.2.3"),
    "ok",
    "3.2.3",
  ],
  "libwebsockets of an unknown commit": [
    judgeHeader("ttyd/1.7.7 (libwebsockets/4.3.5-unknown)", "4.3.5"),
    "ok",
    "4.3.5",
  ],
  "no libwebsockets": [
    judgeHeader("nginx", "3.2.3"),
    "FAILED",
    'not told by "nginx"',
  ],
};

Deno.test("judge…() tells what a binary is", async (t) => {
  for (const [name, [row, state, facts]] of Object.entries(CASES)) {
    await t.step(name, () => {
      assertEquals([row.state, row.facts], [state, facts]);
    });
  }
});

const PROOFS: Record<
  string,
  [answering: Partial<Listening>, mute: Partial<Listening>, rows: string[]]
> = {
  "pings in time": [{}, {}, [
    "ok at 5.0, 10.0, 15.0 s; limit 30 s",
    "ok dropped after 10.0 s",
  ]],
  "no ping": [{ pings: [], silence: 30.5, end: 30.5 }, {}, [
    "FAILED silent for 30.5 s, longer than the limit of 30 s: idle terminals blink",
    "skipped there was no ping in time to answer",
  ]],
  "a ping too late": [{ pings: [5, 45], silence: 40, end: 45 }, {}, [
    "FAILED silent for 40.0 s, longer than the limit of 30 s, after pings at 5.0, 45.0 s: idle terminals blink",
    "skipped there was no ping in time to answer",
  ]],
  "an end at the first ping": [
    { pings: [5], silence: 5, end: 5.1, closed: true },
    {},
    [
      "FAILED the connection ended after 5.1 s, with pings at 5.0 s",
      "skipped there was no ping in time to answer",
    ],
  ],
  "an end at once": [{ pings: [], silence: 0, end: 0, closed: true }, {}, [
    "FAILED the connection ended after 0.0 s",
    "skipped there was no ping in time to answer",
  ]],
  "a client that is never dropped": [
    {},
    { pings: [5, 10], end: 90.5, closed: false },
    [
      "ok at 5.0, 10.0, 15.0 s; limit 30 s",
      "FAILED not dropped for 90.5 s after pings at 5.0, 10.0 s",
    ],
  ],
  "a client that is dropped before it could answer": [
    {},
    { pings: [], end: 0.04 },
    [
      "ok at 5.0, 10.0, 15.0 s; limit 30 s",
      "FAILED the connection ended after 0.0 s, before any ping",
    ],
  ],
};

Deno.test("judgeProof() tells whether terminals stay alive", async (t) => {
  for (const [name, [answering, mute, rows]] of Object.entries(PROOFS)) {
    await t.step(name, () => {
      const judged = judgeProof({
        limit: 30,
        answering: { ...ANSWERING, ...answering },
        mute: { ...MUTE, ...mute },
      });
      assertEquals(
        judged.map(({ state, facts }) => `${state} ${facts}`),
        rows,
      );
    });
  }
});

Deno.test("renderRows() makes a small table", () => {
  assertEquals(
    renderRows([
      judgeArch("x86_64", undefined),
      ...judgeProof({ limit: 30, answering: ANSWERING, mute: MUTE }),
    ]),
    `CHECK       STATE  FACTS
arch        ok     x86_64
pings       ok     at 5.0, 10.0, 15.0 s; limit 30 s
unanswered  ok     dropped after 10.0 s`,
  );
});
