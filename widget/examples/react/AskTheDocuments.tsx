/** The widget in a React application: loads the script once, and passes events on as props. */

import { useEffect, useRef } from "react";
import type { AnswerEvent, ErrorEvent, FeedbackEvent, QAChatElement } from "../../qa-chat";

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "qa-chat": React.DetailedHTMLProps<React.HTMLAttributes<QAChatElement>, QAChatElement> & Record<string, unknown>;
    }
  }
}

interface Props {
  /** The address of the service, such as `https://docs.example.com`. */
  readonly api: string;
  /** A publishable key; React keeps `key` to itself. */
  readonly apiKey: string;
  readonly collection?: string;
  readonly suggestions?: readonly string[];
  readonly onAnswer?: (detail: AnswerEvent["detail"]) => void;
  readonly onFeedback?: (detail: FeedbackEvent["detail"]) => void;
  readonly onError?: (detail: ErrorEvent["detail"]) => void;
}

export function AskTheDocuments({ api, apiKey, collection, suggestions = [], onAnswer, onFeedback, onError }: Props) {
  const element = useRef<QAChatElement>(null);

  useEffect(() => {
    const address = `${api}/widget.js`;
    if (document.querySelector(`script[src="${CSS.escape(address)}"]`)) return;
    const script = Object.assign(document.createElement("script"), { type: "module", src: address });
    document.head.append(script);
  }, [api]);

  useEffect(() => {
    const listening = new AbortController();
    const { signal } = listening;
    element.current?.addEventListener("qa-answer", (event) => onAnswer?.(event.detail), { signal });
    element.current?.addEventListener("qa-feedback", (event) => onFeedback?.(event.detail), { signal });
    element.current?.addEventListener("qa-error", (event) => onError?.(event.detail), { signal });
    return () => listening.abort();
  }, [onAnswer, onFeedback, onError]);

  return (
    <qa-chat ref={element} api={api} api-key={apiKey} collection={collection} suggestions={suggestions.join("|")} />
  );
}
