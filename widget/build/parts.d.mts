export const TARGET: string[];
export const PARTS: Record<"part:languages" | "part:style", () => Promise<string>>;
