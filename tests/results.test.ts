import { assertEquals, assertRejects } from "@std/assert";
import { CancelledError } from "../lib/errors.ts";
import { doEach } from "../lib/results.ts";
import { type Outcome, run } from "./engine_fixture.ts";

const MODULES = new URL("../lib/", import.meta.url).href;

/** Runs code with lib/results.ts in a process whose output can be seen. */
async function runWith(body: string): Promise<Outcome> {
  const program = `
    import { KrunnerError } from "${MODULES}errors.ts";
    import { doEach, showResults } from "${MODULES}results.ts";
    Deno.exitCode = await ${body};`;
  const argv = [Deno.execPath(), "eval", "-q", program];
  return await run(argv, { env: { NO_COLOR: "1" } });
}

Deno.test("doEach() goes on after a failure, and tells of it", async () => {
  const { code, stdout, stderr } = await runWith(
    `doEach(["a", "b", "c"], async (name) => {
      if (name === "b") throw new KrunnerError("Cannot do b");
      console.log(name);
    })`,
  );
  assertEquals([code, stdout, stderr], [1, "a\nc\n", "error: Cannot do b\n"]);
});

Deno.test("doEach() ends where the run is cancelled", async () => {
  const done: string[] = [];
  await assertRejects(
    () =>
      doEach(["a", "b"], (name) => {
        done.push(name);
        return Promise.reject(new CancelledError("Cancelled"));
      }),
    CancelledError,
  );
  assertEquals(done, ["a"]);
});

Deno.test("showResults() prints failures always, and results as they are wanted", async (t) => {
  const failure = "error: Cannot do b\n  Log: b.log\n  | last\n";
  const cases: [string, "built" | "failed", string, Outcome][] = [
    ["all is well", "built", '{ json: false, verbosity: "normal" }', {
      code: 0,
      stdout: "a built\nb built\n",
      stderr: "",
    }],
    ["a failure", "failed", '{ json: false, verbosity: "normal" }', {
      code: 1,
      stdout: "a built\nb failed\n",
      stderr: failure,
    }],
    ["quiet", "failed", '{ json: false, verbosity: "quiet" }', {
      code: 1,
      stdout: "",
      stderr: failure,
    }],
    ["JSON", "failed", '{ json: true, verbosity: "quiet" }', {
      code: 1,
      stdout: '{"name":"a"}\n{"name":"b"}\n',
      stderr: failure,
    }],
  ];
  for (const [name, status, options, expected] of cases) {
    await t.step(name, async () => {
      const outcome = await runWith(`showResults(
        async ({ onResult }) => {
          const b = { name: "b", status: "${status}" };
          const results = [{ name: "a", status: "built" }, {
            ...b, message: "Cannot do b", log: "b.log", lastLines: ["last"],
          }];
          results.forEach(onResult);
          return results;
        },
        {
          render: ({ name, status }) => name + " " + status,
          toJson: ({ name }) => ({ name }),
        },
        ${options},
        "dumb",
      )`);
      assertEquals(outcome, expected);
    });
  }
});
