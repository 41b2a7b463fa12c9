export const HELP = {
  summary: "x",
  usage: [],
  options: {},
  examples: {},
  exitCodes: {},
};
export function main(_args: readonly string[]): Promise<number> {
  return Promise.resolve(0);
}
