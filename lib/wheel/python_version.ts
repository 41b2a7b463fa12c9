/**
 * Versions as Python's tools write them.
 *
 * Source: the Python packaging specification "Version specifiers" (PEP 440), its
 * section on normalization.
 *
 * @module
 */

const NUMBER = String.raw`(\d+)`;
const SEPARATOR = "[-_.]?";
const VERSION = new RegExp(
  [
    `^v?(?:${NUMBER}!)?`,
    String.raw`(\d+(?:\.\d+)*)`,
    `(?:${SEPARATOR}(alpha|beta|preview|pre|rc|a|b|c)${SEPARATOR}(\\d*))?`,
    `(?:-${NUMBER}|${SEPARATOR}(post|rev|r)${SEPARATOR}(\\d*))?`,
    `(?:${SEPARATOR}(dev)${SEPARATOR}(\\d*))?$`,
  ].join(""),
  "i",
);

const PRERELEASES: Readonly<Record<string, string>> = {
  a: "a",
  alpha: "a",
  b: "b",
  beta: "b",
  c: "rc",
  pre: "rc",
  preview: "rc",
  rc: "rc",
};

/** Digits without leading zeros; none count as 0. */
function plain(digits: string): string {
  return digits.replace(/^0+(?=\d)/, "") || "0";
}

/**
 * The one way to write a version: `1.4.0-rc.3` and `v1.4.0RC3` are `1.4.0rc3`.
 * `undefined` for what is no version, and for local versions (`1.0+x`), which
 * package indexes do not take.
 */
export function normalizeVersion(text: string): string | undefined {
  const match = VERSION.exec(text.trim());
  if (match === null) return undefined;
  const [
    ,
    epoch,
    release = "",
    pre,
    preCount = "",
    implied,
    post,
    postCount = "",
    dev,
    devCount = "",
  ] = match;
  const parts = [
    epoch === undefined || plain(epoch) === "0" ? "" : `${plain(epoch)}!`,
    release.split(".").map(plain).join("."),
    pre === undefined
      ? ""
      : `${PRERELEASES[pre.toLowerCase()]}${plain(preCount)}`,
    implied !== undefined
      ? `.post${plain(implied)}`
      : post === undefined
      ? ""
      : `.post${plain(postCount)}`,
    dev === undefined ? "" : `.dev${plain(devCount)}`,
  ];
  return parts.join("");
}
