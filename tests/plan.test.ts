import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { KrunnerError, UsageError } from "../lib/errors.ts";
import { changedInputs, type Inputs, sha256 } from "../lib/inputs.ts";
import { openPackageDir } from "../lib/package_dir.ts";
import { type BuildPlan, makePlan } from "../lib/plan.ts";
import { DEFAULT_IMAGE_PREFIX } from "../lib/plan/image_names.ts";
import type { PlanOptions } from "../lib/plan/options.ts";
import type { SourceRow } from "../lib/sources.ts";
import { packageFixture, tempDir } from "./package_fixture.ts";

const ROW: SourceRow = {
  name: "cpython",
  version: "3.11.2",
  file: "Python-3.11.2.tgz",
  sha256: "24".repeat(32),
  size: 1,
  licence: "Python-2.0.1",
  origins: [{ url: "https://localhost/Python-3.11.2.tgz" }],
};

const OPTIONS: PlanOptions = {
  arch: "x86_64",
  base: "auto",
  buildArgs: {},
  imagePrefix: DEFAULT_IMAGE_PREFIX,
  rows: [ROW],
};

const ENV = `ARG BASE_IMAGE
ARG IMAGE_PREFIX
ARG DISTRO_VERSION
FROM \${IMAGE_PREFIX}-wheels:\${DISTRO_VERSION} AS wheels
FROM \${IMAGE_PREFIX}-python:\${DISTRO_VERSION} AS volume
ARG ARCH
ARG KEEP=""
COPY --from=wheels /wheels /wheels
COPY requirements.txt ttyd_linux.\${ARCH}.bi[n] recipe /x/
FROM \${BASE_IMAGE}
COPY --from=volume /opt/backend.ai /opt/backend.ai
LABEL ai.backend.krunner.version=3
`;

/** A family with all stages, sources, shared dockerfiles and data. */
const FAMILY = {
  "krunner-env.debian12.dockerfile": ENV,
  "krunner-python.debian.dockerfile":
    "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nARG PYTHON_VERSION\nCOPY sources/Python-${PYTHON_VERSION}.t* /x/\n",
  "krunner-wheels.debian.dockerfile":
    "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY requirements.txt /x/\n",
  "requirements.txt": "six\n",
  "versions.txt": "debian12\n",
  "recipe/make.sh": "true\n",
  "unused.txt": "",
  "krunner.json": JSON.stringify({
    debian12: {
      base: "debian:12-slim",
      bootstrap: { suite: "bookworm" },
      args: { PYTHON_VERSION: "3.11.2" },
    },
  }),
};

/** The plan of a family on disk that differs from {@linkcode FAMILY}. */
async function planOf(
  changes: Record<string, string> = {},
  options: Partial<PlanOptions> = {},
): Promise<BuildPlan> {
  using fixture = await packageFixture({ ...FAMILY, ...changes });
  return await makePlan(fixture.target, { ...OPTIONS, ...options });
}

