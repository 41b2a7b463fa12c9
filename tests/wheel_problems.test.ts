/**
 * Wheels with the mistakes that are made by hand: each is refused.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import { wheelProblems } from "../lib/release/wheel_problems.ts";
import {
  byName,
  type DigestedEntry,
  digestEntry,
  textEntry,
} from "../lib/wheel/entry.ts";
import { OutputFile } from "../lib/wheel/output_file.ts";
import { planPackage } from "../lib/wheel/plan.ts";
import { type PackedWheel, readWheel } from "../lib/wheel/read.ts";
import { parseRecord, recordText } from "../lib/wheel/record.ts";
import { writeZip } from "../lib/wheel/zip.ts";
import {
  DISTRO_VERSIONS,
  type WheelFixture,
  wheelFixture,
} from "./wheel_fixture.ts";

const STEM = "backend_ai_krunner_debian-1.4.0rc3";
const INFO = `${STEM}.dist-info`;
const MODULE = "ai/backend/krunner/debian";
const NAME =
  `${STEM}-py3-none-manylinux2014_x86_64.musllinux_1_1_x86_64.macosx_11_0_x86_64.whl`;

const PROMISE = {
  names: {
    project: "backend.ai-krunner-debian",
    version: "1.4.0rc3",
    module: "debian",
  },
  arch: "x86_64",
  listed: DISTRO_VERSIONS,
};

const { signal } = new AbortController();

async function entriesOf(
  { open, options }: WheelFixture,
): Promise<DigestedEntry[]> {
  const plan = await planPackage(await open(), options);
  return [...plan.distributions[0]!.entries];
}

/** Packs files, and reads the wheel. */
async function packed(
  fixture: WheelFixture,
  entries: readonly DigestedEntry[],
  name = NAME,
): Promise<PackedWheel> {
  const path = `${fixture.path}/${name}`;
  {
    await using output = await OutputFile.create(path);
    await writeZip((chunk) => output.write(chunk), entries, 0, signal);
    await output.finish();
  }
  return await readWheel(path, signal);
}

/** Files with a `RECORD` that fits them. */
async function recorded(
  entries: readonly DigestedEntry[],
): Promise<DigestedEntry[]> {
  const record = `${INFO}/RECORD`;
  const others = entries.filter(({ name }) => name !== record).sort(byName);
  const text = recordText(others, record);
  return [...others, await digestEntry(textEntry(record, text), signal)];
}

/** The text of a file that was planned. */
function textOf(entries: readonly DigestedEntry[], name: string): string {
  const content = entries.find((entry) => entry.name === name)?.content;
  return new TextDecoder().decode(content as Uint8Array<ArrayBuffer>);
}

/** Another text in a file. */
async function replaced(
  entries: readonly DigestedEntry[],
  name: string,
  old: string | RegExp,
  fresh: string,
): Promise<DigestedEntry[]> {
  const text = textOf(entries, name).replace(old, fresh);
  const entry = await digestEntry(textEntry(name, text), signal);
  return entries.map((it) => it.name === name ? entry : it);
}

Deno.test("wheelProblems() finds nothing in what wheel.ts makes", async () => {
  using fixture = await wheelFixture({ "LICENSE": "MIT\n", "util.py": "" });
  const wheel = await packed(fixture, await entriesOf(fixture));
  assertEquals(wheelProblems(wheel, PROMISE), []);
});

