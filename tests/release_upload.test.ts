/**
 * What is said of uploads, by an index that is an object: what a real one does is
 * tried with the whole release.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import { IndexError } from "../lib/release/index_api.ts";
import type { MadeFile } from "../lib/release/state.ts";
import { uploadAll, type Uploads } from "../lib/release/upload.ts";

const FILES: readonly MadeFile[] = ["a.whl", "b.whl", "c.tar.gz"].map((
  file,
) => ({
  file,
  path: `/dist/${file}`,
  size: 1,
  sha256: `${file} digest`,
}));

/** An index where uploads of `b.whl` fail; `after` is what it does then. */
function openIndex(after: () => void) {
  const stored: string[] = [];
  const recorded: string[] = [];
  let hasFailed = false;
  const uploads: Uploads = {
    index: {
      list: () => {
        if (hasFailed) after();
        return Promise.resolve(stored.map((name) => ({
          name,
          url: name,
          sha256: `${name} digest`,
        })));
      },
      digest: () => Promise.reject(new TypeError("not needed")),
    },
    project: "demo",
    wait: 0,
    signal: new AbortController().signal,
    say: () => {},
    now: () => 0,
    known: {},
    upload: (path) => {
      const name = path.slice("/dist/".length);
      hasFailed = name === "b.whl";
      if (hasFailed) return Promise.resolve("503");
      stored.push(name);
      return Promise.resolve(undefined);
    },
    record: (file, state) => {
      recorded.push(`${file} ${state}`);
      return Promise.resolve();
    },
  };
  return { uploads, stored, recorded };
}

Deno.test("uploadAll() says what is up, what is not, and what is not known", async (t) => {
  const cases: [string, () => void, string][] = [
    [
      "it is not there",
      () => {},
      'Cannot upload "b.whl": twine says: 503; on the index: a.whl; not there: b.whl, c.tar.gz',
    ],
    [
      "nobody can tell",
      () => {
        throw new IndexError("Cannot read it: 502");
      },
      'Cannot upload "b.whl": twine says: 503; whether it came through is not known (Cannot read it: 502); on the index: a.whl; there or not: b.whl; not there: c.tar.gz',
    ],
  ];
  for (const [name, after, expected] of cases) {
    await t.step(name, async () => {
      const { uploads, recorded } = openIndex(after);
      const { message } = await assertRejects(
        () => uploadAll(FILES, uploads),
        KrunnerError,
      );
      assertEquals(message, expected);
      assertEquals(recorded, ["a.whl began", "a.whl done", "b.whl began"]);
    });
  }
  await t.step("it is there all the same", async () => {
    const { uploads, stored } = openIndex(() => {
      if (!stored.includes("b.whl")) stored.push("b.whl");
    });
    await uploadAll(FILES, uploads);
    assertEquals(stored, ["a.whl", "b.whl", "c.tar.gz"]);
  });
});
