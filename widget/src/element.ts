/** The `qa-chat` element: attributes and methods around a chat. */

import css from "part:style";
import type { Answer, QAChatElement } from "../qa-chat";
import { chatOf, type Chat } from "./chat";
import { languageOf } from "./strings";

/** Where the script came from is where the service is, unless the element says otherwise. */
const HOME = new URL(".", import.meta.url).href;

const sheet = new CSSStyleSheet();
sheet.replaceSync(css);

const living = new Set<QAChat>();

/** Draw all elements again that are on the page. */
export function redraw(): void {
  for (const element of living) element.draw();
}

export class QAChat extends HTMLElement implements QAChatElement {
  static readonly observedAttributes = ["api", "collection", "heading", "inline", "lang", "persist", "source-base", "suggestions"];

  // Not set here: a page may have set it before this script came.
  declare credentials: (() => string | Promise<string>) | null;
  #chat: Chat | undefined;

  connectedCallback(): void {
    living.add(this);
    this.draw();
    if (this.hasAttribute("open")) this.open();
  }

  disconnectedCallback(): void {
    living.delete(this);
    this.stop();
  }

  attributeChangedCallback(): void {
    if (this.#chat) this.draw();
  }

  /** Draw everything from the attributes and what is remembered; an answer that is being written is stopped. */
  draw(): void {
    const wasOpen = this.#chat?.isOpen();
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const attribute = (name: string): string | null => this.getAttribute(name);
    this.stop();
    root.adoptedStyleSheets = [sheet];
    this.#chat = chatOf({
      service: {
        api: new URL(attribute("api")?.replace(/\/?$/, "/") ?? HOME, document.baseURI).href,
        collection: attribute("collection") ?? undefined,
        // Frameworks keep `key` to themselves, so it has a second name.
        key: () => this.credentials?.() ?? attribute("key") ?? attribute("api-key"),
      },
      language: languageOf([this.closest("[lang]")?.getAttribute("lang") ?? "", ...navigator.languages]),
      heading: attribute("heading"),
      isInline: this.hasAttribute("inline"),
      suggestions: attribute("suggestions")?.split("|") ?? [],
      sourceBase: attribute("source-base"),
      persistence: attribute("persist"),
      emit: (name, detail) => this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true })),
    });
    root.replaceChildren(this.#chat.element);
    if (wasOpen && !this.#chat.isOpen()) this.open();
  }

  open(): void {
    this.#chat?.open();
  }

  close(): void {
    this.#chat?.close();
  }

  async ask(question: string): Promise<Answer | null> {
    return this.#chat?.ask(question) ?? null;
  }

  stop(): void {
    this.#chat?.stop();
  }

  reset(): void {
    this.#chat?.reset();
  }
}
