/**
 * Types of `parse`.
 *
 * @module
 */

/**
 * The tables and values of a TOML document.
 *
 * @throws {SyntaxError} If the text is not TOML.
 */
export function parse(tomlString: string): Record<string, unknown>;