Deno.test("makePlan() plans all stages of a family", async () => {
  const plan = await planOf();
  const image = (stage: string) => `lablup/backendai-krunner-${stage}:debian12`;
  const file = (path: string) => ({ kind: "package" as const, path });
  assertEquals(plan, {
    target: plan.target,
    arch: "x86_64",
    volumeVersion: 3,
    base: {
      reference: "debian:12-slim",
      policy: "auto",
      bootstrapped: "krunner-base:debian12",
      bootstrap: { suite: "bookworm" },
    },
    images: [],
    stages: [
      {
        stage: "wheels",
        image: image("wheels"),
        from: ["debian:12-slim"],
        dockerfile: "krunner-wheels.debian.dockerfile",
        buildArgs: { BASE_IMAGE: "debian:12-slim" },
        context: [
          file("krunner-wheels.debian.dockerfile"),
          file("requirements.txt"),
        ],
      },
      {
        stage: "python",
        image: image("python"),
        from: ["debian:12-slim"],
        dockerfile: "krunner-python.debian.dockerfile",
        buildArgs: { BASE_IMAGE: "debian:12-slim", PYTHON_VERSION: "3.11.2" },
        context: [
          file("krunner-python.debian.dockerfile"),
          {
            kind: "source",
            path: "sources/Python-3.11.2.tgz",
            row: ROW,
          },
        ],
      },
      {
        stage: "env",
        image: image("env"),
        from: [image("wheels"), image("python"), "debian:12-slim"],
        dockerfile: "krunner-env.debian12.dockerfile",
        buildArgs: {
          ARCH: "x86_64",
          BASE_IMAGE: "debian:12-slim",
          DISTRO_VERSION: "debian12",
          IMAGE_PREFIX: "lablup/backendai-krunner",
        },
        context: [
          file("krunner-env.debian12.dockerfile"),
          file("recipe/make.sh"),
          file("requirements.txt"),
        ],
      },
    ],
    sources: [ROW],
    outputs: {
      archive: "krunner-env.debian12.x86_64.tar.xz",
      manifest: "krunner-env.debian12.x86_64.json",
      spdx: "krunner-env.debian12.x86_64.spdx.json",
      python: "krunner-python.debian12.txt",
      version: "krunner-version.debian12.txt",
    },
    inputs: {
      files: {
        "krunner-env.debian12.dockerfile": await sha256(
          ENV.replace("version=3", "version=*"),
        ),
        "krunner-python.debian.dockerfile": await sha256(
          FAMILY["krunner-python.debian.dockerfile"],
        ),
        "krunner-wheels.debian.dockerfile": await sha256(
          FAMILY["krunner-wheels.debian.dockerfile"],
        ),
        "recipe/make.sh": await sha256("true\n"),
        "requirements.txt": await sha256("six\n"),
      },
      sources: { "Python-3.11.2.tgz": ROW.sha256 },
      args: { PYTHON_VERSION: "3.11.2" },
      base: "debian:12-slim",
    },
    notices: [
      `The volume "debian12" will have no bin/ttyd: there is no "${plan.target.pkg.dir}/ttyd_linux.x86_64.bin", or no dockerfile copies it`,
    ],
  });
});

Deno.test("makePlan() plans upstream's dockerfiles as they are", async () => {
  using fixture = await packageFixture({
    "krunner-env.ubuntu16.04.dockerfile":
      "FROM lablup/backendai-krunner-python:ubuntu16.04\nARG PREFIX=/opt/backend.ai\nCOPY requirements.txt /root/\nCOPY ttyd_linux.x86_64.bin ${PREFIX}/bin/ttyd\nLABEL ai.backend.krunner.version=2\n",
    "krunner-python.ubuntu16.04.dockerfile":
      "ARG ARCH\nFROM --platform=linux/${ARCH} ubuntu:16.04\n",
    "krunner-wheels.ubuntu16.04.dockerfile": "FROM ubuntu:16.04\n",
    "requirements.txt": "",
    "versions.txt": "ubuntu16.04\nubuntu18.04\n",
    "ttyd_linux.x86_64.bin": "",
  }, "ubuntu16.04");
  const plan = await makePlan(fixture.target, OPTIONS);
  assertEquals(plan.volumeVersion, 2);
  assertEquals(plan.base, undefined);
  assertEquals(plan.images, [{
    reference: "ubuntu:16.04",
    dockerfile: "krunner-python.ubuntu16.04.dockerfile",
  }]);
  assertEquals(plan.madeOn, "ubuntu:16.04");
  assertEquals(plan.notices, []);
  assertEquals(
    plan.stages.map(({ stage, buildArgs, context }) => [
      stage,
      buildArgs,
      context.map(({ path }) => path),
    ]),
    // Nobody asks for the wheels stage.
    [
      ["python", { ARCH: "x86_64" }, ["krunner-python.ubuntu16.04.dockerfile"]],
      ["env", {}, [
        "krunner-env.ubuntu16.04.dockerfile",
        "requirements.txt",
        "ttyd_linux.x86_64.bin",
      ]],
    ],
  );
});

