/**
 * The checks in containers on a real engine. Most volumes here have a shell
 * script for a Python, which says what the probe would: that shows how each
 * answer, and each way not to answer, is judged. The probe itself runs on an
 * archive of the Debian family, where there is one.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Engine } from "../lib/engine.ts";
import { CancelledError, KrunnerError } from "../lib/errors.ts";
import {
  type ExtractionOptions,
  openExtraction,
} from "../lib/verify/containers.ts";
import type { CheckReport } from "../lib/verify/finding.ts";
import { baseImages } from "../lib/verify/images.ts";
import { printable } from "../lib/verify/probe.ts";
import { readVolume } from "../lib/verify/read.ts";
import { eventually, Laboratory, must } from "./engine_fixture.ts";
import { BARE, HOSTILE, IMPORTS, PYTHON } from "./probe_fixture.ts";
import { tarOf, type TestEntry } from "./tar_builder.ts";
import { pack } from "./volume_fixture.ts";

let laboratory: Laboratory;
Deno.test.beforeAll(async () => {
  laboratory = await Laboratory.open();
});
Deno.test.afterAll(async () => {
  await laboratory[Symbol.asyncDispose]();
});

function volume(
  { python = PYTHON, bare = BARE, hostile = HOSTILE, more = [] }: {
    python?: string;
    bare?: unknown;
    hostile?: unknown;
    more?: TestEntry[];
  } = {},
): TestEntry[] {
  return [
    { name: "./" },
    { name: "./bare", content: JSON.stringify(bare) },
    { name: "./bin/" },
    ...python === ""
      ? []
      : [{ name: "./bin/python", mode: 0o755, content: python }],
    { name: "./hostile", content: JSON.stringify(hostile) },
    ...more,
  ];
}

function options(more: Partial<ExtractionOptions> = {}): ExtractionOptions {
  return {
    cache: `${laboratory.root}/cache`,
    pid: Deno.pid,
    bases: [laboratory.base],
    images: [],
    ...more,
  };
}

/** Judges a volume; nothing of it is left behind. */
async function judge(
  entries: readonly TestEntry[],
  more: Partial<ExtractionOptions> = {},
): Promise<CheckReport[]> {
  const file = `${laboratory.root}/${crypto.randomUUID()}.tar.xz`;
  await Deno.writeFile(file, await pack(tarOf(entries)));
  try {
    return await judgeFile(file, more);
  } finally {
    await Deno.remove(file);
  }
}

async function judgeFile(
  file: string,
  more: Partial<ExtractionOptions> = {},
): Promise<CheckReport[]> {
  let reports: CheckReport[];
  {
    await using extraction = await openExtraction(
      new Engine("docker"),
      options(more),
    );
    const tree = await readVolume(file, { sink: extraction.sink });
    reports = await extraction.finish(tree);
  }
  await assertNothingLeft();
  return reports;
}

async function assertNothingLeft(): Promise<void> {
  const runs = Deno.readDir(`${laboratory.root}/cache/runs`);
  assertEquals(await Array.fromAsync(runs), []);
  // Lock files go last, so what they stand for is gone.
}

/** What each check found, or why it did not look. */
function summarize(reports: readonly CheckReport[]): Record<string, string[]> {
  return Object.fromEntries(
    reports.map(({ check, findings, skipped }) => [
      check,
      [
        ...findings.map(({ what }) => what),
        ...skipped === undefined ? [] : [`skipped: ${skipped}`],
      ],
    ]),
  );
}

const NOTHING = {
  "extractor": [],
  "bare image": [],
  "hostile environment": [],
};

Deno.test("openExtraction() finds nothing wrong with a good volume, and tells facts", async () => {
  const reports = await judge(volume());
  assertEquals(summarize(reports), NOTHING);
  const image = laboratory.base;
  assertEquals(
    reports.map(({ subject, facts }) => [subject, facts]),
    [
      [undefined, { entries: 5 }],
      [image, {
        "Python": "3.11.2",
        "modules": 286,
        "packages": 17,
        "left out": "tkinter",
        "start-up": "200 ms",
      }],
      [image, { "libraries": 31, "other Pythons": "/usr/bin/python3.11" }],
    ],
  );
});

