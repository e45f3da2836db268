/** What is remembered from one page to the next, where the browser allows it. */

export interface Memory {
  read(): string | null;
  write(text: string): void;
}

/** What this page remembers, for as long as it lives. */
const page = new Map<string, string>();

/**
 * The memory of that name: to the end of the tab, for good (`local`), or as long as the page lives (`none`), which
 * is also all there is where the browser forbids more or has no room.
 */
export function memoryOf(name: string, persistence: string | null): Memory {
  function tried<T>(use: (storage: Storage) => T): T | null {
    try {
      return persistence === "none" ? null : use(persistence === "local" ? localStorage : sessionStorage);
    } catch {
      return null;
    }
  }
  return {
    read: () => tried((storage) => storage.getItem(name)) ?? page.get(name) ?? null,
    write(text) {
      page.set(name, text);
      tried((storage) => storage.setItem(name, text));
    },
  };
}
