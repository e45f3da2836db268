/** Elements without HTML strings: what comes from documents, models and services is only ever text. */

const SVG = "http://www.w3.org/2000/svg";

/** More marks on one letter than any language has: thousands take a browser seconds to draw, so they are left out. */
const STACK = /(\p{M}{9})\p{M}+/gu;

export type Child = Node | string | null | undefined | false;

/** A function is a listener; `true` an attribute without a value; `false`, null and undefined leave it out. */
export type Attributes = Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>;

/** An element with attributes and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : `${value}`);
  }
  for (const child of children) {
    if (child) element.append(typeof child === "string" ? child.replace(STACK, "$1") : child);
  }
  return element;
}

/** An element with somebody else's words: of any language and writing direction. */
export function words<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes,
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return h(tag, { dir: "auto", lang: "", ...attributes }, ...children);
}

/** An icon of 16 by 16 pixels, drawn in lines; the words beside it say the same. */
export function icon(path: string): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/** A button that shows an icon and has a name. */
export function iconButton(name: string, path: string, attributes: Attributes): HTMLButtonElement {
  return h("button", { type: "button", class: "icon", "aria-label": name, title: name, ...attributes }, icon(path));
}