Deno.test("wheelProblems() finds the mistakes that are made by hand", async (t) => {
  using fixture = await wheelFixture();
  const right = await entriesOf(fixture);
  const without = (name: string) => right.filter((it) => it.name !== name);
  const archive = `${MODULE}/krunner-env.debian12.x86_64.tar.xz`;
  const extra = await digestEntry(
    textEntry(`${MODULE}/krunner-env.debian12.aarch64.tar.xz`, "x"),
    signal,
  );
  const promise = "versions.txt promises debian12, debian13";
  const anyName = `${STEM}-py3-none-any.whl`;
  const cases: [
    string,
    () => Promise<readonly DigestedEntry[]>,
    string[],
    string?,
  ][] = [
    [
      "a file that was renamed for another tag",
      () => Promise.resolve(right),
      [`it is called ${anyName}, not ${NAME}`],
      anyName,
    ],
    [
      "a tag that the name does not have",
      async () =>
        await recorded(
          await replaced(
            right,
            `${INFO}/WHEEL`,
            /Tag: .*manylinux.*/,
            "Tag: py3-none-any",
          ),
        ),
      [
        "its WHEEL has the tags py3-none-any, py3-none-macosx_11_0_x86_64, py3-none-musllinux_1_1_x86_64, not py3-none-macosx_11_0_x86_64, py3-none-manylinux2014_x86_64, py3-none-musllinux_1_1_x86_64",
      ],
    ],
    [
      "no archive",
      () => recorded(without(archive)),
      [`it lacks ${archive} (${promise})`],
    ],
    [
      "another arch's archive",
      () => recorded([...right, extra]),
      [`it holds ${extra.name}, which nobody looks for (${promise})`],
    ],
    [
      "a file that changed after RECORD",
      () => replaced(right, `${INFO}/METADATA`, /$/, "more\n"),
      [`its RECORD has another hash or size of ${INFO}/METADATA`],
    ],
    [
      "a file that RECORD does not know",
      () =>
        Promise.resolve([...right, {
          ...extra,
          name: `${INFO}/licenses/LICENSE`,
        }]),
      [`its RECORD lacks ${INFO}/licenses/LICENSE`],
    ],
    [
      "a file that RECORD alone knows",
      () => replaced(right, `${INFO}/RECORD`, /^/, "gone.py,sha256=x,1\n"),
      ["its RECORD has gone.py, which is not there"],
    ],
    [
      "another version's metadata",
      async () =>
        await recorded(
          await replaced(right, `${INFO}/METADATA`, "1.4.0rc3", "1.3.0"),
        ),
      [
        "its METADATA is of backend.ai-krunner-debian 1.3.0, not of backend.ai-krunner-debian 1.4.0rc3",
      ],
    ],
    [
      "another entry point",
      async () =>
        await recorded(
          await replaced(right, `${INFO}/entry_points.txt`, "_v10", "_v9"),
        ),
      ["its entry_points.txt is not what agents look for"],
    ],
  ];
  for (const [name, change, expected, file] of cases) {
    await t.step(name, async () => {
      const wheel = await packed(fixture, await change(), file);
      assertEquals(wheelProblems(wheel, PROMISE), expected);
    });
  }
  await t.step("a file twice", async () => {
    const wheel = await packed(fixture, right);
    const twice = { ...wheel, files: [...wheel.files, wheel.files[0]!] };
    assertEquals(
      wheelProblems(twice, PROMISE),
      [`it holds ${MODULE}/__init__.py twice`],
    );
  });
});

Deno.test("readWheel() refuses what is no whole zip file", async (t) => {
  using fixture = await wheelFixture();
  await packed(fixture, await entriesOf(fixture));
  const path = `${fixture.path}/${NAME}`;
  const bytes = await Deno.readFile(path);
  const spoiled = bytes.slice();
  // In the first file's text, behind its header and name.
  spoiled[30 + `${MODULE}/__init__.py`.length]! ^= 1;
  const cases: [string, Uint8Array<ArrayBuffer>][] = [
    ["an empty file", new Uint8Array()],
    ["its end is missing", bytes.slice(0, -40)],
    ["its beginning is missing", bytes.slice(40)],
    ["a bit is another", spoiled],
  ];
  for (const [name, content] of cases) {
    await t.step(name, async () => {
      await Deno.writeFile(path, content);
      await assertRejects(
        () => readWheel(path, signal),
        KrunnerError,
        `Cannot read "${path}": it is no whole zip file (`,
      );
    });
  }
  await t.step("no file", async () => {
    await Deno.remove(path);
    await assertRejects(
      () => readWheel(path, signal),
      KrunnerError,
      `Cannot read "${path}": no such file or directory; `,
    );
  });
});

Deno.test("parseRecord() reads CSV", () => {
  assertEquals(
    parseRecord('a,sha256=x,1\r\n"b,""c""\nd",,\nRECORD,,'),
    [
      { name: "a", hash: "sha256=x", size: "1" },
      { name: 'b,"c"\nd', hash: "", size: "" },
      { name: "RECORD", hash: "", size: "" },
    ],
  );
});