Deno.test("makePlan() refuses pointers of Git LFS", async () => {
  const pointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
  const error = await assertRejects(
    () => planOf({ "ttyd_linux.x86_64.bin": pointer }),
    KrunnerError,
  );
  assertEquals(
    error.message.replace(/"[^"]*\//, '"'),
    'Cannot build with "ttyd_linux.x86_64.bin": it is a pointer of Git LFS and not the file itself; fetch that with "git lfs pull"',
  );
});

Deno.test("makePlan() tells what an agent would miss", async (t) => {
  for (
    const [list, expected] of [
      ["debian12\n", 1],
      ["debian13\n", 2],
    ] as const
  ) {
    await t.step(JSON.stringify(list), async () => {
      const { notices } = await planOf({ "versions.txt": list });
      assertEquals(notices.length, expected, notices.join("\n"));
    });
  }
});

Deno.test("makePlan() tells of build arguments that no dockerfile declares", async () => {
  const plan = await planOf({
    "krunner-standalone.debian.dockerfile": "FROM scratch\nARG STANDALONE\n",
    "krunner.json": JSON.stringify({
      debian12: {
        base: "debian:12-slim",
        args: {
          PYTHON_VERSION: "3.11.2",
          PYTHN_VERSION: "3.11.2",
          STANDALONE: "for a stage that is not built this time",
        },
      },
    }),
  });
  assertEquals(plan.notices.slice(1), [
    `"${plan.target.pkg.dir}/krunner.json" gives "debian12" a build argument "PYTHN_VERSION", which none of its dockerfiles declares; correct its spelling, or remove it`,
  ]);
  assertEquals(plan.inputs.args, { PYTHON_VERSION: "3.11.2" });
});

Deno.test("makePlan() lets a source be left out, and no version be mistaken", async () => {
  const files = {
    "krunner-python.debian.dockerfile":
      'ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nARG LIBRARY=""\nCOPY requirements.txt sources/library-${LIBRARY}.t[gz] /x/\n',
  };
  assertEquals((await planOf(files)).sources, []);
  const error = await assertRejects(
    () => planOf(files, { buildArgs: { LIBRARY: "9" } }),
    KrunnerError,
  );
  assertMatch(
    error.message,
    /, line 4: no row of sources\.json has the file "library-9\.t\[gz\]"; add one,/,
  );
});

Deno.test("makePlan() passes options on to the stages that declare them", async () => {
  const plan = await planOf({}, {
    arch: "aarch64",
    baseImage: "localhost:5000/my/base:1",
    imagePrefix: "localhost:5000/me/krunner",
    buildArgs: { KEEP: "tk idle", PYTHON_VERSION: "3.11.2" },
  });
  assertEquals(plan.base, {
    reference: "localhost:5000/my/base:1",
    // An image that the user names is never replaced by another one.
    policy: "registry",
    bootstrapped: "krunner-base:debian12",
    bootstrap: { suite: "bookworm" },
  });
  assertEquals(plan.stages.map(({ image }) => image), [
    "localhost:5000/me/krunner-wheels:debian12",
    "localhost:5000/me/krunner-python:debian12",
    "localhost:5000/me/krunner-env:debian12",
  ]);
  assertEquals(plan.stages.map(({ buildArgs }) => buildArgs), [
    { BASE_IMAGE: "localhost:5000/my/base:1" },
    { BASE_IMAGE: "localhost:5000/my/base:1", PYTHON_VERSION: "3.11.2" },
    {
      ARCH: "aarch64",
      BASE_IMAGE: "localhost:5000/my/base:1",
      DISTRO_VERSION: "debian12",
      IMAGE_PREFIX: "localhost:5000/me/krunner",
      KEEP: "tk idle",
    },
  ]);
  assertEquals(plan.inputs.args, { KEEP: "tk idle", PYTHON_VERSION: "3.11.2" });
  assertEquals(plan.inputs.base, "localhost:5000/my/base:1");
  assertEquals(plan.outputs.archive, "krunner-env.debian12.aarch64.tar.xz");
});

