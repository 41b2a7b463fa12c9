import { assertEquals } from "@std/assert";
import { Terminal } from "./shell_fixture.ts";
import { tempDir } from "./package_fixture.ts";

const LIB = new URL("../lib/", import.meta.url).href;

/** Says what the answer was by its exit code: 10 for yes, 20 for no. */
const SCRIPT = `
import { askYesNo } from "${LIB}question.ts";
import { runWithSignals } from "${LIB}signals.ts";
Deno.exitCode = await runWithSignals(async (signal) =>
  await askYesNo("Really?", signal) ? 10 : 20
);
`;

Deno.test("askYesNo() takes an answer, or a signal before there is one", async (t) => {
  using dir = tempDir({ "ask.ts": SCRIPT });
  const command = `'${Deno.execPath()}' run -q -A '${dir.path}/ask.ts'`;
  const cases: [keys: string, code: number][] = [
    ["y\r", 10],
    ["YES\r", 10],
    ["\r", 20],
    ["yesterday\r", 20],
    // Ctrl-D, Ctrl-C.
    ["\x04", 20],
    ["\x03", 130],
  ];
  for (const [keys, code] of cases) {
    await t.step(JSON.stringify(keys), async () => {
      const terminal = new Terminal(command, dir.path, { NO_COLOR: "1" });
      await terminal.saw(/Really\? \[y\/N\] /);
      await terminal.send(keys);
      assertEquals(await terminal.end(), code);
    });
  }
});
