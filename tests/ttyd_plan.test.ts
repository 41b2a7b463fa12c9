import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { UsageError } from "../lib/errors.ts";
import { renderTtydPlan, ttydPlanToJson } from "../lib/ttyd/plan_text.ts";
import {
  planTtyd,
  type TtydPlan,
  type TtydPlanOptions,
} from "../lib/ttyd/plan.ts";
import { isAtLeast } from "../lib/ttyd/recipes.ts";
import { makeRecord, parseRecord } from "../lib/ttyd/record.ts";
import { type SourceRow, SOURCES } from "../lib/sources.ts";
import { must } from "./engine_fixture.ts";

const OPTIONS: TtydPlanOptions = {
  recipe: "classic",
  arch: "x86_64",
  tls: false,
  versions: {},
  rows: SOURCES,
  imagePrefix: "p",
  toolchain: { "toolchain.sh": "true" },
};

const SCRIPT = new URL("../ttyd.ts", import.meta.url).pathname;

/** Version and SHA-256 of each step, from the table of the custom build. */
const CLASSIC = [
  [
    "zlib",
    "1.2.11",
    "c3e5e9fdd5004dcb542feda5ee4f0ff0744628baf8ed2dd5d66f8ca1197cb1a1",
  ],
  [
    "json-c",
    "0.14",
    "b377de08c9b23ca3b37d9a9828107dff1de5ce208ff4ebb35005a794f30c6870",
  ],
  [
    "openssl",
    "1.0.2u",
    "ecd0c6ffb493dd06707d38b14bb4d8c2288bb7033735606569d8f90f89669d16",
  ],
  [
    "libuv",
    "1.38.0",
    "71344f62c5020ed3643ad0bcba98ae4d7d6037285923c5416844d7c141a3ff93",
  ],
  [
    "libwebsockets",
    "3.2.3",
    "efc2240834abbff8972d075f90495ec3d87b91f1573334c250847306d3360f4e",
  ],
  [
    "ttyd",
    "1.6.1",
    "d72dcca3dec00cda87b80a0a25ae4fee2f8b9098c1cdb558508dcb14fbb6fafc",
  ],
];

/** Upstream's own set of the same generation as `modern`. */
const UPSTREAM = [
  [
    "zlib",
    "1.3.1",
    "9a93b2b7dfdac77ceba5a558a580e74667dd6fede4585b91eefb60f03b72df23",
  ],
  [
    "json-c",
    "0.17",
    "7550914d58fb63b2c3546f3ccfbe11f1c094147bd31a69dcd23714d7956159e6",
  ],
  [
    "mbedtls",
    "2.28.5",
    "849e86b626e42ded6bf67197b64aa771daa54e2a7e2868dc67e1e4711959e5e3",
  ],
  [
    "libuv",
    "1.44.2",
    "ccfcdc968c55673c6526d8270a9c8655a806ea92468afcbcabc2b16040f03cb4",
  ],
  [
    "libwebsockets",
    "4.3.3",
    "6fd33527b410a37ebc91bb64ca51bdabab12b076bc99d153d7c5dd405e4bdf90",
  ],
  [
    "ttyd",
    "1.7.7",
    "039dd995229377caee919898b7bd54484accec3bba49c118e2d5cd6ec51e3650",
  ],
];

function contentsOf({ steps }: TtydPlan) {
  return steps.map(({ name, row }) => [name, row.version, row.sha256]);
}

Deno.test("planTtyd() takes the versions of the recipe, and TLS where it is wanted", async (t) => {
  await t.step("classic", async () => {
    const plan = await planTtyd(OPTIONS);
    assertEquals(
      contentsOf(plan),
      CLASSIC.filter(([name]) => name !== "openssl"),
    );
  });
  await t.step("classic with TLS", async () => {
    const plan = await planTtyd({ ...OPTIONS, tls: true });
    assertEquals(contentsOf(plan), CLASSIC);
    const [websockets] = plan.steps.slice(-2);
    assertEquals(websockets?.flags.includes("-DLWS_WITH_SSL=ON"), true);
  });
  await t.step(
    "modern, with upstream's versions in place of Debian's",
    async () => {
      const versions = Object.fromEntries(
        UPSTREAM.map(([name, version]) => [name!, version!]),
      );
      const plan = await planTtyd({
        ...OPTIONS,
        recipe: "modern",
        tls: true,
        versions,
      });
      assertEquals(contentsOf(plan), UPSTREAM);
    },
  );
  await t.step("modern comes from Debian's archive alone", async () => {
    const { steps } = await planTtyd({
      ...OPTIONS,
      recipe: "modern",
      tls: true,
    });
    for (const { row } of steps) {
      assertEquals(
        row.origins.some((origin) => "debianSource" in origin),
        true,
        row.file,
      );
    }
  });
});

