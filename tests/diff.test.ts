import { assertEquals } from "@std/assert";
import { unifiedDiff } from "../lib/diff.ts";

Deno.test("unifiedDiff() shows the lines that differ", async (t) => {
  const cases: [string, string, string, string][] = [
    ["no difference", "a\n", "a\n", ""],
    [
      "one line of many",
      "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
      "1\n2\n3\n4\nx\n6\n7\n8\n9\n",
      "--- d/f\n+++ d/f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n",
    ],
    [
      "CRLF and no line break at the end",
      "a\r\nb",
      "a\r\nc",
      "--- d/f\n+++ d/f\n@@ -1,2 +1,2 @@\n a\r\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n",
    ],
  ];
  for (const [name, before, after, expected] of cases) {
    await t.step(name, async () => {
      assertEquals(await unifiedDiff("d/f", before, after), expected);
    });
  }
});
