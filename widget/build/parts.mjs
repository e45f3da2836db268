/** What is neither TypeScript nor left as it is: the languages, packed, and the style sheet, minified. */

import { readdir, readFile } from "node:fs/promises";
import { transform } from "esbuild";

const SOURCE = new URL("../src/", import.meta.url);

/** The browsers that have all that the widget needs: popovers, light-dark(), highlights. */
export const TARGET = ["es2022", "chrome123", "edge123", "firefox140", "safari17.5"];

/** The modules that are made here, by name. */
export const PARTS = { "part:languages": languages, "part:style": style };

/**
 * `names` are the keys of all strings; `packed` has for each language its strings in that order, a line each.
 *
 * Throws where a language lacks a string or has one too many.
 */
async function languages() {
  const files = (await readdir(new URL("languages/", SOURCE))).filter((name) => name.endsWith(".json")).sort(byScript);
  const read = async (file) => JSON.parse(await readFile(new URL(`languages/${file}`, SOURCE), "utf8"));
  const names = Object.keys(await read("en.json"));
  const packed = {};
  for (const file of files) {
    const strings = await read(file);
    const wrong = different(names, Object.keys(strings));
    if (wrong.length) throw new Error(`${file}: unlike en.json in ${wrong.join(", ")}`);
    packed[file.replace(".json", "")] = names.map((name) => strings[name]).join("\n");
  }
  return `export const names = ${JSON.stringify(names.join(" "))};\nexport const packed = ${JSON.stringify(packed)};`;
}

function different(one, other) {
  return [...one.filter((name) => !other.includes(name)), ...other.filter((name) => !one.includes(name))];
}

async function style() {
  const css = await readFile(new URL("style.css", SOURCE), "utf8");
  const { code } = await transform(css, { loader: "css", minify: true, target: TARGET });
  return `export default ${JSON.stringify(code.trim())};`;
}

/** Languages with much in common stand side by side, which compresses better. */
function byScript(one, other) {
  const order = ["en", "de", "fr", "it", "es", "pt", "ru", "ar", "ja", "zh"];
  return order.indexOf(one.replace(".json", "")) - order.indexOf(other.replace(".json", ""));
}
