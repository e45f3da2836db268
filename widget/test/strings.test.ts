import { packed } from "part:languages";
import { expect, test } from "vitest";
import english from "../src/languages/en.json";
import { add, languageOf } from "../src/strings";

test("there are ten languages, and each has a value where English has one", () => {
  expect(Object.keys(packed)).toHaveLength(10);
  for (const tag of Object.keys(packed)) {
    const { say } = languageOf([tag]);
    for (const [name, words] of Object.entries(english)) {
      const said = say(name as keyof typeof english, "17");
      expect(said.trim(), `${tag} ${name}`).not.toBe("");
      expect(said.includes("17"), `${tag} ${name}`).toBe(words.includes("{}"));
    }
  }
});

test("a language is found by its whole tag, else by its first part, else it is English", () => {
  expect(languageOf(["xx", "pt-BR", "de"]).tag).toBe("pt");
  expect(languageOf(["xx"]).tag).toBe("en");
  expect(languageOf(["__proto__", "constructor"]).tag).toBe("en");
});

test("the direction follows the language", () => {
  expect(languageOf(["ar-EG"]).direction).toBe("rtl");
  expect(languageOf(["en"]).direction).toBe("ltr");
});

test("a language that is added speaks, and is English in the rest", () => {
  add("nl-BE", { title: "Vraag het" });
  const { say, tag } = languageOf(["nl-BE"]);
  expect([tag, say("title"), say("close")]).toEqual(["nl-be", "Vraag het", "Close"]);
});

test("words of a known language can be replaced", () => {
  add("de", { title: "Frag das Handbuch" });
  const { say } = languageOf(["de"]);
  expect([say("title"), say("close")]).toEqual(["Frag das Handbuch", "Schließen"]);
});
