/**
 * Rules that hold for the whole project.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import sources from "../sources.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);

async function run(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: ROOT,
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** All files but ignored ones, relative to the root. */
async function listFiles(): Promise<string[]> {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const names = (await run("git", ...args)).split("\0");
  return names.filter((name) => name !== "");
}

/** The modules of `lib/` and the scripts. */
async function listModules(): Promise<string[]> {
  return (await listFiles()).filter((file) => /^(lib\/)?[^/]+\.ts$/.test(file));
}

Deno.test("no file is large or names a package registry or mirror", async () => {
  // The clients' own configuration names those. None is spelt out here either.
  const registry =
    /\b(registry|deb|ftp\d*|security|archive|mirrors?|ports|snapshot)\.[\w-]+\.(com|net|org)\b/;
  for (const file of await listFiles()) {
    const bytes = await Deno.readFile(new URL(file, ROOT)).catch(() => null);
    if (bytes === null) continue; // Deleted, and not committed yet.
    assertLess(bytes.length, 1024 * 1024, `"${file}" is too large`);
    const name = registry.exec(new TextDecoder().decode(bytes))?.[0];
    assertEquals(name, undefined, `"${file}" names "${name}"`);
  }
});

Deno.test("modules do nothing when they are imported", async () => {
  const modules = await listModules();
  assert(modules.length > 0);
  // This also puts each module into the coverage, tested or not.
  for (const file of modules) await import(new URL(file, ROOT).href);
});

Deno.test("builds reach the sources' hosts and no others", () => {
  const hosts = sources.flatMap(({ origins }) =>
    origins.flatMap((origin) =>
      "url" in origin && origin.url !== undefined
        ? [new URL(origin.url).host]
        : []
    )
  );
  const { build, krunner } = config.permissions;
  assertEquals(new Set(build.net), new Set(hosts));
  assertEquals(new Set(krunner.net), new Set(hosts));
});

Deno.test("npm packages are pinned, and every @std package has a stand-in", async () => {
  for (const [name, target] of Object.entries(config.imports)) {
    if (name.startsWith("@std/")) {
      assert(config.links.includes(`./std/${name.slice(5)}`), name);
    } else {
      assert(/^npm:(@[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+(\/|$)/.test(target), name);
    }
  }
  for (const link of config.links) {
    const { default: standIn } = await import(`../${link}/deno.json`, {
      with: { type: "json" },
    });
    assertEquals(standIn.name, `@${link.slice(2)}`);
  }
});

Deno.test("the build's help needs no more than its permissions", async () => {
  const permitted = ["run", "-q", "-P=build", "--no-prompt", "build.ts"];
  const help = await run(Deno.execPath(), ...permitted, "--help");
  assert(help.includes("Usage:"), help);
});
