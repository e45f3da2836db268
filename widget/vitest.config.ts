import { defineConfig } from "vitest/config";
import { PARTS } from "./build/parts.mjs";

export default defineConfig({
  plugins: [
    {
      name: "parts",
      resolveId: (id) => (id in PARTS ? `\0${id}` : null),
      load: (id) => PARTS[id.slice(1) as keyof typeof PARTS]?.() ?? null,
    },
  ],
  test: { environment: "jsdom", include: ["test/**/*.test.{ts,tsx}"] },
});
