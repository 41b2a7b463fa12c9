import { assertEquals } from "@std/assert";
import type { CheckReport } from "../lib/verify/finding.ts";
import { isGood, renderOutcome, renderVerdict } from "../lib/verify/report.ts";

const GOOD: CheckReport[] = [
  { check: "contract", findings: [], facts: { version: 3, Python: "3.11" } },
  { check: "linkage", findings: [], skipped: "no glibc", facts: { files: 2 } },
  { check: "extractor", findings: [], skipped: "no engine" },
  { check: "bare image", findings: [], skipped: "no engine" },
];

const finding = (where: string, what = "it is bad") => ({
  check: "safety" as const,
  what,
  where,
  why: "it hurts",
});

const BAD: CheckReport[] = [
  {
    check: "safety",
    findings: [
      ...["./a", "./b", "./c", "./d", "./e"].map((name) => finding(name)),
      finding("./evil\x1b[2J\n"),
      finding("./f", "it is worse"),
    ],
  },
  {
    check: "bare image",
    subject: "debian:12",
    findings: [
      { check: "bare image", what: "no", where: "debian:12", why: "so" },
      { check: "bare image", what: "no", where: "./x", why: "but" },
    ],
    facts: { modules: 2, none: "" },
  },
];

Deno.test("renderVerdict() is one row a check, then what was skipped", () => {
  assertEquals(
    renderVerdict({ archive: "a.tar.xz", reports: GOOD }),
    `a.tar.xz

CHECK       STATE       FACTS
contract    ok          version 3, Python 3.11
linkage     ok in part  files 2
extractor   skipped
bare image  skipped

Skipped (linkage): no glibc
Skipped (extractor, bare image): no engine`,
  );
});

Deno.test("renderVerdict() shows findings, alike ones together, and nothing unprintable", () => {
  assertEquals(
    renderVerdict({ archive: "a.tar.xz", reports: BAD }),
    `a.tar.xz

CHECK       IMAGE      STATE   FACTS
safety      -          FAILED  7 findings
bare image  debian:12  FAILED  2 findings, modules 2

safety: ./a, ./b, ./c and 3 more
  what: it is bad
  why:  it hurts

safety: ./f
  what: it is worse
  why:  it hurts

bare image: debian:12
  what: no
  why:  so

bare image (debian:12): ./x
  what: no
  why:  but`,
  );
  const name = "./\x1b[2J\n\x9b";
  const text = renderVerdict({
    archive: "a",
    reports: [{ check: "safety", findings: [finding(name)] }],
  });
  assertEquals(text.split("\n")[5], "safety: ./\\x1b[2J\\x0a\\x9b");
});

Deno.test("renderOutcome() follows the options", () => {
  const plain = { json: false, quiet: false };
  const quiet = { json: false, quiet: true };
  const json = { json: true, quiet: true };
  const good = { verdict: { archive: "a", reports: [] } };
  const bad = {
    verdict: {
      archive: "a",
      distroVersion: "debian12",
      arch: "x86_64",
      reports: BAD,
    },
  };
  const failed = { archive: "a", failure: "Cannot read" };
  assertEquals([good, bad, failed].map(isGood), [true, false, false]);
  assertEquals(renderOutcome(failed, plain), {
    out: "",
    err: "error: Cannot read",
  });
  assertEquals(renderOutcome(failed, json), {
    out: '{"archive":"a","failure":"Cannot read","ok":false}',
    err: "error: Cannot read",
  });
  assertEquals(renderOutcome(good, quiet), { out: "", err: "" });
  assertEquals(
    renderOutcome(bad, quiet).out,
    `${renderVerdict(bad.verdict)}\n`,
  );
  assertEquals(JSON.parse(renderOutcome(bad, json).out), {
    archive: "a",
    distroVersion: "debian12",
    arch: "x86_64",
    ok: false,
    reports: BAD,
  });
});
