import { assertEquals } from "@std/assert";
import {
  type BuildState,
  formatDuration,
  formatSize,
  nextState,
  Progress,
  renderLive,
  type Verbosity,
} from "../lib/progress.ts";
import type { BuildEvent } from "../lib/build/run.ts";

Deno.test("formatDuration() keeps two units", async (t) => {
  const cases: [number, string][] = [
    [0, "0s"],
    [999, "0s"],
    [59_999, "59s"],
    [60_000, "1m00s"],
    [67_400, "1m07s"],
    [3_599_999, "59m59s"],
    [3_600_000, "1h00m"],
    [90_061_000, "25h01m"],
  ];
  for (const [milliseconds, expected] of cases) {
    await t.step(expected, () => {
      assertEquals(formatDuration(milliseconds), expected);
    });
  }
});

Deno.test("formatSize() counts in powers of ten", async (t) => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [1_000_000, "1.0 MB"],
    [9_812_345, "9.8 MB"],
    [28_900_000_000, "28.9 GB"],
    [5e15, "5000.0 TB"],
  ];
  for (const [bytes, expected] of cases) {
    await t.step(expected, () => assertEquals(formatSize(bytes), expected));
  }
});

const STATES: BuildState[] = [
  { name: "debian12", stage: "env", step: { step: 3, total: 7 }, started: 0 },
  { name: "ubuntu18.04", stage: "base image", started: 60_000 },
];

Deno.test("renderLive() aligns lines and cuts them to the terminal", async (t) => {
  const cases: [number, string[]][] = [
    [80, [
      "debian12     env         3/7      2m00s",
      "ubuntu18.04  base image           1m00s",
    ]],
    [20, ["debian12     env", "ubuntu18.04  base i"]],
    [1, ["", ""]],
  ];
  for (const [columns, expected] of cases) {
    await t.step(`${columns} columns`, () => {
      assertEquals(renderLive(STATES, 120_000, columns), expected);
    });
  }
  assertEquals(renderLive([], 0, 80), []);
});

Deno.test("nextState() follows stages and steps", async (t) => {
  const state = STATES[0]!;
  const cases: [string, BuildEvent, BuildState][] = [
    ["a stage begins without a step", { type: "stage", stage: "archive" }, {
      name: "debian12",
      stage: "archive",
      started: 0,
    }],
    ["a step", { type: "step", step: 4, total: 7 }, {
      ...state,
      step: { step: 4, total: 7 },
    }],
    ["a line", { type: "line", line: "x" }, state],
    ["a notice", { type: "notice", message: "x" }, state],
  ];
  for (const [name, event, expected] of cases) {
    await t.step(name, () => assertEquals(nextState(state, event), expected));
  }
});

/** What a run writes, escape sequences included. */
function record(
  verbosity: Verbosity,
  columns: number | undefined,
  use: (progress: Progress, wait: (milliseconds: number) => void) => void,
): string {
  let written = "";
  let now = 0;
  using progress = new Progress({
    write: (text) => written += text,
    columns: () => columns,
    now: () => now,
    verbosity,
  });
  use(progress, (milliseconds) => now += milliseconds);
  progress[Symbol.dispose]();
  return written;
}

/** A build with everything that can happen in it. */
function build(progress: Progress, wait: (milliseconds: number) => void): void {
  progress.say("debian12: building");
  progress.start("debian12");
  progress.handle("debian12", { type: "stage", stage: "env" });
  wait(2000);
  progress.handle("debian12", { type: "step", step: 1, total: 2 });
  progress.handle("debian12", { type: "line", line: "hello" });
  progress.handle("debian12", { type: "notice", message: "mind this" });
  wait(5000);
  progress.end("debian12", "built");
}

const UP = "\x1b[1A\r\x1b[J";

Deno.test("Progress writes plain lines where there is no terminal", () => {
  assertEquals(
    record("normal", undefined, build),
    "debian12: building\ndebian12: env\ndebian12: mind this\ndebian12: built (7s)\n",
  );
});

Deno.test("Progress keeps live lines below the others on a terminal", async (t) => {
  const cases: [number, string, string][] = [
    [
      80,
      "debian12  env                  0s",
      "debian12  env         1/2      2s",
    ],
    // A terminal that does not tell how wide it is.
    [
      0,
      "debian12  env                  0s",
      "debian12  env         1/2      2s",
    ],
    [10, "debian12", "debian12"],
  ];
  for (const [columns, first, second] of cases) {
    await t.step(`${columns} columns`, () => {
      assertEquals(
        record("normal", columns, build),
        [
          "debian12: building\n",
          `${first}\n`,
          `${UP}${second}\n`,
          `${UP}debian12: mind this\n${second}\n`,
          `${UP}debian12: built (7s)\n`,
        ].join(""),
      );
    });
  }
});

Deno.test("Progress shows the builder's output if it is verbose", () => {
  assertEquals(
    record("verbose", 80, build),
    "debian12: building\ndebian12: env\ndebian12 env| hello\ndebian12: mind this\ndebian12: built (7s)\n",
  );
});

Deno.test("Progress says nothing if it is quiet", () => {
  assertEquals(record("quiet", 80, build), "");
  assertEquals(record("quiet", undefined, build), "");
});

Deno.test("Progress shows several builds, and removes all at the end", () => {
  const written = record("normal", 80, (progress) => {
    progress.start("a");
    progress.start("bb");
    progress.handle("a", { type: "stage", stage: "env" });
    progress.handle("bb", { type: "stage", stage: "python" });
  });
  assertEquals(
    written,
    [
      "a   env                  0s\nbb  start                0s\n",
      "\x1b[2A\r\x1b[J",
      "a   env                  0s\nbb  python               0s\n",
      "\x1b[2A\r\x1b[J",
    ].join(""),
  );
});

Deno.test("Progress knows nothing of builds that have not begun", () => {
  const written = record("normal", undefined, (progress) => {
    progress.handle("a", { type: "notice", message: "x" });
    progress.end("a", "failed");
  });
  assertEquals(written, "a: failed\n");
});

Deno.test("Progress redraws on its own", async () => {
  let written = "";
  let now = 0;
  {
    using progress = new Progress({
      write: (text) => written += text,
      columns: () => 80,
      now: () => now,
      verbosity: "normal",
    });
    progress.start("a");
    now = 1000;
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
  assertEquals(written, `a  start                1s\n${UP}`);
});