Deno.test("makePlan() takes the base policy for the family's own image", async () => {
  for (const base of ["auto", "registry", "bootstrap"] as const) {
    assertEquals((await planOf({}, { base })).base?.policy, base);
  }
});

Deno.test("makePlan() puts a wheelhouse in the wheels stage's place", async () => {
  const long = `setproctitle-1.3.3-cp311-cp311-${"manylinux_".repeat(8)}.whl`;
  using wheels = tempDir({ "six-1.whl": "six", [long]: "", "README": "" });
  const changes = { "krunner-wheels.debian.dockerfile": "no dockerfile" };
  const { stages, inputs } = await planOf(changes, {
    wheelhouse: wheels.path,
  });
  assertEquals(stages.map(({ stage }) => stage), ["wheels", "python", "env"]);
  assertEquals(stages[0], {
    stage: "wheels",
    image: "lablup/backendai-krunner-wheels:debian12",
    from: [],
    dockerfile: "krunner-wheels.wheelhouse.dockerfile",
    buildArgs: {},
    context: [
      { kind: "wheel", path: "long/0.whl", name: long },
      { kind: "wheel", path: "six-1.whl", name: "six-1.whl" },
    ],
    wheelhouse: wheels.path,
  });
  assertEquals(inputs.wheelhouse, {
    [long]: await sha256(""),
    "six-1.whl": await sha256("six"),
  });
  assertEquals("krunner-wheels.debian.dockerfile" in inputs.files, false);
});

/** One change to the package directory or the options, and what it changes. */
const CHANGES: [
  string,
  Record<string, string>,
  Partial<PlanOptions>,
  string[],
][] = [
  ["nothing", {}, {}, []],
  [
    "the volume version",
    {
      "krunner-env.debian12.dockerfile": ENV.replace("=3", "=10"),
    },
    {},
    [],
  ],
  [
    "the env dockerfile",
    {
      "krunner-env.debian12.dockerfile": `${ENV}# x`,
    },
    {},
    ["krunner-env.debian12.dockerfile"],
  ],
  [
    "another stage's dockerfile",
    {
      "krunner-wheels.debian.dockerfile": `${
        FAMILY["krunner-wheels.debian.dockerfile"]
      }\n`,
    },
    {},
    ["krunner-wheels.debian.dockerfile"],
  ],
  [
    "a dockerfile of the distro version's own",
    {
      "krunner-wheels.debian12.dockerfile":
        FAMILY["krunner-wheels.debian.dockerfile"],
    },
    {},
    [
      "krunner-wheels.debian.dockerfile (removed)",
      "krunner-wheels.debian12.dockerfile (new)",
    ],
  ],
  ["a file that is copied", { "requirements.txt": "six\nx\n" }, {}, [
    "requirements.txt",
  ]],
  ["a new file in a folder that is copied", { "recipe/new": "" }, {}, [
    "recipe/new (new)",
  ]],
  ["a file that a wildcard finds", { "ttyd_linux.x86_64.bin": "" }, {}, [
    "ttyd_linux.x86_64.bin (new)",
  ]],
  ["a file for another arch", { "ttyd_linux.aarch64.bin": "" }, {}, []],
  ["a file that nothing copies", { "unused.txt": "x" }, {}, []],
  ["an output", { "krunner-version.debian12.txt": "2\n" }, {}, []],
  ["a build argument", {}, { buildArgs: { KEEP: "tk" } }, [
    "build argument KEEP (new)",
  ]],
  ["the source's content", {}, { rows: [{ ...ROW, sha256: "00" }] }, [
    "source Python-3.11.2.tgz",
  ]],
  ["the source's origins only", {}, { rows: [{ ...ROW, origins: [] }] }, []],
  ["the base image", {}, { baseImage: "debian:13" }, [
    "base image debian:12-slim → debian:13",
  ]],
  ["how it comes here", {}, { base: "bootstrap" }, []],
  ["the images' names", {}, { imagePrefix: "me/krunner" }, []],
  [
    "an argument that nobody declares",
    {
      "krunner.json": FAMILY["krunner.json"].replace('"x"', '"y"'),
    },
    {},
    [],
  ],
];