Deno.test("planTtyd() takes a row of the user's own before the project's", async () => {
  const mine: SourceRow = {
    name: "zlib",
    version: "1.2.11",
    file: "mine.tar",
    sha256: "0".repeat(64),
    licence: "Zlib",
    origins: [],
  };
  const plan = await planTtyd({ ...OPTIONS, rows: [mine, ...SOURCES] });
  assertEquals(plan.steps[0]?.row, mine);
});

Deno.test("planTtyd() states its edits, by version", async (t) => {
  const editsOf = async (options: Partial<TtydPlanOptions>) => {
    const { steps } = await planTtyd({ ...OPTIONS, ...options });
    return steps.flatMap(({ edits }) =>
      edits.map(({ file, sed }) => `${file}: ${sed}`)
    );
  };
  await t.step("libwebsockets 3.2", async () => {
    assertEquals(await editsOf({}), [
      "cmake/LibwebsocketsConfig.cmake.in: s/ websockets_shared//",
    ]);
  });
  await t.step("libwebsockets 4.3", async () => {
    assertEquals(await editsOf({ recipe: "modern", tls: true }), [
      "cmake/libwebsockets-config.cmake.in: s/ websockets_shared//",
    ]);
  });
  await t.step("libwebsockets 4.3 with OpenSSL", async () => {
    const versions = { ttyd: "1.7.7", libwebsockets: "4.3.3" };
    assertEquals(await editsOf({ versions, tls: true }), [
      "cmake/libwebsockets-config.cmake.in: s/ websockets_shared//",
      "lib/tls/CMakeLists.txt: s/ OR PC_OPENSSL_FOUND//; /PC_OPENSSL/d",
    ]);
  });
});

const REFUSED: Record<string, [Partial<TtydPlanOptions>, string]> = {
  "a source that there is not": [
    { versions: { curl: "8" } },
    'Cannot use "--version curl=8": the recipe "classic" has no such source; it has zlib, json-c, libuv, libwebsockets, ttyd',
  ],
  "a source whose name is not quite right": [
    { versions: { libwebsocket: "4.3.3" } },
    'Cannot use "--version libwebsocket=4.3.3": the recipe "classic" has no such source; did you mean "libwebsockets"?',
  ],
  "TLS of the other recipe": [
    { versions: { mbedtls: "2.28.5" }, tls: true },
    'Cannot use "--version mbedtls=2.28.5": the recipe "classic" has no such source; it has zlib, json-c, openssl,',
  ],
  "TLS without TLS": [
    { versions: { openssl: "1.0.2u" } },
    'Cannot use "--version openssl=1.0.2u": the recipe "classic" has no such source without "--tls"',
  ],
  "a version without a row": [
    { versions: { ttyd: "1.7.4" } },
    'Cannot use "--version ttyd=1.7.4": no row of sources has it; known are 1.6.1, 1.7.7, 1.7.7+debian; bring a row of your own with "--lock"',
  ],
  "versions whose pings do not come": [
    { versions: { libwebsockets: "4.3.3" } },
    "Cannot build ttyd 1.6.1 with libwebsockets 4.3.3: its pings need libwebsockets 3.2, or ttyd 1.7.0 and later",
  ],
  "a name that no image can have": [
    { imagePrefix: "My Images" },
    'Cannot use "--image-prefix=My Images": no image can be called so',
  ],
};

Deno.test("planTtyd() refuses what cannot be built", async (t) => {
  for (const [name, [options, message]] of Object.entries(REFUSED)) {
    await t.step(name, async () => {
      await assertRejects(
        () => planTtyd({ ...OPTIONS, ...options }),
        UsageError,
        message,
      );
    });
  }
});

Deno.test("planTtyd() tells of terminals that are read-only", async () => {
  assertEquals((await planTtyd(OPTIONS)).notices, []);
  const plan = await planTtyd({ ...OPTIONS, recipe: "modern" });
  assertEquals(plan.notices, [
    'Nobody can type into a terminal of ttyd 1.7.7 unless it is started with "-W"',
  ]);
  assertMatch(renderTtydPlan(plan, ["a"]), /notice: Nobody can type/);
});

