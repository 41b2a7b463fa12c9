import { assertEquals, assertRejects } from "@std/assert";
import {
  type Bar,
  bar,
  compare,
  durations,
  fact,
  holds,
  median,
  run,
  takeTurns,
} from "../bench/measure.ts";
import { isMissed, renderMarkdown, renderReport } from "../bench/report.ts";
import { CancelledError, KrunnerError } from "../lib/errors.ts";

Deno.test("median() is the value in the middle", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4]), 4);
  assertEquals(median([]), NaN);
});

Deno.test("holds() knows on which side of the limit a number must be", async (t) => {
  const cases: [value: number, relation: Bar["relation"], expected: boolean][] =
    [
      [2, ">=", true],
      [1.99, ">=", false],
      [2, "<=", true],
      [2.01, "<=", false],
      [1.99, "<", true],
      [2, "<", false],
      [NaN, ">=", false],
      [NaN, "<", false],
    ];
  for (const [value, relation, expected] of cases) {
    await t.step(`${value} ${relation} 2`, () => {
      assertEquals(holds(bar("x", value, relation, 2, "s")), expected);
    });
  }
});

Deno.test("takeTurns() lets each way be the first in every other round", async () => {
  const calls: string[] = [];
  const way = (name: string, value: number) => () => {
    calls.push(name);
    return Promise.resolve(value);
  };
  const rounds = await takeTurns(3, way("usual", 6), way("ours", 2));
  assertEquals(calls, ["usual", "ours", "ours", "usual", "usual", "ours"]);
  assertEquals(rounds, Array(3).fill({ usual: 6, ours: 2 }));
});

Deno.test("takeTurns() ends before the next round once it is aborted", async () => {
  const controller = new AbortController();
  let calls = 0;
  const way = () => {
    controller.abort();
    return Promise.resolve(++calls);
  };
  await assertRejects(
    () => takeTurns(5, way, way, controller.signal),
    CancelledError,
  );
  assertEquals(calls, 2);
});

Deno.test("compare() takes the median of the rounds' own ratios", () => {
  // The machine was busy in the last round: that touches both ways alike.
  assertEquals(
    compare([
      { usual: 4, ours: 1 },
      { usual: 8, ours: 2 },
      { usual: 90, ours: 30 },
    ]),
    { usual: 8, ours: 2, ratio: 4 },
  );
});

Deno.test("durations() rounds to what a person reads", () => {
  assertEquals(
    durations({ ours: 189.6, usual: 999.4 }),
    "190 ms against 999 ms",
  );
  assertEquals(
    durations({ ours: 999.5, usual: 1256 }),
    "1.00 s against 1.26 s",
  );
});

Deno.test("run() passes on what a program says when it fails", async () => {
  assertEquals(await run(["echo", "word"]), "word");
  await assertRejects(
    () => run(["sh", "-c", "echo no such thing >&2; exit 3"]),
    KrunnerError,
    'Cannot run "sh -c echo no such thing >&2; exit 3": no such thing',
  );
});

const ROWS = [
  bar("start", 4.3146, ">=", 3, "x faster", "0.2 s against 0.9 s"),
  bar("  size", 0.62, "<=", 0.5, "x"),
  fact("  there", "a | b"),
];

Deno.test("renderReport() aligns what was measured with its bar", () => {
  assertEquals(
    renderReport(ROWS),
    `
measured  result         this against that    bar
start     4.31 x faster  0.2 s against 0.9 s  ≥ 3    ok
  size    0.62 x                              ≤ 0.5  MISSED
  there                  a | b`.slice(1),
  );
});

Deno.test("renderMarkdown() gives a table for the README", () => {
  assertEquals(
    renderMarkdown(ROWS),
    String.raw`
| measured | result | this against that | bar |  |
| --- | --- | --- | --- | --- |
| start | 4.31 x faster | 0.2 s against 0.9 s | ≥ 3 | ok |
| – size | 0.62 x |  | ≤ 0.5 | MISSED |
| – there |  | a \| b |  |  |`.slice(1),
  );
});

Deno.test("isMissed() asks the bars only", () => {
  assertEquals(isMissed(ROWS), true);
  assertEquals(isMissed(ROWS.filter(({ name }) => name !== "  size")), false);
});
