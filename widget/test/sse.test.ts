import { expect, test } from "vitest";
import { EventParser } from "../src/sse";

const STREAM = 'event: claim\ndata: {"text": "Größe 🦭"}\n\n: waiting\n\nevent: done\r\ndata: one\r\ndata: two\r\n\r\ndata: named by nobody\n\n';
const EVENTS = [
  { name: "claim", data: '{"text": "Größe 🦭"}' },
  { name: "done", data: "one\ntwo" },
  { name: "", data: "named by nobody" },
];

test("events are the same however the stream is cut", () => {
  for (let size = 1; size <= STREAM.length; size += 1) {
    const parser = new EventParser();
    const read = [];
    for (let at = 0; at < STREAM.length; at += size) read.push(...parser.read(STREAM.slice(at, at + size)));
    expect(read).toEqual(EVENTS);
  }
});

test("an event that is cut off is not given", () => {
  expect(new EventParser().read("event: done\ndata: {}\n")).toEqual([]);
});

test("one long line in many pieces takes linear time", () => {
  const parser = new EventParser();
  const start = performance.now();
  for (let piece = 0; piece < 20_000; piece += 1) parser.read("x".repeat(50));
  expect(parser.read("\n\n")).toEqual([]);
  expect(performance.now() - start).toBeLessThan(500);
});
