import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, test, vi } from "vitest";
import { AskTheDocuments } from "../examples/react/AskTheDocuments";

test("the React example sets the attributes, loads the script once and passes events on", async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  vi.stubGlobal("CSS", { escape: (text: string) => text }); // jsdom has none
  const answers: unknown[] = [];
  const place = document.body.appendChild(document.createElement("div"));
  const props = { api: "https://docs.example.com", apiKey: "pk_1", onAnswer: (detail: unknown) => answers.push(detail) };
  const root = createRoot(place);
  await act(async () => root.render([<AskTheDocuments key="a" {...props} />, <AskTheDocuments key="b" {...props} />]));
  const element = place.querySelector("qa-chat")!;
  expect(element.getAttribute("api-key")).toBe("pk_1");
  expect(document.head.querySelectorAll("script[type=module]")).toHaveLength(1);
  const detail = { question: "How many?" };
  element.dispatchEvent(new CustomEvent("qa-answer", { detail }));
  expect(answers).toEqual([detail]);
  await act(async () => root.unmount());
});
