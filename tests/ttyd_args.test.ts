import { assertEquals, assertRejects } from "@std/assert";
import type { CommonRequest } from "../lib/cli.ts";
import { UsageError } from "../lib/errors.ts";
import { type BuildCommand, type Command, parseTtydArgs } from "../ttyd.ts";

const BUILD: BuildCommand = {
  kind: "build",
  recipe: "classic",
  arches: ["x86_64", "aarch64"],
  dir: undefined,
  out: undefined,
  sources: undefined,
  versions: {},
  lock: undefined,
  tls: false,
  baseImage: undefined,
  imagePrefix: "lablup/backendai-krunner",
  noCache: false,
  verify: true,
  jobs: 2,
  engine: "docker",
  dryRun: false,
  json: false,
  verbosity: "normal",
};

const CHECK: Command = {
  kind: "check",
  binaries: ["ttyd.bin"],
  limit: 30,
  args: [],
  engine: "docker",
  json: false,
  quiet: false,
};

const CASES: [line: string, command: Command | CommonRequest][] = [
  ["", BUILD],
  ["--recipe modern", { ...BUILD, recipe: "modern" }],
  ["--arch aarch64", { ...BUILD, arches: ["aarch64"] }],
  ["--arch aarch64 --arch x86_64 --arch aarch64", {
    ...BUILD,
    arches: ["aarch64", "x86_64"],
  }],
  ["--dir d", { ...BUILD, dir: "d" }],
  ["--out o", { ...BUILD, out: "o" }],
  ["--sources s", { ...BUILD, sources: "s" }],
  ["--version ttyd=1.7.7 --version libwebsockets=4.3.3", {
    ...BUILD,
    versions: { ttyd: "1.7.7", libwebsockets: "4.3.3" },
  }],
  ["--lock l.json", { ...BUILD, lock: "l.json" }],
  ["--tls", { ...BUILD, tls: true }],
  ["--base-image debian:12", { ...BUILD, baseImage: "debian:12" }],
  ["--image-prefix me/k", { ...BUILD, imagePrefix: "me/k" }],
  ["--no-cache", { ...BUILD, noCache: true }],
  ["--no-verify", { ...BUILD, verify: false }],
  ["-j 1", { ...BUILD, jobs: 1 }],
  ["--engine podman", { ...BUILD, engine: "podman" }],
  ["-n --json", { ...BUILD, dryRun: true, json: true }],
  ["-q", { ...BUILD, verbosity: "quiet" }],
  ["-v", { ...BUILD, verbosity: "verbose" }],
  ["check ttyd.bin", CHECK],
  ["check a.bin b.bin", { ...CHECK, binaries: ["a.bin", "b.bin"] }],
  ["check --limit 12 --json -q ttyd.bin", {
    ...CHECK,
    limit: 12,
    json: true,
    quiet: true,
  }],
  ["check ttyd.bin -- -P 300 --json", {
    ...CHECK,
    args: ["-P", "300", "--json"],
  }],
  ["--version", "version"],
  ["--help", "help"],
  ["--help --limit 12", "help"],
];

function split(line: string): string[] {
  return line.split(" ").filter((word) => word !== "");
}

Deno.test("parseTtydArgs() reads every option", async (t) => {
  for (const [line, command] of CASES) {
    await t.step(`ttyd.ts ${line}`, async () => {
      assertEquals(await parseTtydArgs(split(line)), command);
    });
  }
});

const REFUSED: Record<string, string> = {
  "--recipe old": 'Cannot use "--recipe=old": give one of classic, modern',
  "--arch arm64": 'Cannot use "--arch=arm64": give one of x86_64, aarch64',
  "--dir a --out b": 'Cannot combine "--dir" with "--out"',
  "-q -v": 'Cannot combine "--quiet" with "--verbose"',
  "--version --json": 'Cannot read "--version": it needs a value',
  "--version ttyd": 'Cannot use "--version ttyd": write it as NAME=VERSION',
  "--version ttyd= --json": 'Cannot use "--version ttyd=": write it as',
  "--jobs 0": 'Cannot use "--jobs=0": give a whole number',
  "--limit 12": 'Cannot use "--limit" without "check": leave it out',
  "x.bin":
    'Cannot use "x.bin": building takes no names, only options; to look at a binary write "ttyd.ts check x.bin"',
  "chek x.bin":
    'Cannot use "chek": building takes no names, only options; did you mean "check"?',
  "-- -P 3": 'Cannot use "--": building takes no names',
  "check": 'No binary given: write "ttyd.ts check <binary>"',
  "check x --tls": 'Cannot use "--tls" with "check": leave it out',
  "check x --version ttyd=1": 'Cannot use "--version" with "check"',
  "check x --limit 0": 'Cannot use "--limit=0": give whole seconds',
  "check x --limit 1.5": 'Cannot use "--limit=1.5": give whole seconds',
  "--recipee modern": 'Unknown option "--recipee"; did you mean "--recipe"?',
};

Deno.test("parseTtydArgs() refuses what cannot be meant", async (t) => {
  for (const [line, message] of Object.entries(REFUSED)) {
    await t.step(`ttyd.ts ${line}`, async () => {
      await assertRejects(
        () => parseTtydArgs(split(line)),
        UsageError,
        message,
      );
    });
  }
});
