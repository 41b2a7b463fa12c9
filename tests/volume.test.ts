/** The command line of `volume.ts`. */

import { assertEquals, assertRejects } from "@std/assert";
import { UsageError } from "../lib/errors.ts";
import { renderLoad, renderVolumes } from "../lib/volume_list.ts";
import { parseVolumeArgs } from "../volume.ts";

Deno.test("parseVolumeArgs() understands all commands", async () => {
  const defaults = {
    names: [],
    all: false,
    dir: undefined,
    arch: undefined,
    replace: false,
    image: undefined,
    command: [],
    extractor: undefined,
    engine: "docker" as const,
    dryRun: false,
    json: false,
    quiet: false,
  };
  assertEquals(await parseVolumeArgs(["--help"]), "help");
  assertEquals(await parseVolumeArgs(["--version"]), "version");
  assertEquals(
    await parseVolumeArgs(["load", "debian12", "-n", "--replace", "-q"]),
    {
      ...defaults,
      kind: "load",
      names: ["debian12"],
      replace: true,
      dryRun: true,
      quiet: true,
    },
  );
  assertEquals(await parseVolumeArgs(["list", "--json", "--engine=podman"]), {
    ...defaults,
    kind: "list",
    json: true,
    engine: "podman",
  });
  assertEquals(
    await parseVolumeArgs(["remove", "debian12", "--arch=aarch64"]),
    { ...defaults, kind: "remove", names: ["debian12"], arch: "aarch64" },
  );
  assertEquals(
    await parseVolumeArgs(["shell", "debian12", "--image=x", "--", "a", "-b"]),
    {
      ...defaults,
      kind: "shell",
      names: ["debian12"],
      image: "x",
      command: ["a", "-b"],
    },
  );
});

Deno.test("parseVolumeArgs() refuses what does not fit", async (t) => {
  const cases: Record<string, string> = {
    "": "No command given: give one of load, list, remove, shell; see --help",
    "lod x": 'Unknown command "lod"; did you mean "load"?',
    "load x --image y":
      'Cannot use "--image" with "load": it belongs to "shell"',
    "remove x --json":
      'Cannot use "--json" with "remove": it belongs to "load" and "list"',
    "list x": 'Cannot use "x": "list" takes no names',
    "list -- x": 'Cannot use "-- x" with "list": only "shell" runs a command',
    "shell": 'No distro version given: "shell" needs one',
    "shell x y":
      'Cannot use "y": "shell" takes one distro version; put a command behind "--"',
    "remove":
      'No volume given: name distro versions or volumes; see "volume.ts list"',
    "load x --arch arm64":
      'Cannot use "--arch=arm64": give one of x86_64, aarch64',
    "load x --engine crio":
      'Cannot use "--engine=crio": give one of docker, podman, nerdctl',
    "load x --replce": 'Unknown option "--replce"; did you mean "--replace"?',
  };
  for (const [args, message] of Object.entries(cases)) {
    await t.step(args || "nothing", async () => {
      const error = await assertRejects(
        () => parseVolumeArgs(args.split(" ").filter((word) => word !== "")),
        UsageError,
      );
      assertEquals(error.message, message);
    });
  }
});

Deno.test("renderVolumes() shows what matters about each volume", () => {
  assertEquals(renderVolumes([]), "");
  const volume = { version: 3, arch: "x86_64", distroVersion: "demo1" };
  const content = { size: 56_600_000, entries: 9, complete: true } as const;
  assertEquals(
    renderVolumes([
      { ...volume, name: "a", users: ["x", "y"] },
      {
        ...volume,
        name: "b",
        users: [],
        content: { ...content, archive: "same" },
      },
      {
        ...volume,
        name: "c",
        users: [],
        content: { ...content, archive: "other" },
      },
      {
        ...volume,
        name: "d",
        users: [],
        content: { ...content, archive: "same", complete: false },
      },
    ]),
    `
DISTRO VERSION  VERSION  ARCH    SIZE     USED BY  CONTENT                 NAME
demo1           3        x86_64  -        x, y     unknown                 a
demo1           3        x86_64  56.6 MB  -        same as the archive     b
demo1           3        x86_64  56.6 MB  -        OTHER THAN THE ARCHIVE  c
demo1           3        x86_64  56.6 MB  -        INCOMPLETE              d`
      .trim(),
  );
});

Deno.test("renderLoad() says what was done, or would be", () => {
  const result = {
    name: "v",
    action: "replaced",
    size: 1e6,
    entries: 2,
  } as const;
  assertEquals(renderLoad(result, false), "v: replaced (2 entries, 1.0 MB)");
  assertEquals(
    renderLoad(result, true),
    "v: would be replaced (2 entries, 1.0 MB)",
  );
  assertEquals(
    renderLoad({ ...result, action: "unchanged" }, true),
    "v: is there already, with the same content (2 entries, 1.0 MB)",
  );
});
