/**
 * Pointers of Git LFS: small texts that stand where the files themselves are,
 * until somebody fetches those. Upstream keeps archives and ttyd binaries so.
 *
 * @module
 */

/** How a pointer begins, as the specification of Git LFS has it. */
const POINTER = new TextEncoder().encode(
  "version https://git-lfs.github.com/spec/v1\n",
);

/** What to do about a pointer. */
export const LFS_ADVICE =
  'it is a pointer of Git LFS and not the file itself; fetch that with "git lfs pull"';

/** Whether a file that begins with these bytes is a pointer. */
export function isLfsPointer(bytes: Uint8Array): boolean {
  return POINTER.every((byte, i) => bytes[i] === byte);
}

/** Whether the file at `path` is a pointer. */
export async function isLfsPointerFile(path: string): Promise<boolean> {
  using file = await Deno.open(path);
  const head = new Uint8Array(POINTER.length);
  await file.read(head);
  return isLfsPointer(head);
}