Deno.test("openExtraction() finds what BusyBox makes of an archive", async () => {
  const reports = await judge(
    volume({ more: [{ name: "./lib/../x" }, { name: "./z" }] }),
  );
  assertEquals(
    reports[0]?.findings.map(({ what, where }) => [where, what]),
    [
      ["./lib/../x", "it is missing"],
      ["./x", "the archive has no such entry"],
    ],
  );
  assertEquals(summarize(reports.slice(1)), {
    "bare image": [],
    "hostile environment": [],
  });
});

Deno.test("openExtraction() judges what works in a bare image", async (t) => {
  const withoutPath =
    '#!/bin/sh\n[ -n "$LD_LIBRARY_PATH" ] || { echo "x" >&2; echo "ImportError: libssl.so.3" >&2; exit 1; }\n';
  const cases: [string, Parameters<typeof volume>[0], string[]][] = [
    [
      "a module that fails in both ways is told once",
      {
        bare: {
          ...BARE,
          imports: {
            without: { ...IMPORTS, failed: { ssl: "ImportError: libssl" } },
            with: {
              ...IMPORTS,
              failed: { ssl: "ImportError: libssl", zmq: "\x1b[31mred" },
            },
          },
        },
      },
      [
        '"ssl" cannot be imported with LD_LIBRARY_PATH not set: ImportError: libssl',
        '"zmq" cannot be imported with the agent\'s LD_LIBRARY_PATH:  [31mred',
      ],
    ],
    [
      "a module that crashes",
      {
        bare: {
          ...BARE,
          imports: {
            without: IMPORTS,
            with: { error: "it was ended by signal 11 at zmq" },
          },
        },
      },
      [
        "importing everything with the agent's LD_LIBRARY_PATH fails: it was ended by signal 11 at zmq",
      ],
    ],
    [
      "modules that are compiled at each start",
      {
        bare: {
          ...BARE,
          imports: {
            without: IMPORTS,
            with: {
              ...IMPORTS,
              compiled: Object.fromEntries(
                Array.from(
                  { length: 12 },
                  (_, i) => [`lib/${i}.py`, "it has no .pyc file"],
                ),
              ),
            },
          },
        },
      },
      [
        ...Array.from(
          { length: 10 },
          (_, i) =>
            `"lib/${i}.py" is compiled at each start: it has no .pyc file`,
        ),
        "2 more modules are compiled at each start",
      ],
    ],
    [
      "what is tried beside imports",
      {
        bare: {
          ...BARE,
          checks: {
            tls: { error: "SSLError: a" },
            sqlite3: { error: "OperationalError: b" },
            zmq: { error: "ModuleNotFoundError: c" },
            uvloop: { error: "d" },
          },
          ttyd: { error: "No such file or directory" },
        },
      },
      [
        "a TLS handshake fails: SSLError: a",
        "SQLite cannot use a file: OperationalError: b",
        "ZeroMQ passes no message: ModuleNotFoundError: c",
        "uvloop does not run: d",
        "bin/ttyd does not run: No such file or directory",
      ],
    ],
    [
      "a Python that needs LD_LIBRARY_PATH",
      { python: withoutPath + PYTHON },
      [
        "its Python does not start where LD_LIBRARY_PATH is not set: ImportError: libssl.so.3",
      ],
    ],
    [
      "an answer that was not asked for",
      { bare: { python: "3.11.2" } },
      ["its Python gives answers that the probe did not ask for"],
    ],
  ];
  for (const [name, parts, expected] of cases) {
    await t.step(name, async () => {
      const { "bare image": found } = summarize(await judge(volume(parts)));
      assertEquals(found, expected);
    });
  }
});

