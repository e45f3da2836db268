// @vitest-environment node

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { answer, Failure, sendFeedback, type Service } from "../src/service";

const closing: (() => void)[] = [];

afterEach(() => closing.splice(0).forEach((close) => close()));

/** A service on loopback that replies as it is told. */
async function serviceOf(reply: (request: IncomingMessage, response: ServerResponse) => void): Promise<Service> {
  const server = createServer(reply).listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  closing.push(() => server.closeAllConnections(), () => server.close());
  const { port } = server.address() as AddressInfo;
  return { api: `http://127.0.0.1:${port}/`, collection: "default", key: () => null };
}

async function namesOf(service: Service, signal = new AbortController().signal): Promise<string[]> {
  const names = [];
  for await (const { name } of answer(service, "How many?", [], signal)) names.push(name);
  return names;
}

function failing(code: string, status = 0): object {
  return expect.objectContaining({ constructor: Failure, code, status });
}

test("events come as they are sent, in characters that are cut anywhere", async () => {
  const service = await serviceOf(async (_request, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    for (const byte of Buffer.from('event: claim\ndata: {"text": "Größe"}\n\nevent: done\ndata: {}\n\n')) {
      response.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    response.end();
  });
  expect(await namesOf(service)).toEqual(["claim", "done"]);
});

test("a stream that ends without its end is broken", async () => {
  const service = await serviceOf((_request, response) => response.end("event: claim\ndata: {}\n\n"));
  await expect(namesOf(service)).rejects.toEqual(failing("broken"));
});

test("a connection that is cut is broken", async () => {
  const service = await serviceOf((_request, response) => {
    response.write("event: claim\ndata: {}\n\n", () => response.destroy());
  });
  await expect(namesOf(service)).rejects.toEqual(failing("broken"));
});

test("nobody there is unreachable", async () => {
  const service = { api: "http://127.0.0.1:1/", collection: "default", key: () => null };
  await expect(namesOf(service)).rejects.toEqual(failing("unreachable"));
});

test("a problem has its code, its status and its pause", async () => {
  const service = await serviceOf((_request, response) => {
    response.writeHead(429, { "Retry-After": "7" }).end('{"code": "rate_limited", "detail": "slow down"}');
  });
  await expect(namesOf(service)).rejects.toMatchObject({ code: "rate_limited", status: 429, retrySeconds: 7, message: "slow down" });
});

test("a page of a proxy's is no problem that could be read", async () => {
  const service = await serviceOf((_request, response) => void response.writeHead(502).end("<h1>Bad gateway</h1>"));
  await expect(namesOf(service)).rejects.toEqual(failing("unreadable", 502));
});

test("an abort ends the request", async () => {
  const stopping = new AbortController();
  const gone = new Promise<void>((resolve) => {
    void serviceOf((request, response) => {
      response.write("event: retrieval\ndata: {}\n\n");
      request.on("close", resolve);
    }).then(async (service) => {
      for await (const _ of answer(service, "How many?", [], stopping.signal)) stopping.abort();
    }).catch(() => {});
  });
  await gone;
});

test.each([[404, false], [204, true]])("feedback that is replied to with %i is taken: %j", async (status, taken) => {
  const service = await serviceOf((_request, response) => void response.writeHead(status).end());
  expect(await sendFeedback(service, { answer_id: "a", rating: "up" })).toBe(taken);
});
