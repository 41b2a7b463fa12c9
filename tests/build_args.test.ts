import { assertEquals, assertRejects } from "@std/assert";
import { type BuildOptions, parseBuildArgs } from "../build.ts";
import { UsageError } from "../lib/errors.ts";

const DEFAULTS: BuildOptions = {
  names: [],
  all: false,
  dir: undefined,
  arch: Deno.build.arch,
  base: "auto",
  baseImage: undefined,
  mirror: undefined,
  keyring: undefined,
  sources: undefined,
  wheelhouse: undefined,
  buildArgs: {},
  imagePrefix: undefined,
  network: undefined,
  noCache: false,
  verify: true,
  force: false,
  jobs: 2,
  engine: "docker",
  dryRun: false,
  json: false,
  verbosity: "normal",
};

const CASES: [string, Partial<BuildOptions>][] = [
  ["", {}],
  ["debian12 ubuntu18.04", { names: ["debian12", "ubuntu18.04"] }],
  ["12 7.0", { names: ["12", "7.0"] }],
  ["--all", { all: true }],
  ["--dir d", { dir: "d" }],
  ["--arch aarch64", { arch: "aarch64" }],
  ["--arch=x86_64", { arch: "x86_64" }],
  ["--base bootstrap", { base: "bootstrap" }],
  ["--base registry", { base: "registry" }],
  ["--base-image debian:12", { baseImage: "debian:12" }],
  ["--mirror http://m/d", { mirror: "http://m/d" }],
  ["--keyring k.gpg", { keyring: "k.gpg" }],
  ["--sources s", { sources: "s" }],
  ["--wheelhouse w", { wheelhouse: "w" }],
  ["--build-arg A=1 --build-arg B=x=y --build-arg C= --build-arg A=2", {
    buildArgs: { A: "2", B: "x=y", C: "" },
  }],
  ["--image-prefix me/k", { imagePrefix: "me/k" }],
  ["--network none", { network: "none" }],
  ["--network=host", { network: "host" }],
  ["--no-cache", { noCache: true }],
  ["--no-verify", { verify: false }],
  ["--force", { force: true }],
  ["-f", { force: true }],
  ["--jobs 8", { jobs: 8 }],
  ["-j 9999", { jobs: 9999 }],
  ["--engine podman", { engine: "podman" }],
  ["--engine nerdctl", { engine: "nerdctl" }],
  ["--dry-run", { dryRun: true }],
  ["-nq debian12", { dryRun: true, verbosity: "quiet", names: ["debian12"] }],
  ["--json", { json: true }],
  ["--quiet", { verbosity: "quiet" }],
  ["-v", { verbosity: "verbose" }],
];

function split(line: string): string[] {
  return line.split(" ").filter((word) => word !== "");
}

Deno.test("parseBuildArgs() reads every option", async (t) => {
  for (const [line, expected] of CASES) {
    await t.step(line, async () => {
      assertEquals(await parseBuildArgs(split(line)), {
        ...DEFAULTS,
        ...expected,
      });
    });
  }
});

Deno.test("parseBuildArgs() asks for help or the version", async () => {
  assertEquals(await parseBuildArgs(["--help"]), "help");
  assertEquals(await parseBuildArgs(["-h", "--jobs", "x"]), "help");
  assertEquals(await parseBuildArgs(["debian12", "--version"]), "version");
});

const FAULTS: [string, string][] = [
  [
    "--arch amd64",
    'Cannot use "--arch=amd64": give one of x86_64, aarch64',
  ],
  [
    "--base local",
    'Cannot use "--base=local": give one of auto, registry, bootstrap',
  ],
  [
    "--engine buildah",
    'Cannot use "--engine=buildah": give one of docker, podman, nerdctl',
  ],
  [
    "--network bridge",
    'Cannot use "--network=bridge": give one of default, host, none',
  ],
  ...["0", "-1", "1.5", "two", "10000"].map((jobs): [string, string] => [
    `--jobs=${jobs}`,
    `Cannot use "--jobs=${jobs}": give a whole number from 1 to 9999`,
  ]),
  ...["A", "=1", "1A=1", "A-B=1", "A B=1"].map((pair): [string, string] => [
    `--build-arg=${pair.replace(" ", "\t")}`,
    `Cannot use "--build-arg ${
      pair.replace(" ", "\t")
    }": write it as NAME=VALUE`,
  ]),
  [
    "--quiet --verbose",
    'Cannot combine "--quiet" with "--verbose": leave one out',
  ],
  ["--dir=", 'Cannot read "--dir": it needs a value; write "--dir=DIR"'],
  ["--forse", 'Unknown option "--forse"; did you mean "--force"?'],
  ["--json=yes", 'Cannot read "--json": it takes no value'],
];

Deno.test("parseBuildArgs() says what it cannot use", async (t) => {
  for (const [line, message] of FAULTS) {
    await t.step(line, async () => {
      const error = await assertRejects(
        () => parseBuildArgs(split(line)),
        UsageError,
      );
      assertEquals([error.message, error.exitCode], [message, 2]);
    });
  }
});
