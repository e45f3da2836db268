/** Server-sent events from a stream of bytes, as the HTML standard reads them; `id` and `retry` are of no use here. */

/** The events `{name, data}` in an asynchronous iterable of byte arrays; one that is cut off is not given. */
export async function* events(chunks) {
  const decoder = new TextDecoder();
  let rest = "";
  let endedInReturn = false;
  let name = "";
  let data = [];
  for await (const chunk of chunks) {
    let text = decoder.decode(chunk, { stream: true });
    if (!text) continue;
    // CR LF is one line end, also where it is split between two chunks.
    if (endedInReturn && text.startsWith("\n")) text = text.slice(1);
    endedInReturn = text ? text.endsWith("\r") : false;
    const lines = (rest + text).split(/\r\n|\r|\n/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (data.length) yield { name: name || "message", data: data.join("\n") };
        name = "";
        data = [];
        continue;
      }
      const { field, value } = split(line);
      if (field === "event") name = value;
      else if (field === "data") data.push(value);
    }
  }
}

/** A line's field and value; a comment's field is empty. */
function split(line) {
  const colon = line.indexOf(":");
  if (colon < 0) return { field: line, value: "" };
  return { field: line.slice(0, colon), value: line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1) };
}