Deno.test("planTtyd() names the toolchain by what it is made from", async () => {
  const imageOf = async (options: Partial<TtydPlanOptions>) =>
    (await planTtyd({ ...OPTIONS, ...options })).toolchain.image;
  const image = await imageOf({});
  assertMatch(image, /^p-ttyd-toolchain:[0-9a-f]{12}$/);
  assertEquals(await imageOf({ arch: "aarch64", recipe: "modern" }), image);
  for (
    const options of [
      { baseImage: "debian:13" },
      { toolchain: { "toolchain.sh": "false" } },
    ]
  ) assertEquals(await imageOf(options) === image, false);
});

Deno.test("isAtLeast() compares numbers, and not whose tarball it is", () => {
  assertEquals(isAtLeast("4.10.0", "4.9.1"), true);
  assertEquals(isAtLeast("4.1.0", "4.1.0"), true);
  assertEquals(isAtLeast("3.2.3", "4.0.0"), false);
  assertEquals(isAtLeast("1.3.1+debian", "1.3.1"), true);
});

Deno.test("ttyd.ts --dry-run shows the exact steps, versions and hashes", async () => {
  const text = await must([
    Deno.execPath(),
    "run",
    "-A",
    SCRIPT,
    "--dry-run",
    "--arch=aarch64",
    "--tls",
    "--out=/srv/out",
  ]);
  const lines = text.split("\n");
  assertEquals(lines[0], "ttyd for aarch64, recipe classic");
  assertEquals(
    lines.filter((line) => /^ {2}step| {4}source/.test(line)),
    CLASSIC.flatMap(([name, version, sha256]) => [
      `  step ${name} ${version}: lablup/backendai-krunner-ttyd:classic-aarch64-${name}`,
      `    source: ${
        SOURCES.find((row) => row.name === name && row.version === version)
          ?.file
      }, SHA-256 ${sha256}`,
    ]),
  );
  assertEquals(
    lines.filter((line) => line.includes(" edit: ")),
    [
      "    edit: cmake/LibwebsocketsConfig.cmake.in: s/ websockets_shared// (nothing links to the shared library, for it is not built)",
    ],
  );
  assertEquals(lines.slice(-4), [
    "  outputs in /srv/out:",
    "    ttyd_linux.aarch64.bin",
    "    ttyd_linux.aarch64.json",
    "    licenses/ttyd/",
  ]);
});

Deno.test("a plan is shown for people and for machines", async () => {
  const plan = await planTtyd(OPTIONS);
  assertMatch(renderTtydPlan(plan, ["a", "b"]), /outputs in b:/);
  assertEquals(ttydPlanToJson(plan, ["a"]).status, "planned");
  const origins = [{ url: "https://me:secret@localhost/x.tgz" }];
  const steps = plan.steps.map((step) => ({
    ...step,
    row: { ...step.row, origins },
  }));
  for (
    const text of [
      renderTtydPlan({ ...plan, steps }, []),
      JSON.stringify(ttydPlanToJson({ ...plan, steps }, [])),
    ]
  ) {
    assert(!text.includes("secret"), text);
    assertMatch(text, /localhost\/x\.tgz/);
  }
});

Deno.test("makeRecord() says what a binary is made of", async () => {
  const plan = await planTtyd(OPTIONS);
  const record = makeRecord(
    plan,
    {
      binary: new Uint8Array(3),
      licences: {},
      toolchain: { "musl-dev:amd64": "1.2.3-1", "musl-dev:arm64": "9-1" },
    },
    "f".repeat(64),
    {
      limit: 30,
      answering: { pings: [5.01, 10.02], silence: 5, end: 10, closed: false },
      mute: { pings: [5], silence: 5, end: 10.04, closed: true },
    },
  );
  assertEquals(record.binary, {
    file: "ttyd_linux.x86_64.bin",
    sha256: "f".repeat(64),
    size: 3,
  });
  assertEquals(
    record.packages.map(({ name, version }) => `${name} ${version}`),
    [
      "ttyd 1.6.1",
      "libwebsockets 3.2.3",
      "libuv 1.38.0",
      "json-c 0.14",
      "zlib 1.2.11",
      "musl 1.2.3",
    ],
  );
  assertEquals(record.packages[1]?.licenceFiles, [
    "licenses/ttyd/libwebsockets-3.2.3.txt",
    "licenses/ttyd/NOTICE.txt",
  ]);
  assertEquals(record.packages[4]?.source, {
    file: "zlib-1.2.11.tar.gz",
    sha256: CLASSIC[0]?.[2]!,
  });
  assertEquals(record.proof, { limit: 30, pings: [5, 10], dropped: 10 });
  assertEquals(parseRecord(JSON.stringify(record), "f"), record);
  // As people write it by hand.
  assertEquals(parseRecord('{"packages":[]}', "f"), undefined);
});