Deno.test("makePlan() has other inputs when the volume may differ, and only then", async (t) => {
  const { inputs } = await planOf();
  for (const [name, changes, options, expected] of CHANGES) {
    await t.step(name, async () => {
      const changed = await planOf(changes, options);
      assertEquals(changedInputs(inputs, changed.inputs), expected);
    });
  }
});

Deno.test("makePlan() counts a file's mode as far as it reaches the builder", async () => {
  using fixture = await packageFixture(FAMILY);
  const inputs = async (mode: number): Promise<Inputs> => {
    await Deno.chmod(`${fixture.dir}/recipe/make.sh`, mode);
    return (await makePlan(fixture.target, OPTIONS)).inputs;
  };
  const plain = await inputs(0o644);
  const executable = await inputs(0o755);
  assertEquals(changedInputs(plain, executable), ["recipe/make.sh"]);
  assertEquals(await inputs(0o600), plain);
  assertEquals(await inputs(0o700), executable);
});

/** Wrong package directories, and the message with `DIR` for its path. */
const FAULTS: [string, Record<string, string>, string][] = [
  ...[
    ["ARCH", 'give "--arch"'],
    ["BASE_IMAGE", 'give the image as "base"'],
    ["IMAGE_PREFIX", 'give "--image-prefix"'],
  ].map(([name = "", advice]): [string, Record<string, string>, string] => [
    `${name} in krunner.json`,
    {
      "krunner.json": JSON.stringify({ debian12: { args: { [name]: "x" } } }),
    },
    `Cannot use "DIR/krunner.json": the build argument "${name}" of "debian12" must fit the rest of the plan; remove it and ${advice}`,
  ]),
  [
    "no FROM line",
    { "krunner-wheels.debian.dockerfile": "ARG BASE_IMAGE\nCOPY a /\n" },
    'Cannot build with "DIR/krunner-wheels.debian.dockerfile": it has no FROM line; add one',
  ],
  [
    "no label",
    {
      "krunner-env.debian12.dockerfile": ENV.replace(/LABEL.*/, ""),
    },
    'Cannot read the volume version in "DIR/krunner-env.debian12.dockerfile": it has no label "ai.backend.krunner.version"; add a line "LABEL ai.backend.krunner.version=1"',
  ],
  [
    "a misspelt label",
    {
      "krunner-env.debian12.dockerfile": ENV.replace("version=3", "vesrion=3"),
    },
    'Cannot read the volume version in "DIR/krunner-env.debian12.dockerfile", line 12: label "ai.backend.krunner.vesrion" is misspelt; write "ai.backend.krunner.version"',
  ],
  [
    "a stage that is made from itself",
    {
      "krunner-python.debian.dockerfile":
        "FROM lablup/backendai-krunner-wheels:debian12\n",
      "krunner-wheels.debian.dockerfile":
        "FROM lablup/backendai-krunner-env:debian12\n",
    },
    'Cannot build "debian12": its stage "env" is made from itself (env ← wheels ← env); correct a FROM line',
  ],
  [
    "a stage that copies from itself",
    {
      "krunner-wheels.debian.dockerfile":
        "FROM x\nCOPY --from=lablup/backendai-krunner-wheels:debian12 / /\n",
    },
    'Cannot build "debian12": its stage "wheels" is made from itself (env ← wheels ← wheels); correct a FROM line',
  ],
  [
    "a file that is not there",
    {
      "krunner-wheels.debian.dockerfile": "FROM x\n\nCOPY gone.txt /\n",
    },
    'Cannot build with "DIR/krunner-wheels.debian.dockerfile", line 3: there is no "gone.txt" in the package directory; add it, or correct the name',
  ],
  [
    "a source that no row has",
    {
      "krunner-python.debian.dockerfile": "FROM x\nCOPY sources/x-1.tgz /\n",
    },
    'Cannot build with "DIR/krunner-python.debian.dockerfile", line 2: no row of sources.json has the file "x-1.tgz"; add one, with its SHA-256 and origins',
  ],
  [
    "a base image without a name",
    {
      "krunner.json": "{}",
    },
    '"FROM ${BASE_IMAGE}" names no image: give the variable a value with "--build-arg", "--base-image" or in krunner.json ("DIR/krunner-env.debian12.dockerfile", line 10)',
  ],
  [
    "data of a distro version that is not there",
    {
      "krunner.json": '{"debian12":{},"debain13":{}}',
    },
    'Cannot use "DIR/krunner.json": it knows a distro version "debain13", which has no dockerfile; remove it or correct its spelling',
  ],
  [
    "broken data",
    {
      "krunner.json": '{"debian12":{"base":1}}',
    },
    'Cannot use "DIR/krunner.json: debian12.base": it is 1, not a string of one or more characters',
  ],
];

