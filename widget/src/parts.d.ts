/** The modules that the build makes: see build/parts.mjs. */

declare module "part:languages" {
  /** The keys of all strings, with spaces between. */
  export const names: string;
  /** For each language its strings in the order of the names, a line each. */
  export const packed: Record<string, string>;
}

declare module "part:style" {
  const css: string;
  export default css;
}
