/**
 * Types of `format`, cut to what this project uses.
 *
 * @module
 */

/** Options of {@linkcode format}. */
export interface FormatOptions {
  /** Counts in powers of 1024 (KiB) in place of 1000 (kB). */
  binary?: boolean;
  /** At most this many digits after the point. */
  maximumFractionDigits?: number;
  /** At least this many digits after the point. */
  minimumFractionDigits?: number;
}

/** A number of bytes for people: 1337 is `1.34 kB`. */
export function format(num: number, options?: FormatOptions): string;
