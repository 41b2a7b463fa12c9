import { assertEquals, assertThrows } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import { type BuildKitOnly, readStageFile } from "../lib/stage_file.ts";

/** What a dockerfile takes from the context, without the lines. */
function patterns(text: string, args: Record<string, string> = {}): string[] {
  return readStageFile(text, "F", args).context.map(({ pattern }) => pattern);
}

function images(text: string, args: Record<string, string> = {}): string[] {
  return [...readStageFile(text, "F", args).images];
}

const IMAGES: [string, string, Record<string, string>, string[]][] = [
  ["an image", "FROM debian:12-slim", {}, ["debian:12-slim"]],
  ["scratch is none", "FROM scratch", {}, []],
  ["each once", "FROM a\nFROM b\nFROM a", {}, ["a", "b"]],
  [
    "a build argument, with its default",
    "ARG BASE=debian:12\nFROM ${BASE}",
    {},
    ["debian:12"],
  ],
  [
    "a build argument that is given",
    "ARG BASE=debian:12\nFROM $BASE",
    { BASE: "ubuntu:18.04" },
    ["ubuntu:18.04"],
  ],
  [
    "an argument that is not declared has no value",
    "FROM ${BASE:-debian:12}",
    { BASE: "ubuntu:18.04" },
    ["debian:12"],
  ],
  [
    "a default by another argument",
    "ARG V=12\nARG BASE=debian:${V}-slim\nFROM ${BASE}",
    { V: "13" },
    ["debian:13-slim"],
  ],
  [
    "an argument of a stage is unknown to FROM",
    "FROM a\nARG BASE=b\nFROM ${BASE:-c}",
    { BASE: "d" },
    ["a", "c"],
  ],
  [
    "several arguments in one instruction",
    "ARG A=x B=y\nFROM $A:$B",
    { B: "z" },
    ["x:z"],
  ],
  [
    "stages, whatever their case",
    "FROM a AS One\nFROM ONE as two\nFROM Two",
    {},
    [
      "a",
    ],
  ],
  ["a stage of the same name later", "FROM one\nFROM b AS one", {}, [
    "one",
    "b",
  ]],
  [
    "copies from stages, their numbers and images",
    "FROM a AS x\nFROM b\nCOPY --from=X /1 /\nCOPY --from=0 /2 /\nCOPY --from=c:1 /3 /\nCOPY --chown=1:1 --from=d /4 /",
    {},
    ["a", "b", "c:1", "d"],
  ],
  [
    "mounts",
    "FROM a AS x\nRUN --mount=from=b,target=/b --mount=type=cache,from=c,target=/c --mount=type=bind,from=x,target=/x true",
    {},
    ["a", "b", "c"],
  ],
  [
    "a platform",
    "ARG ARCH\nFROM --platform=linux/${ARCH} debian:12",
    { ARCH: "x86_64" },
    ["debian:12"],
  ],
  ["another escape", "# escape=`\nFROM `\n  debian:12", {}, ["debian:12"]],
  ["CRLF", "ARG B=debian:12\r\nFROM ${B}\r\n", {}, ["debian:12"]],
  ["ONBUILD is another build's", "FROM a\nONBUILD COPY --from=b / /", {}, [
    "a",
  ]],
];

Deno.test("readStageFile() finds the images", async (t) => {
  for (const [name, text, args, expected] of IMAGES) {
    await t.step(name, () => assertEquals(images(text, args), expected));
  }
});

