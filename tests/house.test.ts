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

/** Where hosts send downloads on to: Deno wants a permission for each of them. */
const REDIRECTS: Readonly<Record<string, readonly string[]>> = {
  "github.com": [
    "codeload.github.com", // archives of a tag or commit
    "objects.githubusercontent.com", // files of a release, until 2025
    "release-assets.githubusercontent.com", // and since then
  ],
};

/** The hosts of all sources, and those that they send downloads on to. */
const SOURCE_HOSTS = sources.flatMap(({ origins }) =>
  origins.flatMap((origin) => {
    if (!("url" in origin) || origin.url === undefined) return [];
    const { host } = new URL(origin.url);
    return [host, ...REDIRECTS[host] ?? []];
  })
);

Deno.test("tasks that download reach the sources' hosts and no others", () => {
  const { build, sources: collect } = config.permissions;
  for (const { net } of [build, collect]) {
    assertEquals(new Set(net), new Set(SOURCE_HOSTS));
  }
});

Deno.test("the task ttyd reaches the same hosts, and its own containers", () => {
  assertEquals(
    new Set(config.permissions.ttyd.net),
    new Set([...SOURCE_HOSTS, "127.0.0.1"]),
  );
});

Deno.test("npm packages are pinned, and every @std package has a stand-in", async () => {
  for (const [name, target] of Object.entries(config.imports)) {
    if (name.startsWith("@std/")) {
      assert(config.links.includes(`./std/${name.slice(5)}`), name);
    } else {
      assert(
        /^npm:(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(\/|$)/.test(target),
        name,
      );
    }
  }
  for (const link of config.links) {
    const { default: standIn } = await import(`../${link}/deno.json`, {
      with: { type: "json" },
    });
    assertEquals(standIn.name, `@${link.slice(2)}`);
  }
});

for (const name of ["build", "ttyd"]) {
  Deno.test(`the help of ${name}.ts needs no more than its permissions`, async () => {
    const permitted = ["run", "-q", `-P=${name}`, "--no-prompt", `${name}.ts`];
    const help = await run(Deno.execPath(), ...permitted, "--help");
    assert(help.includes("Usage:"), help);
  });
}
