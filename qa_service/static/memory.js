/** What this browser tab remembers: its session storage, or the page alone where the browser forbids that. */

const page = new Map();

/** The text kept under a name, or null. */
export function recall(name) {
  try {
    return sessionStorage.getItem(name) ?? page.get(name) ?? null;
  } catch {
    return page.get(name) ?? null;
  }
}

/** Keep a text under a name. */
export function remember(name, text) {
  page.set(name, text);
  try {
    sessionStorage.setItem(name, text);
  } catch {
    // Forbidden or full: the page's own memory has it.
  }
}

/** Drop what is kept under a name. */
export function forget(name) {
  page.delete(name);
  try {
    sessionStorage.removeItem(name);
  } catch {
    // Forbidden: nothing was stored.
  }
}
