/**
 * Types of the colours, cut to what this project uses.
 *
 * @module
 */

/** Bold text. */
export function bold(str: string): string;
/** Cyan text. */
export function cyan(str: string): string;
/** Faint text. */
export function dim(str: string): string;
/** Whether the functions here colour at all. */
export function getColorEnabled(): boolean;
/** Grey text. */
export function gray(str: string): string;
/** Green text. */
export function green(str: string): string;
/** Red text. */
export function red(str: string): string;
/** Turns colours on or off; `NO_COLOR` keeps them off. */
export function setColorEnabled(value: boolean): void;
/** The text without its escape sequences. */
export function stripAnsiCode(string: string): string;
/** Yellow text. */
export function yellow(str: string): string;
