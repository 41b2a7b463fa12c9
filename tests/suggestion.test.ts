import { assertEquals } from "@std/assert";
import { nearestWord } from "../lib/suggestion.ts";

Deno.test("nearestWord() finds what somebody may have meant", async (t) => {
  const known = ["debian12", "ubuntu18.04", "ubuntu20.04", "static-gnu"];
  const cases: [string, string | undefined][] = [
    ["ubuntu18.4", "ubuntu18.04"],
    ["ubuntu1804", "ubuntu18.04"],
    ["ubuntu-20.04", "ubuntu20.04"],
    ["static_gnu", "static-gnu"],
    ["debain12", "debian12"],
    ["fedora40", undefined],
    ["", undefined],
  ];
  for (const [word, expected] of cases) {
    await t.step(JSON.stringify(word), () => {
      assertEquals(nearestWord(word, known), expected);
    });
  }
  assertEquals(nearestWord("debian12", []), undefined);
});
