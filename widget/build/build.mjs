/** Builds the one file that the service sends; with `--check`, compares it with the one that is committed. */

import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";
import { PARTS, TARGET } from "./parts.mjs";

const ENTRY = fileURLToPath(new URL("../src/index.ts", import.meta.url));
const OUTPUT = new URL("../../qa_service/static/widget.js", import.meta.url);

/** As the service sends it: small blocks suit a file that is code in front and ten languages behind. */
const COMPRESSION = { level: 9, memLevel: 5 };

/** The most bytes that a page may have to load. */
const LIMIT = 14_000;

const parts = {
  name: "parts",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^part:/ }, ({ path }) => ({ path, namespace: "part" }));
    onLoad({ filter: /.*/, namespace: "part" }, async ({ path }) => ({ contents: await PARTS[path]() }));
  },
};

const { outputFiles } = await build({
  entryPoints: [ENTRY],
  absWorkingDir: fileURLToPath(new URL("..", import.meta.url)),
  bundle: true,
  charset: "utf8",
  format: "esm",
  legalComments: "none",
  minify: true,
  mangleProps: /^_/,
  plugins: [parts],
  target: TARGET,
  write: false,
});
const { code } = await minify(outputFiles[0].text, { module: true, ecma: 2022, compress: { passes: 3 } });
const built = Buffer.from(`${code}\n`);
const size = gzipSync(built, COMPRESSION).length;
console.log(`widget.js: ${built.length} bytes, ${size} with gzip (limit ${LIMIT})`);

if (size > LIMIT) {
  console.error("widget.js is too large: take something out before you add to it");
  process.exitCode = 1;
} else if (!process.argv.includes("--check")) {
  await writeFile(OUTPUT, built);
} else if (!built.equals(await readFile(OUTPUT))) {
  console.error("qa_service/static/widget.js is not what widget/src builds: run `make widget` and commit it");
  process.exitCode = 1;
}
