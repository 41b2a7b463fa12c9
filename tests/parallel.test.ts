import { assertEquals, assertRejects } from "@std/assert";
import { allEnded, inParallel } from "../lib/parallel.ts";
import { pause } from "../lib/pause.ts";

Deno.test("allEnded() gives all results in the order of the list", async () => {
  assertEquals(
    await allEnded([pause(5).then(() => "late"), Promise.resolve(1)]),
    ["late", 1],
  );
});

Deno.test("allEnded() fails when nothing is under way any more", async () => {
  let ended = false;
  const slow = pause(20).then(() => {
    ended = true;
  });
  await assertRejects(
    () => allEnded([slow, Promise.reject(new Error("broken"))]),
    Error,
    "broken",
  );
  assertEquals(ended, true);
});

Deno.test("inParallel() maps in order, and no more at once than it may", async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel([30, 10, 20, 0], 2, async (delay) => {
    most = Math.max(most, ++running);
    await pause(delay);
    running--;
    return delay;
  });
  assertEquals(results, [30, 10, 20, 0]);
  assertEquals(most, 2);
});

Deno.test("inParallel() begins nothing after a failure", async () => {
  const begun: number[] = [];
  let ended = 0;
  await assertRejects(
    () =>
      inParallel([0, 1, 2, 3], 2, async (item) => {
        begun.push(item);
        if (item === 0) throw new Error("broken");
        await pause(20);
        ended++;
      }),
    Error,
    "broken",
  );
  assertEquals([begun, ended], [[0, 1], 1]);
});