Deno.test("openExtraction() says why a Python does not start", async (t) => {
  const cases: [string, string, RegExp][] = [
    ["none", "", /no such file or directory/i],
    [
      "not for this machine",
      "\x7fELF\x02 and nothing else",
      /exec format error/i,
    ],
    ["with a loader that is missing", "#!/bin/none\n", /no such file/i],
    ["that fails", "#!/bin/sh\nexit 3\n", /it ended with exit code 3/],
    [
      "that says why",
      "#!/bin/sh\necho 'Fatal Python error: no codec' >&2\necho >&2\necho '<no frame>' >&2; exit 1\n",
      /: Fatal Python error: no codec$/,
    ],
    [
      "that says something else",
      "#!/bin/sh\necho hello\n",
      /what it printed is not the probe's answer/,
    ],
    [
      "that never stops talking",
      "#!/bin/sh\nwhile :; do cat /bin/busybox; done\n",
      /its Python does not start/,
    ],
  ];
  for (const [name, python, expected] of cases) {
    await t.step(name, async () => {
      const found = summarize(await judge(volume({ python })));
      const whats = found["bare image"] ?? [];
      assertEquals(whats.length, 2, whats.join("\n"));
      for (const what of whats) assert(expected.test(what), what);
      assert(
        /^skipped: the volume's Python does not start in /
          .test(found["hostile environment"]?.[0] ?? ""),
      );
    });
  }
});

Deno.test("openExtraction() judges a hostile environment", async (t) => {
  const cases: [string, unknown, string[]][] = [
    [
      "variables that get in",
      {
        ...HOSTILE,
        cases: {
          ...HOSTILE.cases,
          PYTHONHOME: ["it does not start: no codec"],
          PYTHONPATH: ["it imports ssl from /tmp/ssl.py", "it looks in /tmp"],
        },
      },
      [
        "PYTHONHOME gets in: it does not start: no codec",
        "PYTHONPATH gets in: it imports ssl from /tmp/ssl.py; it looks in /tmp",
      ],
    ],
    [
      "libraries that get in",
      {
        ...HOSTILE,
        libraries: { tried: 2, loaded: ["libssl.so.3", "libz.so.1"] },
      },
      [
        "it loads libssl.so.3, libz.so.1 from a user's LD_LIBRARY_PATH",
      ],
    ],
    [
      "another Python that changes",
      {
        ...HOSTILE,
        others: [{
          python: "/usr/bin/python3.11",
          version: "3.11",
          problems: ["it loads /opt/backend.ai/lib/libpython3.11.so.1.0"],
        }],
      },
      [
        'LD_LIBRARY_PATH=/opt/backend.ai/lib changes "/usr/bin/python3.11": it loads /opt/backend.ai/lib/libpython3.11.so.1.0',
      ],
    ],
    [
      "no other Python of the same version",
      {
        ...HOSTILE,
        others: [{ python: "/usr/bin/python3", version: "3.9", problems: [] }],
      },
      [
        'skipped: the image has no Python 3.11 of its own to be disturbed; name one that has with "--image"',
      ],
    ],
    [
      "a Python that gives no report",
      { ...HOSTILE, error: "it was ended by signal 6" },
      [
        `skipped: the volume's Python does not start in "BASE": it was ended by signal 6`,
      ],
    ],
  ];
  for (const [name, hostile, expected] of cases) {
    await t.step(name, async () => {
      const found = summarize(await judge(volume({ hostile })));
      assertEquals(
        found["hostile environment"],
        expected.map((text) => text.replace("BASE", laboratory.base)),
      );
    });
  }
});

Deno.test("openExtraction() judges the terminal of a volume that has one", async (t) => {
  const handshake = "HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n";
  const cases: [name: string, relay: string, expected: string[]][] = [
    [
      "a ttyd that ends at once",
      'echo "ttyd: it ends at once: no such option" >&2; exit 1',
      ["it ends at once: no such option"],
    ],
    [
      "a terminal that ends before any ping",
      `printf "${handshake}"`,
      ["pings: the connection ended after 0.0 s"],
    ],
    [
      "a Python that does not run the relay",
      'echo "ModuleNotFoundError: socket" >&2; exit 1',
      ["skipped: ModuleNotFoundError: socket"],
    ],
  ];
  for (const [name, relay, expected] of cases) {
    await t.step(name, async () => {
      const reports = await judge(volume({
        python: `#!/bin/sh\ncase $4 in */ttyd) ${relay};; esac\n${PYTHON}`,
        more: [{ name: "./bin/ttyd", mode: 0o755, content: "" }],
      }));
      const { ttyd, ...others } = summarize(reports);
      assertEquals(
        ttyd?.map((words) => words.replace(/\d\.\d s/, "0.0 s")),
        expected,
      );
      assertEquals(others, NOTHING);
    });
  }
});

