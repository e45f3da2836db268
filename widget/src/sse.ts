/** Server-sent events, as the HTML standard reads them, with lines that end in LF or CR LF; `id` and `retry` are of no use here. */

export interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

/** Reads events from a text that comes in pieces; one that is cut off is not given. Time is linear in the text. */
export class EventParser {
  #rest = "";
  #name = "";
  #data: string[] = [];

  /** The events that are complete with this piece. */
  read(piece: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const lines = piece.split("\n");
    lines[0] = this.#rest + lines[0];
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const [, field, value] = /^([^:\r]*):? ?([^\r]*)/.exec(line)!;
      if (field === "event") this.#name = value!;
      else if (field === "data") this.#data.push(value!);
      else if (/^\r?$/.test(line)) {
        if (this.#data.length) events.push({ name: this.#name, data: this.#data.join("\n") });
        this.#name = "";
        this.#data = [];
      }
    }
    return events;
  }
}
