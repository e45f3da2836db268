/** Texts by code points, and the little formatting that a claim may carry. */

import { h } from "./dom";

/** The index in a JavaScript string, which counts UTF-16 units, of the place behind `count` code points. */
export function indexAt(text: string, count: number): number {
  let index = 0;
  for (; count > 0 && index < text.length; count -= 1) index += text.codePointAt(index)! > 0xffff ? 2 : 1;
  return index;
}

/** The most formatted stretches of a text; what comes behind them stands as it is. */
const MOST = 50;

/** Each alternative ends at the first sign that it may not hold, so time is linear in the text. */
const FORMATTED = /\*\*([^*]+)\*\*|`([^`]+)`/g;

/** A text as nodes: `**strong**`, `` `code` ``, and all else as it stands. */
export function formatted(text: string): (Node | string)[] {
  const nodes: (Node | string)[] = [];
  let at = 0;
  for (const { 0: all, 1: strong, 2: code, index } of text.matchAll(FORMATTED)) {
    nodes.push(text.slice(at, index), strong ? h("strong", {}, strong) : h("code", {}, code));
    at = index + all.length;
    if (nodes.length > 2 * MOST) break;
  }
  return [...nodes, text.slice(at)];
}
