import { assertEquals } from "@std/assert";
import { asTyped, type Calling, messageAsTyped } from "../lib/typed.ts";

Deno.test("asTyped() names scripts as they are called", async (t) => {
  const cases: [string, Record<Calling, string>][] = [
    ["build.ts [options] <name>...", {
      script: "build.ts [options] <name>...",
      bundle: "build.js [options] <name>...",
      krunner: "krunner build [options] <name>...",
    }],
    ["deno run -A bump.ts show", {
      script: "deno run -A bump.ts show",
      bundle: "deno run -A bump.js show",
      krunner: "krunner bump show",
    }],
    ["Keep a volume; see verify.ts", {
      script: "Keep a volume; see verify.ts",
      bundle: "Keep a volume; see verify.js",
      krunner: "Keep a volume; see krunner verify",
    }],
  ];
  for (const [text, expected] of cases) {
    for (const [way, typed] of Object.entries(expected)) {
      await t.step(`${way}: ${text}`, () => {
        assertEquals(asTyped(text, way as Calling), typed);
      });
    }
  }
});

Deno.test("messageAsTyped() changes commands, and no names of files", async (t) => {
  const cases: [string, string][] = [
    ['run "bump.ts volume x"', 'run "krunner bump volume x"'],
    ['see "volume.ts list"; or not', 'see "krunner volume list"; or not'],
    ['Cannot read "build.ts": it is', 'Cannot read "build.ts": it is'],
    ['Cannot read "/x/build.ts y"', 'Cannot read "/x/build.ts y"'],
    ['or run "sh setup.sh" as root', 'or run "krunner setup" as root'],
  ];
  for (const [message, expected] of cases) {
    await t.step(message, () => {
      assertEquals(messageAsTyped(message, "krunner"), expected);
      assertEquals(messageAsTyped(message, "script"), message);
    });
  }
});
