/**
 * The parts of a release that need neither an engine nor an index.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { KrunnerError, UsageError } from "../lib/errors.ts";
import { addSection, renderSection } from "../lib/release/changelog.ts";
import { commandLine } from "../lib/release/commands.ts";
import { findCredentials } from "../lib/release/credentials.ts";
import { findDestination, simpleIndexOf } from "../lib/release/destination.ts";
import {
  normalizeName,
  PackageIndex,
  parseHtmlList,
  parseJsonList,
} from "../lib/release/index_api.ts";
import {
  hasBegun,
  newState,
  nextStep,
  readState,
  type ReleaseSettings,
  requireSame,
  writeState,
} from "../lib/release/state.ts";
import { lastTagged, tagPrefix } from "../lib/release/tags.ts";
import { failureWords } from "../lib/release/twine.ts";
import type { ReleaseHost } from "../lib/release/options.ts";
import { prepareRelease, type Release } from "../lib/release/prepare.ts";
import {
  formatReleased,
  parseReleased,
  type ReleasedVolume,
} from "../lib/released.ts";
import { parseReleaseArgs } from "../release.ts";
import { must } from "./engine_fixture.ts";
import { tempDir } from "./package_fixture.ts";
import { wheelFixture } from "./wheel_fixture.ts";

Deno.test("parseReleaseArgs() refuses what makes no sense", async (t) => {
  const cases: [string[], string][] = [
    [["a", "b"], 'Cannot release "a b" at once: name one family'],
    [["--wait", "0"], 'Cannot use "--wait=0": give a whole number from 1'],
    [["--arch", "arm64"], 'Cannot use "--arch=arm64": give one of x86_64, '],
    [
      ["--skip-publish", "--repository", "x"],
      'Cannot combine "--skip-publish" with "--repository": leave one out',
    ],
    [["--ress"], 'Unknown option "--ress"; did you mean "--yes"?'],
  ];
  for (const [args, message] of cases) {
    await t.step(args.join(" "), async () => {
      await assertRejects(() => parseReleaseArgs(args), UsageError, message);
    });
  }
  assertEquals(await parseReleaseArgs(["--help"]), "help");
});

Deno.test("parseReleaseArgs() keeps what is to be run again", async () => {
  const options = await parseReleaseArgs(["debian", "--resume", "--yes"]);
  assertEquals(typeof options === "object" && options.args, [
    "debian",
    "--yes",
  ]);
});

Deno.test("tagPrefix() follows the tags that are there", async (t) => {
  const cases: [boolean, string[], string][] = [
    [false, [], "demo/"],
    [false, ["1.0.0"], "demo/"],
    [true, [], ""],
    [true, ["v1.0.0", "nightly"], "v"],
    [true, ["v1.0.0", "1.1.0"], ""],
    [true, ["v1.9.0", "v1.10.0", "1.2.0"], "v"],
    [true, ["demo/1.0.0"], "demo/"],
  ];
  for (const [isAlone, tags, prefix] of cases) {
    await t.step(`${isAlone} ${tags}`, () => {
      assertEquals(tagPrefix("demo", isAlone, tags), prefix);
    });
  }
  const tags = ["demo/1.9.0", "demo/1.10.0rc1", "other/2.0.0", "demo/x"];
  assertEquals(lastTagged("demo/", tags), "1.10.0rc1");
  assertEquals(lastTagged("none/", tags), undefined);
});

const env = (values: Record<string, string>) => (name: string) => values[name];

Deno.test("findDestination() finds repositories as twine does", async () => {
  using home = tempDir({
    ".pypirc":
      "[distutils]\nindex-servers = inner\n\n[inner]\nrepository: https://pypi.example/up/legacy/\nusername = me\npassword = secret%x\n",
  });
  const HOME = home.path;
  const inner = await findDestination({ repository: "inner" }, env({ HOME }));
  assertEquals(
    [inner.url, inner.index, inner.options],
    [
      "https://pypi.example/up/legacy/",
      "https://pypi.example/up/simple/",
      ["--repository", "inner"],
    ],
  );
  assertEquals(await findCredentials(inner, env({}), false), ".pypirc");
  const usual = await findDestination({}, env({ HOME }));
  assertEquals([usual.name, usual.index], ["pypi", "https://pypi.org/simple/"]);
  const error = await assertRejects(
    () => findCredentials(usual, env({}), false),
    KrunnerError,
    'Cannot upload to "pypi": twine has no name for it, and no terminal to ask on; set TWINE_USERNAME and TWINE_PASSWORD',
  );
  assertEquals(error.message.includes("secret"), false);
  assertEquals(await findCredentials(usual, env({}), true), "terminal");
  const variables = { HOME, TWINE_REPOSITORY_URL: "https://other.example/" };
  const other = await findDestination({}, env(variables));
  assertEquals(other.index, "https://other.example/simple/");
  const named = await findDestination(
    { repository: "testpypi", indexUrl: "https://x.example/y" },
    env(variables),
  );
  assertEquals(
    [named.url, named.index],
    ["https://test.pypi.org/legacy/", "https://x.example/y/"],
  );
});

Deno.test("findDestination() refuses what is none", async (t) => {
  using home = tempDir({ ".pypirc": "[a]\nrepository = x\nsecret\n" });
  const HOME = home.path;
  const cases: [Parameters<typeof findDestination>[0], string, string][] = [
    [{ repository: "b" }, "/none", 'Cannot find the repository "b": '],
    [{ repositoryUrl: "ftp://x" }, "/none", 'Cannot use "ftp://x" as '],
    [
      { repositoryUrl: "https://me:secret@x.example/" },
      "/none",
      'Cannot use the URL of "x.example" as --repository-url: it holds a name or password',
    ],
    [{ repositoryUrl: "https://x/", repository: "a" }, "/none", "Cannot comb"],
    [{ repository: "a" }, HOME, 'line 3: it is neither a [section] nor "key'],
  ];
  for (const [options, home, message] of cases) {
    await t.step(JSON.stringify(options), async () => {
      const { message: said } = await assertRejects(
        () => findDestination(options, env({ HOME: home })),
        KrunnerError,
      );
      assertStringIncludes(said, message);
      assertEquals(said.includes("secret"), false);
    });
  }
});

Deno.test("simpleIndexOf() goes from uploads to lists", () => {
  assertEquals(
    [
      "https://upload.pypi.org/legacy/",
      "https://test.pypi.org/legacy/",
      "http://127.0.0.1:8080/",
      "https://nexus.example/repository/hosted/",
    ].map(simpleIndexOf),
    [
      "https://pypi.org/simple/",
      "https://test.pypi.org/simple/",
      "http://127.0.0.1:8080/simple/",
      "https://nexus.example/repository/hosted/simple/",
    ],
  );
});

Deno.test("lists of an index are read as JSON and as pages", () => {
  const base = "https://x.example/simple/demo/";
  const sha256 = "ab".repeat(32);
  assertEquals(normalizeName("Backend.AI-krunner__x"), "backend-ai-krunner-x");
  assertEquals(
    parseJsonList(
      JSON.stringify({
        files: [
          { filename: "a.whl", url: "/f/a.whl", hashes: { sha256 } },
          { filename: "b.whl", url: "b.whl", hashes: {} },
        ],
      }),
      base,
    ),
    [
      { name: "a.whl", url: "https://x.example/f/a.whl", sha256 },
      { name: "b.whl", url: `${base}b.whl`, sha256: null },
    ],
  );
  assertEquals(
    parseHtmlList(
      `<a class='x' href='../../f/a%2B1.whl?x=1&amp;y=2#sha256=${sha256.toUpperCase()}' data-x>a+1.whl</a>\n<A HREF="b.whl">b</A>`,
      base,
    ),
    [
      {
        name: "a+1.whl",
        url: "https://x.example/f/a%2B1.whl?x=1&y=2",
        sha256,
      },
      { name: "b.whl", url: `${base}b.whl`, sha256: null },
    ],
  );
});

Deno.test("an index that does not answer is told with the reason", async () => {
  // A port that nobody listens on any more.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const origin = `http://127.0.0.1:${port}`;
  const { signal } = new AbortController();
  const { message } = await assertRejects(
    () => new PackageIndex(`${origin}/simple/`, signal).list("demo"),
    KrunnerError,
  );
  assertMatch(
    message,
    /^Cannot read "http:.*\/simple\/demo\/": tcp connect error: Connection refused .*; see that the index answers, /,
  );
});

Deno.test("failureWords() joins what twine broke", () => {
  assertEquals(
    failureWords(
      "Uploading x\n\x1b[33mWARNING \x1b[0m Error during upload.  \n\x1b[31mERROR   \x1b[0m HTTPError: 400 Bad Request from http://x/   \n         File exists   \n",
      "",
    ),
    "HTTPError: 400 Bad Request from http://x/ File exists",
  );
  assertEquals(
    failureWords("Uploading x\n", "Traceback\nE: reset\n"),
    "E: reset",
  );
});

const SETTINGS: ReleaseSettings = {
  family: "demo",
  dir: "/x/demo",
  project: "backend.ai-krunner-demo",
  version: "0.1.0",
  tag: "demo/0.1.0",
  branch: "main",
  commit: "abc",
  arches: ["x86_64"],
  out: "/x/dist",
  repository: null,
};

Deno.test("the state of a release outlives it", async () => {
  using dir = tempDir();
  const path = `${dir.path}/new/state.json`;
  assertEquals(await readState(path), undefined);
  const state = newState(SETTINGS, "2026-11-25");
  assertEquals([nextStep(state), hasBegun(state)], ["build", false]);
  await writeState(path, { ...state, done: ["build"] });
  const begun = await readState(path);
  assertEquals(begun, { ...state, done: ["build"] });
  assert(begun !== undefined && hasBegun(begun));
  const { settings: _, ...incomplete } = state;
  for (const text of ["", "{", "null", JSON.stringify(incomplete)]) {
    await Deno.writeTextFile(path, text);
    await assertRejects(
      () => readState(path),
      KrunnerError,
      `Cannot read "${path}": it is not the state of a release; see what is up`,
    );
  }
});

Deno.test("requireSame() lets nothing change in between", () => {
  const state = newState(SETTINGS, "2026-11-25");
  requireSame(state, SETTINGS, "S", false);
  requireSame(state, { ...SETTINGS, commit: "def" }, "S", true);
  const { message } = assertThrows(
    () => requireSame(state, { ...SETTINGS, version: "0.2.0" }, "S", false),
    KrunnerError,
  );
  assertEquals(
    message,
    'Cannot go on with the release of backend.ai-krunner-demo 0.1.0: version was "0.1.0", and is "0.2.0" now; bring the old one back, or remove "S" to begin anew',
  );
});

const VOLUME: ReleasedVolume = {
  release: "0.1.0",
  volumeVersion: 3,
  python: "3.11",
  archive: { file: "a", sha256: "00", size: 1000, treeSha256: "11" },
  inputs: { files: {}, sources: {}, args: {} },
  packages: [],
};

Deno.test("renderSection() tells what changed, and what is not known", () => {
  const now: ReleasedVolume = {
    ...VOLUME,
    release: "0.2.0",
    volumeVersion: 4,
    python: "3.13",
    archive: { ...VOLUME.archive, size: 2000, treeSha256: "22" },
  };
  const rest = { arch: "x86_64", packages: [], diff: undefined };
  assertEquals(
    renderSection({ version: "0.2.0", date: "2026-11-25" }, [
      {
        ...rest,
        distroVersion: "a1",
        now,
        before: VOLUME,
        packages: [
          {
            name: "six",
            purl: "pkg:pypi/six",
            old: { version: "1.15", licence: "MIT" },
            new: { version: "1.16", licence: "MIT" },
          },
          {
            name: "attrs",
            purl: "pkg:pypi/attrs",
            new: { version: "23", licence: "MIT" },
          },
        ],
      },
      { ...rest, distroVersion: "b2", now: VOLUME, before: VOLUME },
    ]),
    `## 0.2.0 (2026-11-25)

### a1 (x86_64): volume version 4

- Volume version 3 → 4
- Python 3.11 → 3.13
- six 1.15 → 1.16
- Added: attrs 23 (MIT)
- Packed: 1.0 kB → 2.0 kB
- Files: not compared, for the archive of 0.1.0 was not at hand

### b2 (x86_64): volume version 3

- Nothing changed since 0.1.0
`,
  );
});

Deno.test("addSection() puts a section where changelogs have it", async (t) => {
  const section = "## 0.2.0 (x)\n\n- y\n";
  const cases: [string, string | undefined, string][] = [
    ["none", undefined, `# Changelog of p\n\n${section}`],
    ["empty", "# C\n", `# C\n\n${section}`],
    ["older", "# C\n\n## 0.1.0\n", `# C\n\n${section}\n## 0.1.0\n`],
    [
      "unreleased",
      "# C\n\n## Unreleased\n\n- z\n\n## 0.1.0\n",
      `# C\n\n## Unreleased\n\n${section}\n- z\n\n## 0.1.0\n`,
    ],
    ["there", "# C\n\n## [0.2.0] - x\n", "# C\n\n## [0.2.0] - x\n"],
    ["alike", "# C\n\n## 0.2.0rc1\n", `# C\n\n${section}\n## 0.2.0rc1\n`],
  ];
  for (const [name, text, expected] of cases) {
    await t.step(name, () => {
      assertEquals(addSection(text, "p", "0.2.0", section), expected);
    });
  }
});

Deno.test("parseReleased() refuses what no release wrote", async (t) => {
  const none = "it is not the record of a release, of schema 1; take it from";
  const cases: [string, string][] = [
    ["", "it is not JSON; take it from the last release's commit"],
    ["{", "it is not JSON; "],
    ["{}", none],
    ["null", none],
    ['{"schema":1,"version":"1","tag":"1","volumes":null}', none],
    ['{"schema":1,"version":"1","tag":"1","volumes":{"a":null}}', none],
    ['{"schema":1,"version":"1","tag":"1","volumes":{"a":{"x":{}}}}', none],
    ['{"schema":1,"version":"1","volumes":{}}', none],
    [
      '{"schema":2}',
      "a newer krunner wrote it (schema 2, and this one knows 1); use that one",
    ],
  ];
  for (const [text, state] of cases) {
    await t.step(text, () => {
      assertThrows(
        () => parseReleased(text, "F"),
        KrunnerError,
        `Cannot read "F": ${state}`,
      );
    });
  }
});

/** What a release of a package directory would be, without an upload. */
async function prepare(dir: string, ...args: string[]): Promise<Release> {
  const options = await parseReleaseArgs(
    ["--dir", dir, "--skip-publish", ...args],
  );
  assert(typeof options === "object");
  const host = { cwd: dir, root: dir, env: () => undefined };
  return await prepareRelease(options, host as unknown as ReleaseHost);
}

