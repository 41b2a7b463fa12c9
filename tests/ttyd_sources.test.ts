import { assertEquals, assertStringIncludes } from "@std/assert";
import { cacheEnvironment, run } from "./engine_fixture.ts";
import { tempDir } from "./package_fixture.ts";

const SCRIPT = new URL("../ttyd.ts", import.meta.url).pathname;

Deno.test("ttyd.ts takes sources from --sources, else from KRUNNER_SOURCES", async (t) => {
  using dir = tempDir();
  // Sources come before all that an engine is asked for, but for old containers.
  await Deno.writeTextFile(`${dir.path}/docker`, "#!/bin/sh\n", {
    mode: 0o755,
  });
  const folders = { variable: `${dir.path}/v`, option: `${dir.path}/o` };
  const cases: [args: string[], folder: string][] = [
    [[], folders.variable],
    [[`--sources=${folders.option}`], folders.option],
  ];
  for (const [args, folder] of cases) {
    await t.step(
      args.length === 0 ? "the variable" : "the option",
      async () => {
        const { code, stderr } = await run([
          Deno.execPath(),
          "run",
          "-q",
          "-P=ttyd",
          "--no-prompt",
          SCRIPT,
          "--arch=x86_64",
          `--out=${dir.path}/out`,
          ...args,
        ], {
          env: {
            ...cacheEnvironment(dir.path),
            PATH: `${dir.path}:${Deno.env.get("PATH")}`,
            KRUNNER_SOURCES: folders.variable,
          },
        });
        assertStringIncludes(
          stderr,
          `Cannot find source "zlib-1.2.11.tar.gz" in "${folder}"`,
        );
        assertEquals(code, 1);
      },
    );
  }
});