const PATTERNS: [string, string, Record<string, string>, string[]][] = [
  ["files and a folder", "COPY a b/c d/ /x/", {}, ["a", "b/c", "d"]],
  ["ADD too", "ADD a.tar.gz /", {}, ["a.tar.gz"]],
  ["dots and slashes", "COPY ./a /b//c ./ . / /x", {}, [
    "a",
    "b/c",
    "",
    "",
    "",
  ]],
  ["parents are kept", "COPY ../a b/../c /x", {}, ["../a", "b/../c"]],
  ["wildcards", "COPY a*.[ch] b? /x/", {}, ["a*.[ch]", "b?"]],
  ["the JSON form", 'COPY ["a b", "c", "/x/"]', {}, ["a b", "c"]],
  ["flags", "COPY --chown=1:1 --chmod=644 a /x", {}, ["a"]],
  ["not what comes from another stage", "COPY --from=y a /x", {}, []],
  [
    "not what comes from the network",
    "ADD https://localhost/a http://localhost/b HTTPS://localhost/c /x\nADD git@localhost:a.git /y\nADD git://localhost/a#b /z",
    {},
    [],
  ],
  [
    "not from the network by a variable either",
    "ARG URL=https://localhost\nADD ${URL}/a /x",
    {},
    [],
  ],
  ["not a here-document", "COPY <<A <<B b /x\na\nA\nb\nB", {}, ["b"]],
  [
    "not what a RUN's here-document says",
    "RUN <<EOF\nCOPY a /x\nEOF\nCOPY b /x",
    {},
    ["b"],
  ],
  ["continued lines and comments", "COPY a \\\n  # b\n  c \\\n\n /x", {}, [
    "a",
    "c",
  ]],
  ["lower case", "copy a /x", {}, ["a"]],
  ["not ONBUILD", "ONBUILD COPY a /x", {}, []],
  ["not comments", "# COPY a /x", {}, []],
  [
    "an argument of the stage",
    "ARG ARCH\nCOPY ttyd_linux.${ARCH}.bin /x",
    { ARCH: "x86_64" },
    ["ttyd_linux.x86_64.bin"],
  ],
  ["an argument's default", "ARG V=1\nCOPY $V /x", {}, ["1"]],
  ["a default's own variable", "ARG A=1\nARG B=${A}2\nCOPY $B /x", {}, ["12"]],
  ["a variable's default", "ARG V\nCOPY ${V:-d} /x", { V: "" }, ["d"]],
  ["ENV", "ENV A=1 B=2\nCOPY $A$B /x", {}, ["12"]],
  ["ENV in its old form", "ENV A 1 2\nCOPY $A /x", {}, ["1 2"]],
  ["ENV before ARG", "ENV A=1\nARG A=2\nCOPY $A /x", { A: "3" }, ["1"]],
  ["ENV after ARG", "ARG A=2\nENV A=1\nCOPY $A /x", { A: "3" }, ["1"]],
  ["quotes and escapes", "COPY \"a\"'b'\\$c /x", {}, ["ab$c"]],
  ["unknown variables end the name", "COPY $V /x", {}, ["*"]],
  ["behind a prefix", "COPY a/py-${V}.txt /x", {}, ["a/py-*"]],
  ["with a folder behind", "COPY a/${V}/b /x", {}, ["a/*"]],
  ["through ENV", "ENV P=lib/$V\nCOPY $P/x /x", {}, ["lib/*"]],
  ["through ARG", "ARG P=lib-$V\nCOPY $P /x", {}, ["lib-*"]],
  ["mounts", "RUN --mount=type=bind,source=a/b,target=/x true", {}, ["a/b"]],
  ["mounts, spelt short", "RUN --mount=src=a,dst=/x true", {}, ["a"]],
  ["mounts of it all", "RUN --mount=target=/x true", {}, [""]],
  [
    "mounts of other types",
    "RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t --mount=type=secret,id=s --mount=type=ssh true",
    {},
    [],
  ],
  ["mounts of variables", "ARG D=d\nRUN --mount=source=$D,target=/x true", {}, [
    "d",
  ]],
];

Deno.test("readStageFile() finds what it takes from the context", async (t) => {
  for (const [name, text, args, expected] of PATTERNS) {
    await t.step(name, () => {
      assertEquals(patterns(`FROM a\n${text}\n`, args), expected);
    });
  }
});

Deno.test("readStageFile() forgets variables at the next FROM", () => {
  const args = { G: "g", L: "l" };
  const text = [
    "ARG G=global",
    "FROM a",
    "COPY $G /x",
    "ARG G",
    "ARG L",
    "ENV E=e",
    "COPY $G$L$E /x",
    "FROM b",
    "COPY x$L /x",
    "COPY x$E /x",
    "ARG G",
    "COPY $G /x",
    "FROM c",
    "ARG E=arg",
    "COPY $E /x",
  ].join("\n");
  assertEquals(patterns(text, args), ["*", "gle", "x*", "x*", "g", "arg"]);
  assertEquals(patterns(text), ["*", "global*", "x*", "x*", "global", "arg"]);
});

Deno.test("readStageFile() keeps a global argument's value in a stage", () => {
  const text = "ARG V=1\nFROM a\nARG V\nCOPY v$V /x\nARG V=2\nCOPY v$V /x";
  assertEquals(patterns(text), ["v1", "v2"]);
  assertEquals(patterns(text, { V: "3" }), ["v3", "v3"]);
});