/** Makes a checkout of a folder. */
async function commitAll(cwd: string): Promise<void> {
  const git = (...args: string[]) => must(["git", ...args], { cwd });
  await git("init", "--quiet", "--initial-branch=main");
  await git("add", "--all");
  await git(
    ...["-c", "user.name=N", "-c", "user.email=n@localhost"],
    ...["commit", "--quiet", "-m", "begin"],
  );
}

Deno.test("prepareRelease() calls tags as the last release did where a clone has none", async () => {
  using fixture = await wheelFixture({
    "released.json": formatReleased({
      schema: 1,
      family: "debian",
      version: "1.3.0",
      tag: "v1.3.0",
      commit: "abc",
      date: "2026-11-25",
      repository: null,
      files: [],
      volumes: {},
    }),
  });
  await commitAll(fixture.path);
  const { settings, last } = await prepare(fixture.dir);
  assertEquals([settings.tag, last], ["v1.4.0rc3", "1.3.0"]);
});

Deno.test("prepareRelease() wants a commit", async () => {
  using fixture = await wheelFixture();
  await must(["git", "init", "--quiet"], { cwd: fixture.path });
  await assertRejects(
    () => prepare(fixture.dir),
    KrunnerError,
    "there is no commit yet; a release is made from one",
  );
});

Deno.test("prepareRelease() finds the real folder for wheels", async () => {
  using fixture = await wheelFixture();
  await commitAll(fixture.path);
  const top = await Deno.realPath(fixture.path);
  await Deno.symlink(top, `${top}/link`);
  for (const out of ["../dist", "./../dist/", "../link/dist"]) {
    const { settings } = await prepare(fixture.dir, "--out", out);
    assertEquals(settings.out, `${top}/dist`);
  }
});

Deno.test("commandLine() can be given to a shell", () => {
  assertEquals(commandLine(["a", "b c", "d'e", ""]), "a 'b c' 'd'\\''e' ''");
});
