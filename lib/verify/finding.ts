/**
 * What a check says: findings, or why it could not look.
 *
 * @module
 */

/** The checks of a volume, in the order in which they are shown. */
export const CHECKS = [
  "contract",
  "safety",
  "linkage",
  "extractor",
  "bare image",
  "hostile environment",
  "ttyd",
] as const;

/** One of the checks. */
export type Check = typeof CHECKS[number];

/** One thing that is wrong with a volume. */
export interface Finding {
  /** The check that found it. */
  check: Check;
  /** What is wrong, in a few words. */
  what: string;
  /** Where: an entry's name, a file or an image. */
  where: string;
  /** Why it matters, for a person who does not know the rule. */
  why: string;
}

/** What became of one check. */
export interface CheckReport {
  /** The check. */
  check: Check;
  /** What it was done with, where a check is done several times: an image. */
  subject?: string;
  /** What is wrong; empty where the check holds. */
  findings: Finding[];
  /** Why the check, or a part of it, was not done. Shown, never silent. */
  skipped?: string;
  /** What is worth knowing where all holds: files, highest GLIBC. */
  facts?: Record<string, string | number>;
}