Deno.test("readStageFile() tells lines and declared arguments", () => {
  assertEquals(
    readStageFile(
      "ARG BASE_IMAGE\nFROM a\nARG A B=1\nRUN x \\\n  y\nCOPY a \\\n b /x\nONBUILD ARG C",
      "F",
      {},
    ),
    {
      declaredArgs: new Set(["BASE_IMAGE", "A", "B"]),
      images: ["a"],
      parent: "a",
      context: [{ pattern: "a", line: 6 }, { pattern: "b", line: 6 }],
    },
  );
});

Deno.test("readStageFile() finds what the last stage is made from", async (t) => {
  const cases: [string, string, string][] = [
    ["an image", "FROM a AS x\nFROM b:1", "b:1"],
    ["a stage", "FROM a AS One\nFROM b\nFROM ONE AS two\nFROM Two", "a"],
    ["nothing", "FROM scratch AS x\nFROM x", "scratch"],
    ["an argument", "ARG A=a\nFROM ${A}-b", "a-b"],
  ];
  for (const [name, text, expected] of cases) {
    await t.step(name, () => {
      assertEquals(readStageFile(text, "F", {}).parent, expected);
    });
  }
});

Deno.test("readStageFile() finds what the classic builder does not know", async (t) => {
  const mount = "RUN --mount=type=cache,target=/x true";
  const cases: [string, string, BuildKitOnly | undefined][] = [
    ["nothing", "FROM a\nRUN cat <x", undefined],
    ["a mount", `FROM a\n${mount}\n${mount}`, { feature: "mount", line: 2 }],
    ["a here-document behind a mount", `FROM a\n${mount}\nRUN <<-X\n\tX`, {
      feature: "here-document",
      line: 3,
    }],
    ["copied text", "FROM a\nCOPY <<X /x\nX\nCOPY <<Y /y\nY\n", {
      feature: "here-document",
      line: 2,
    }],
  ];
  for (const [name, text, expected] of cases) {
    await t.step(name, () => {
      assertEquals(readStageFile(text, "F", {}).buildKitOnly, expected);
    });
  }
});

Deno.test("readStageFile() understands upstream's dockerfiles", () => {
  const env = [
    "FROM lablup/backendai-krunner-python:ubuntu16.04",
    "ARG PREFIX=/opt/backend.ai",
    "RUN apt-get update && apt-get install -y xz-utils",
    "COPY requirements.txt /root/",
    'RUN PYVER_MM="$(echo $PYTHON_VERSION | cut -d. -f1)" && \\',
    "    mkdir -p ${PREFIX}/lib/python${PYVER_MM}",
    "COPY ttyd_linux.x86_64 ${PREFIX}/bin/ttyd",
    "LABEL ai.backend.krunner.version=2",
    'CMD ["${PREFIX}/bin/python"]',
    "",
    "# vim: ft=dockerfile",
  ].join("\n");
  assertEquals(readStageFile(env, "F", {}), {
    declaredArgs: new Set(["PREFIX"]),
    images: ["lablup/backendai-krunner-python:ubuntu16.04"],
    parent: "lablup/backendai-krunner-python:ubuntu16.04",
    context: [
      { pattern: "requirements.txt", line: 4 },
      { pattern: "ttyd_linux.x86_64", line: 7 },
    ],
  });
});

Deno.test("readStageFile() says where the dockerfile is wrong", async (t) => {
  const cases: [string, string, string][] = [
    [
      "no image",
      "ARG BASE\nFROM ${BASE}",
      '"FROM ${BASE}" names no image: give the variable a value with "--build-arg", "--base-image" or in krunner.json ("F", line 2)',
    ],
    [
      "an open quote",
      "FROM a\n\nCOPY 'a /x",
      'Cannot read the word \'a: a single quote is not closed ("F", line 3)',
    ],
    [
      "a newer operator",
      "FROM a\nARG V=1.2\nENV W=${V%.*}",
      'Cannot read the word ${V%.*}: only "${NAME}", "${NAME:-word}", "${NAME:+word}" and "${NAME:?word}" are understood ("F", line 3)',
    ],
    [
      "an open here-document",
      "FROM a\nRUN <<EOF\ntrue",
      'Cannot read "F", line 2: the here-document "EOF" has no end; add a line "EOF"',
    ],
  ];
  for (const [name, text, message] of cases) {
    await t.step(name, () => {
      const error = assertThrows(
        () => readStageFile(text, "F", {}),
        KrunnerError,
      );
      assertEquals(error.message, message);
    });
  }
});
