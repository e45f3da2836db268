/** Elements without HTML strings: what comes from documents and models is only ever text. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with attributes (a function is a listener; false and null leave an attribute out) and children
 * (elements or text; null leaves a child out).
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** An element with somebody else's words: of any language and writing direction. */
export function words(tag, attributes, text) {
  return h(tag, { dir: "auto", lang: "", ...attributes }, text);
}

/** An icon of 16 by 16 pixels, drawn in lines; the words beside it say the same. */
export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/** Text with a capital letter in front: the service's messages have none. */
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A count with its noun: `1 sentence`, `1,200 sentences`. */
export function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
