/** The words of the interface in many languages. */

import { names, packed } from "part:languages";

export type Name = keyof typeof import("./languages/en.json");

/** The words of that name, with `value` in their place. */
export type Say = (name: Name, value?: string | number) => string;

/** The words of one language, and how it is written. */
export interface Language {
  readonly tag: string;
  readonly direction: "ltr" | "rtl";
  readonly say: Say;
}

const NAMES = names.split(" ");
const RIGHT_TO_LEFT = /^(ar|ckb|dv|fa|he|ps|sd|ug|ur|yi)\b/;
const known = new Map<string, Record<string, string>>();

for (const [tag, lines] of Object.entries(packed)) {
  known.set(tag, Object.fromEntries(lines.split("\n").map((line, at) => [NAMES[at], line])));
}

/** Add a language, or replace words of one; words that are left out stay, or are English. */
export function add(tag: string, strings: Partial<Record<Name, string>>): void {
  const name = tag.toLowerCase();
  known.set(name, { ...(known.get(name) ?? known.get(primary(name)) ?? known.get("en")), ...strings });
}

/** The first of the wanted languages that is known, by its whole tag or by the part before a hyphen; else English. */
export function languageOf(wanted: readonly string[]): Language {
  const tags = wanted.map((tag) => tag.toLowerCase()).flatMap((tag) => [tag, primary(tag)]);
  const tag = tags.find((each) => known.has(each)) ?? "en";
  const words = known.get(tag)!;
  return {
    tag,
    direction: RIGHT_TO_LEFT.test(tag) ? "rtl" : "ltr",
    say: (name, value) => (words[name] ?? name).replace("{}", () => `${value}`),
  };
}

function primary(tag: string): string {
  return tag.split("-")[0]!;
}