Deno.test("openExtraction() tries further images, and says which are missing", async () => {
  const missing = "krunner-test-none:1";
  const reports = await judge(volume(), {
    bases: [missing],
    images: [laboratory.base, missing],
  });
  const [extractor, bare, hostile, ...others] = reports;
  assertEquals(extractor?.findings, []);
  for (const report of [bare, hostile]) {
    assert(report?.skipped?.startsWith("there is no base image"));
  }
  assertEquals(
    others.map(({ check, subject, findings }) => [
      check,
      subject,
      findings.length,
    ]),
    [
      ["bare image", laboratory.base, 0],
      ["hostile environment", laboratory.base, 0],
      ["bare image", missing, 1],
    ],
  );
});

Deno.test("openExtraction() skips all where the archive breaks off", async () => {
  const file = `${laboratory.root}/broken.tar.xz`;
  const bytes = await pack(tarOf(volume()));
  await Deno.writeFile(file, bytes.subarray(0, -30));
  const skipped = ["skipped: the archive cannot be read to its end"];
  assertEquals(summarize(await judgeFile(file)), {
    "extractor": skipped,
    "bare image": skipped,
    "hostile environment": skipped,
  });
});

Deno.test("openExtraction() takes the user's extractor, or says that there is none", async () => {
  assertEquals(
    summarize(await judge(volume(), { extractor: await busyboxImage() })),
    NOTHING,
  );
  await assertRejects(
    () => judge(volume(), { extractor: "krunner-test-none:1" }),
    KrunnerError,
    'Cannot get the extractor image "krunner-test-none:1"',
  );
});

/** The name of the extractor that is made here. */
async function busyboxImage(): Promise<string> {
  const names = await must([
    "docker",
    "images",
    "--filter=reference=krunner-extractor",
    "--format={{.Repository}}:{{.Tag}}",
  ]);
  return names.split("\n")[0] ?? "";
}

Deno.test("openExtraction() leaves nothing behind when it is cancelled", async () => {
  const sleep = "#!/bin/sh\nsleep 60\n";
  const file = `${laboratory.root}/slow.tar.xz`;
  await Deno.writeFile(file, await pack(tarOf(volume({ python: sleep }))));
  const controller = new AbortController();
  const engine = new Engine("docker", controller.signal);
  const start = performance.now();
  await assertRejects(async () => {
    await using extraction = await openExtraction(engine, options());
    const tree = await readVolume(file, { sink: extraction.sink });
    const reports = extraction.finish(tree);
    await eventually(
      "Python runs",
      async () =>
        (await must([
          "docker",
          "ps",
          "-q",
          `--filter=ancestor=${laboratory.base}`,
        ])) !== "",
    );
    controller.abort();
    await reports;
  }, CancelledError);
  assert(performance.now() - start < 15_000);
  await assertNothingLeft();
});

Deno.test("baseImages() puts what was built with first", () => {
  assertEquals(baseImages("debian12", {}), ["krunner-base:debian12"]);
  assertEquals(
    baseImages("debian12", {
      built: "krunner-base:debian12",
      known: "debian:12-slim",
    }),
    ["krunner-base:debian12", "debian:12-slim"],
  );
  assertEquals(baseImages("a1", { built: "x", known: "x" }), [
    "x",
    "krunner-base:a1",
  ]);
});

Deno.test("printable() makes any text safe and short", () => {
  assertEquals(printable(" a\x1b[2J\r\nb\x9b1m "), "a [2J b 1m");
  assertEquals(printable("x".repeat(400)), `${"x".repeat(299)}…`);
});
