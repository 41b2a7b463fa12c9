import { assertEquals } from "@std/assert";
import {
  changedInputs,
  changedPackageInputs,
  type Inputs,
  sha256,
} from "../lib/inputs.ts";

Deno.test("sha256() digests text and bytes", async () => {
  const abc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assertEquals(await sha256("abc"), abc);
  assertEquals(await sha256(new TextEncoder().encode("abc")), abc);
});

const INPUTS: Inputs = {
  files: { a: "1", b: "2" },
  sources: { "x.tgz": "3" },
  args: { V: "4" },
  base: "debian:12",
};

Deno.test("changedInputs() names what differs", async (t) => {
  const { base: _, ...baseless } = INPUTS;
  const cases: [string, Inputs, Inputs, string[]][] = [
    ["nothing", INPUTS, structuredClone(INPUTS), []],
    ["a file's content", INPUTS, { ...INPUTS, files: { a: "1", b: "x" } }, [
      "b",
    ]],
    ["files, sorted", INPUTS, { ...INPUTS, files: { c: "3", b: "2", B: "" } }, [
      "B (new)",
      "a (removed)",
      "c (new)",
    ]],
    ["a source", INPUTS, { ...INPUTS, sources: { "x.tgz": "" } }, [
      "source x.tgz",
    ]],
    ["a build argument", INPUTS, { ...INPUTS, args: {} }, [
      "build argument V (removed)",
    ]],
    ["a wheelhouse", INPUTS, { ...INPUTS, wheelhouse: { "w.whl": "1" } }, [
      "wheel w.whl (new)",
    ]],
    ["the base image", INPUTS, { ...INPUTS, base: "debian:13" }, [
      "base image debian:12 → debian:13",
    ]],
    ["no base image any more", INPUTS, baseless, [
      "base image debian:12 → none",
    ]],
    ["a base image at last", baseless, INPUTS, [
      "base image none → debian:12",
    ]],
  ];
  for (const [name, recorded, current, expected] of cases) {
    await t.step(name, () => {
      assertEquals(changedInputs(recorded, current), expected);
    });
  }
});

Deno.test("changedPackageInputs() leaves out what each host may bring", () => {
  const other = { ...INPUTS, base: "debian:13", wheelhouse: { "w.whl": "1" } };
  assertEquals(changedPackageInputs(INPUTS, other), []);
  assertEquals(
    changedPackageInputs(INPUTS, { ...other, files: {}, args: { V: "5" } }),
    ["a (removed)", "b (removed)", "build argument V"],
  );
});