Deno.test("makePlan() refuses a package directory that cannot be built", async (t) => {
  for (const [name, changes, message] of FAULTS) {
    await t.step(name, async () => {
      using fixture = await packageFixture({ ...FAMILY, ...changes });
      const error = await assertRejects(
        () => makePlan(fixture.target, OPTIONS),
        KrunnerError,
      );
      assertEquals(error.message, message.replaceAll("DIR", fixture.dir));
      assertEquals(error.exitCode, 1);
    });
  }
  await t.step("no dockerfile for a stage", async () => {
    const { "krunner-python.debian.dockerfile": _, ...files } = FAMILY;
    using fixture = await packageFixture(files);
    const error = await assertRejects(
      () => makePlan(fixture.target, OPTIONS),
      KrunnerError,
    );
    assertEquals(
      error.message,
      `Cannot build "debian12": stage "env" is made from stage "python", which has no dockerfile; add "${fixture.dir}/krunner-python.debian12.dockerfile" or "krunner-python.debian.dockerfile"`,
    );
  });
  for (
    const name of [
      "recipe/link",
      "krunner-python.debian12.dockerfile",
      "versions.txt",
    ]
  ) {
    await t.step(`a link to nothing: ${name}`, async () => {
      const { "versions.txt": _, ...files } = FAMILY;
      using fixture = await packageFixture(files);
      const { dir, target: { distroVersion } } = fixture;
      await Deno.symlink("nowhere", `${dir}/${name}`);
      const pkg = await openPackageDir(dir);
      const error = await assertRejects(
        () => makePlan({ pkg, distroVersion }, OPTIONS),
        KrunnerError,
      );
      assertEquals(
        error.message,
        `Cannot read "${dir}/${name}": no such file or directory; see that it is a file that you may read`,
      );
    });
  }
});

const LITERAL = {
  "krunner-env.debian12.dockerfile":
    "FROM lablup/backendai-krunner-python:debian12\nLABEL ai.backend.krunner.version=1\n",
  "krunner-python.debian12.dockerfile": "FROM debian:12\n",
};

