import { assertEquals } from "@std/assert";
import { readCounts, renderCounts } from "./run.ts";

Deno.test("readCounts() takes the last summary of a run", async (t) => {
  const cases: Record<string, [string, boolean, string]> = {
    "a good run": [
      "a ... ok (1ms)\n\nok | 12 passed (3 steps) | 0 failed (1s)\n",
      true,
      "12 passed, 0 failed",
    ],
    "a test left out": [
      "ok | 2 passed | 0 failed | 1 ignored (1s)\n",
      true,
      "2 passed, 0 failed, 1 skipped",
    ],
    "a failed run": [
      "FAILED | 3 passed (1 step) | 2 failed (4 steps) (2s)\n",
      false,
      "3 passed, 2 failed",
    ],
    "colours": [
      "\x1b[0m\x1b[32mok\x1b[0m | 1 passed | 0 failed \x1b[38;5;245m(0ms)\x1b[0m\n",
      true,
      "1 passed, 0 failed",
    ],
    "a summary in the output of a test": [
      "ok | 9 passed | 9 failed (1s)\nok | 1 passed | 0 failed (1s)\n",
      true,
      "1 passed, 0 failed",
    ],
    "a run that crashed": ["a ... ok (1ms)\n", false, "0 passed, 1 failed"],
    "a run that failed after its tests": [
      "ok | 1 passed | 0 failed (1s)\n",
      false,
      "1 passed, 1 failed",
    ],
  };
  for (const [name, [output, success, line]] of Object.entries(cases)) {
    await t.step(name, () => {
      assertEquals(renderCounts(readCounts(output, success)), line);
    });
  }
});
