/**
 * Unified diffs for dry runs.
 *
 * @module
 */

/**
 * What `patch -p0` needs to turn `before` into `after`: the differing lines of
 * one file with three lines of context. Empty where nothing differs.
 */
export async function unifiedDiff(
  path: string,
  before: string,
  after: string,
): Promise<string> {
  if (before === after) return "";
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import("diff");
  return createTwoFilesPatch(
    path,
    path,
    before,
    after,
    undefined,
    undefined,
    { context: 3, headerOptions: FILE_HEADERS_ONLY },
  );
}
