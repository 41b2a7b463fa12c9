/**
 * Makes single-file scripts: `dist/build.js`, …, `dist/krunner.js`. They carry all
 * modules and the dockerfiles, and run without network and caches:
 *
 *   deno task bundle
 *   deno run -A dist/build.js debian12
 *
 * @module
 */

import {
  answerCommon,
  COMMON_OPTIONS,
  type Help,
  parseOptions,
  runMain,
} from "../lib/cli.ts";
import { KrunnerError, UsageError } from "../lib/errors.ts";
import { makeFolder } from "../lib/make_folder.ts";
import { capture } from "../lib/process.ts";
import { SCRIPTS } from "../krunner.ts";
import { readEmbedded } from "./embed.ts";

const PROJECT = new URL("../", import.meta.url).pathname.replace(/\/$/, "");

/** What bundles are made from. */
const PARTS = ["deno.lock", "lib", "setup.sh", "sources.json", "std"];

const HELP: Help = {
  summary:
    "Makes single-file scripts in dist/, which carry all that they need.",
  usage: ["deno task bundle"],
  options: COMMON_OPTIONS,
  examples: { "deno run -A dist/krunner.js help": "Run one" },
  exitCodes: { "0": "Done", "1": "Failed", "2": "Wrong usage" },
};

/** The names of all bundles. */
export const BUNDLES: readonly string[] = [...Object.keys(SCRIPTS), "krunner"];

/**
 * Makes the bundles and puts them into the folder `out`.
 *
 * @returns Their paths.
 * @throws {KrunnerError} If one cannot be made.
 */
export async function bundle(
  out: string,
  names: readonly string[] = BUNDLES,
): Promise<string[]> {
  const work = await Deno.makeTempDir({ prefix: "krunner-bundle-" });
  try {
    await prepare(work, names);
    await runDeno(["install", "--quiet", "--frozen"], work);
    await addJsonStandIns(`${work}/node_modules/.deno`);
    const entries = names.map((name) => `entry/${name}.ts`);
    await runDeno(
      ["bundle", "--quiet", "--platform=deno", "--outdir=out", ...entries],
      work,
    );
    await makeFolder(out);
    for (const name of names) {
      // A copy, for it may be another file system.
      await Deno.copyFile(`${work}/out/${name}.js`, `${out}/${name}.js`);
    }
    return names.map((name) => `${out}/${name}.js`);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** A copy of the project, with a first module for each bundle. */
async function prepare(work: string, names: readonly string[]): Promise<void> {
  const scripts = BUNDLES.map((name) => `${name}.ts`);
  const { code, stderr } = await capture([
    "cp",
    "-R",
    ...[...PARTS, ...scripts].map((part) => `${PROJECT}/${part}`),
    work,
  ]);
  if (code !== 0) {
    throw new KrunnerError(`Cannot copy the project to "${work}": ${stderr}`);
  }
  const config = JSON.parse(await Deno.readTextFile(`${PROJECT}/deno.json`));
  await Deno.writeTextFile(
    `${work}/deno.json`,
    JSON.stringify({ ...config, nodeModulesDir: "auto" }),
  );
  await Deno.mkdir(`${work}/entry`);
  await Deno.writeTextFile(
    `${work}/entry/embedded.json`,
    JSON.stringify(await readEmbedded(PROJECT)),
  );
  for (const name of names) {
    await Deno.writeTextFile(`${work}/entry/${name}.ts`, firstModule(name));
  }
}

/** What a bundle does first: says what it carries, then runs the script. */
function firstModule(name: string): string {
  return `import { runMain } from "../lib/cli.ts";
import { embed, type EmbeddedData } from "../lib/embedded.ts";
import { setCalling } from "../lib/typed.ts";
import { main } from "../${name}.ts";
import data from "./embedded.json" with { type: "json" };

embed(data as EmbeddedData);
setCalling("bundle");
await runMain(main);
`;
}

/**
 * `deno bundle` does not look for `x.json` where a CommonJS module requires "./x" or
 * a package without "main", as Node.js does. So each of them gets an `x.js`.
 */
async function addJsonStandIns(packages: string): Promise<void> {
  const { stdout } = await capture([
    "find",
    packages,
    "-name",
    "*.json",
    "-type",
    "f",
    "!",
    "-name",
    "package.json",
  ]);
  for (const path of stdout.split("\n")) {
    if (path === "") continue;
    const [, stem = "", file = ""] = /^(.*?([^/]+))\.json$/.exec(path) ?? [];
    await Deno.writeTextFile(
      `${stem}.js`,
      `module.exports = require("./${file}.json");\n`,
      { createNew: true },
    ).catch((error) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    });
  }
}

async function runDeno(args: readonly string[], cwd: string): Promise<void> {
  const { code, stderr } = await capture([Deno.execPath(), ...args], {
    cwd,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  });
  if (code === 0) return;
  throw new KrunnerError(
    `Cannot make bundles: "deno ${args[0]}" says: ${stderr.trim()}`,
  );
}

async function main(args: readonly string[]): Promise<number> {
  const { operands, asked } = await parseOptions(args, COMMON_OPTIONS);
  if (asked !== undefined) return await answerCommon(asked, HELP, "bundle");
  if (operands.length > 0) {
    throw new UsageError(
      `Cannot use "${operands.join(" ")}": it takes no names`,
    );
  }
  for (const path of await bundle(`${PROJECT}/dist`)) console.log(path);
  return 0;
}

if (import.meta.main) await runMain(main);