Deno.test("makePlan() refuses options that do not fit", async (t) => {
  using wheels = tempDir({ "empty/README": "" });
  const declared =
    "ARCH, BASE_IMAGE, DISTRO_VERSION, IMAGE_PREFIX, KEEP, PYTHON_VERSION";
  const cases: [Partial<PlanOptions>, string, Record<string, string>?][] = [
    [
      { buildArgs: { PYTON_VERSION: "1" } },
      `Cannot use "--build-arg PYTON_VERSION=…": no dockerfile of "debian12" declares it; they declare ${declared}`,
    ],
    [
      { buildArgs: { KEEP: "x" } },
      'Cannot use "--build-arg KEEP=…": no dockerfile of "debian12" declares it; they declare none',
      LITERAL,
    ],
    [
      { buildArgs: { BASE_IMAGE: "x" } },
      'Cannot use "--build-arg BASE_IMAGE=…": it must fit the rest of the plan; give "--base-image" instead',
    ],
    [
      { buildArgs: { ARCH: "x" } },
      'Cannot use "--build-arg ARCH=…": it must fit the rest of the plan; give "--arch" instead',
    ],
    [
      { baseImage: "debian:13" },
      'Cannot use "--base-image debian:13": no dockerfile of "debian12" has "ARG BASE_IMAGE"',
      LITERAL,
    ],
    [
      { mirror: "http://m/d", baseImage: "debian:13" },
      'Cannot use "--mirror http://m/d": "--base-image" names the image to take, and none is bootstrapped; leave one of them out',
    ],
    [
      { keyring: "k.gpg", base: "registry" },
      'Cannot use "--keyring k.gpg": "--base=registry" bootstraps nothing; leave one of them out',
    ],
    [
      { keyring: "k.gpg" },
      'Cannot use "--keyring k.gpg": krunner.json knows no suite to bootstrap "debian12" from; add one, or leave it out',
      { ...FAMILY, "krunner.json": '{"debian12": {"base": "debian:12"}}' },
    ],
    [
      { base: "bootstrap", baseImage: "debian:13" },
      'Cannot use "--base=bootstrap": "--base-image" names the image to take, and none is bootstrapped; leave one of them out',
    ],
    [
      { base: "bootstrap" },
      'Cannot use "--base=bootstrap": krunner.json knows no suite to bootstrap "debian12" from; add one, or leave it out',
      { ...FAMILY, "krunner.json": '{"debian12": {"base": "debian:12"}}' },
    ],
    [
      { base: "bootstrap" },
      'Cannot use "--base=bootstrap": nothing of "debian12" is built on a base image of krunner.json; leave it out',
      LITERAL,
    ],
    [
      { mirror: "http://m/d" },
      'Cannot use "--mirror http://m/d": nothing of "debian12" is built on a base image of krunner.json; leave it out',
      LITERAL,
    ],
    ...["m", "file:///d", "http://m/a b", "http://m/?x", "http:///", "-x"].map((
      mirror,
    ): [Partial<PlanOptions>, string] => [
      { mirror },
      `Cannot use "--mirror ${mirror}": give a URL that begins with http:// or https:// and has no spaces, "?" or "#"`,
    ]),
    [
      { mirror: "https://me:secret@m/d" },
      'Cannot use "--mirror https://m/d": its name and password would stay in the image; give a mirror that asks for none',
    ],
    [
      { wheelhouse: wheels.path },
      `Cannot use "--wheelhouse ${wheels.path}": no dockerfile of "debian12" takes wheels from the image "lablup/backendai-krunner-wheels:debian12"`,
      LITERAL,
    ],
    [
      { wheelhouse: `${wheels.path}/gone` },
      `Cannot use "--wheelhouse ${wheels.path}/gone": there is no such folder; give a folder of wheels`,
    ],
    [
      { wheelhouse: `${wheels.path}/empty/README` },
      `Cannot use "--wheelhouse ${wheels.path}/empty/README": there is no such folder; give a folder of wheels`,
    ],
    [
      { wheelhouse: `${wheels.path}/empty` },
      `Cannot use "--wheelhouse ${wheels.path}/empty": it holds no .whl file; give a folder of wheels`,
    ],
    [
      { imagePrefix: "me/krunner" },
      'Cannot use "--image-prefix=me/krunner": a dockerfile of "debian12" names the image "lablup/backendai-krunner-python:debian12"; write ${IMAGE_PREFIX} there, or leave the option out',
      LITERAL,
    ],
    ...["Me/Krunner", "me//k", "-me", "me/k-", "me:1", "me k"].map((
      imagePrefix,
    ): [Partial<PlanOptions>, string] => [
      { imagePrefix },
      `Cannot use "--image-prefix=${imagePrefix}": no image can be called so; use lower-case letters and digits, with ".", "_", "-" and "/" between them`,
    ]),
  ];
  for (const [options, message, files] of cases) {
    await t.step(JSON.stringify(options), async () => {
      using fixture = await packageFixture(files ?? FAMILY);
      const error = await assertRejects(
        () => makePlan(fixture.target, { ...OPTIONS, ...options }),
        UsageError,
      );
      assertEquals(error.message, message);
    });
  }
});

