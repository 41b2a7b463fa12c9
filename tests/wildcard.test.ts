import { assertEquals } from "@std/assert";
import { hasWildcard, wildcardToRegExp } from "../lib/wildcard.ts";

// From the tests of Go's path/filepath, and names that mean more to a shell.
const CASES: [pattern: string, yes: string[], no: string[]][] = [
  ["abc", ["abc"], ["ab", "abcd", "xabc", ""]],
  ["*", ["", "abc", ".hidden", "a\nb"], []],
  ["*c", ["abc", "c"], ["cb"]],
  ["a*", ["a", "abc"], ["ba"]],
  ["a*b?c*x", ["abxbbxdbxebxczzx"], ["abxbbxdbxebxczzy"]],
  ["**", ["", "abc"], []],
  ["?", ["a", "☺", "😀"], ["", "ab"]],
  ["ab[c]", ["abc"], ["abd", "ab"]],
  ["ab[b-d]", ["abc"], ["aba"]],
  ["ab[e-g]", [], ["abc"]],
  ["ab[^c]", ["abd"], ["abc", "ab"]],
  ["ab[^b-d]", ["abe"], ["abc"]],
  ["[!a]", ["!", "a"], ["b"]],
  ["[a-ζ]*", ["α"], ["A"]],
  ["[ζ-a]", [], ["α", "a"]],
  ["[^ζ-a]", ["α"], [""]],
  ["[a^]", ["a", "^"], ["b"]],
  ["[\\]a]", ["]", "a"], ["\\"]],
  ["[\\-x]", ["-", "x"], ["z"]],
  ["[x\\-]", ["-", "x"], ["z"]],
  ["[[]", ["["], ["]"]],
  ["[.*]", [".", "*"], ["a"]],
  ["a\\*b", ["a*b"], ["ab", "axb"]],
  ["\\a", ["a"], ["\\a"]],
  ["a.b", ["a.b"], ["axb"]],
  ["libstdc++.so", ["libstdc++.so"], ["libstdccc.so"]],
  ["a(b)|c$^", ["a(b)|c$^"], ["ab", "c"]],
  ["{a,b}", ["{a,b}"], ["a", "b"]],
  ["!(a)", ["!(a)"], ["b"]],
  ["+(a)", ["+(a)"], ["a", "aa"]],
  ["@(a|b)", ["@(a|b)"], ["a"]],
  ["ttyd_linux.x86_64.bi[n]", ["ttyd_linux.x86_64.bin"], [
    "ttyd_linux.x86_64.bi[n]",
  ]],
];

Deno.test("wildcardToRegExp() matches as Go's filepath.Match", async (t) => {
  for (const [pattern, yes, no] of CASES) {
    await t.step(pattern, () => {
      const regExp = wildcardToRegExp(pattern);
      for (const name of yes) assertEquals(regExp?.test(name), true, name);
      for (const name of no) assertEquals(regExp?.test(name), false, name);
    });
  }
});

Deno.test("wildcardToRegExp() knows malformed patterns", async (t) => {
  const cases = [
    "[",
    "[^",
    "[]a]",
    "[^]a]",
    "[a",
    "[a-",
    "[a-]",
    "[-]",
    "[-x]",
  ];
  for (const pattern of [...cases, "[x-]", "a[", "a\\", "[\\", "[a\\"]) {
    await t.step(pattern, () => {
      assertEquals(wildcardToRegExp(pattern), undefined);
    });
  }
});

Deno.test("hasWildcard() sees what may match several files", () => {
  for (const pattern of ["*", "a?", "a/[b]"]) {
    assertEquals(hasWildcard(pattern), true, pattern);
  }
  for (const pattern of ["", "a", "a/b]", "{a,b}", "!a"]) {
    assertEquals(hasWildcard(pattern), false, pattern);
  }
});