Deno.test("makePlan() plans a bootstrap as krunner.json and the options say", async (t) => {
  using dir = tempDir({ "k.gpg": "x", "k.asc": "-----BEGIN PGP PUBLIC KEY" });
  const bootstrapOf = async (
    data: Record<string, unknown>,
    options: Partial<PlanOptions> = {},
  ) => {
    const bootstrap = { suite: "bionic", ...data };
    using fixture = await packageFixture({
      ...FAMILY,
      "krunner.json": JSON.stringify({
        debian12: { base: "debian:12", bootstrap },
      }),
    });
    const plan = await makePlan(fixture.target, {
      ...OPTIONS,
      buildArgs: { PYTHON_VERSION: "3.11.2" },
      ...options,
    });
    const keyring = plan.base?.bootstrap?.keyring;
    return keyring?.startsWith(fixture.dir)
      ? {
        ...plan.base?.bootstrap,
        keyring: keyring.replace(fixture.dir, "DIR"),
      }
      : plan.base?.bootstrap;
  };
  const keyring = `${dir.path}/k.gpg`;
  const all = {
    components: ["main", "universe"],
    extraSuites: ["bionic-updates"],
    script: "gutsy",
  };
  assertEquals(
    await bootstrapOf(all, { mirror: "http://m/d", keyring }),
    { suite: "bionic", ...all, mirror: "http://m/d", keyring },
  );
  assertEquals(
    await bootstrapOf({ keyring: "keys/k.gpg" }),
    { suite: "bionic", keyring: "DIR/keys/k.gpg" },
  );
  assertEquals(
    await bootstrapOf({ keyring: "/k.gpg" }),
    { suite: "bionic", keyring: "/k.gpg" },
  );
  assertEquals(
    await bootstrapOf({ keyring: "/k.gpg" }, { keyring }),
    { suite: "bionic", keyring },
  );
  for (
    const [name, message] of [
      [
        "gone",
        "no such file or directory; see that it is a file that you may read",
      ],
      [
        "k.asc",
        'it is text, and debootstrap reads binary keyrings only; convert it with "gpg --dearmor"',
      ],
    ]
  ) {
    await t.step(`keyring ${name}`, async () => {
      await assertRejects(
        () => bootstrapOf({}, { keyring: `${dir.path}/${name}` }),
        KrunnerError,
        message,
      );
    });
  }
});

Deno.test("makePlan() accepts every image prefix that docker does", async () => {
  for (
    const imagePrefix of [
      "a",
      "me/krunner",
      "a.b_c__d--e/f",
      "localhost:5000/x",
      "Registry.Local/x/y",
    ]
  ) {
    const { stages } = await planOf({}, { imagePrefix });
    assert(stages.every(({ image }) => image.startsWith(`${imagePrefix}-`)));
  }
});

Deno.test("makePlan() plans the project's own families", async () => {
  const { openPackages } = await import("../lib/package_dir.ts");
  const root = new URL("../dockerfiles", import.meta.url).pathname;
  const { rows: _, ...options } = OPTIONS;
  for (const pkg of await openPackages(undefined, root)) {
    for (const distroVersion of pkg.distroVersions) {
      const plan = await makePlan({ pkg, distroVersion }, options);
      assertEquals(plan.stages.at(-1)?.stage, "env");
    }
  }
});
