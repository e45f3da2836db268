/** The paths of the icons. */

export const CHAT = "M2.5 3h11v8h-6l-3 2.5V11h-2zM5 6h6M5 8.5h4";
export const CLOSE = "M4 4l8 8M12 4l-8 8";
export const FRESH = "M13 8A5 5 0 1 1 11 4M13.5 2v3h-3";
export const SEND = "M8 13V3M3.5 7.5L8 3l4.5 4.5";
export const STOP = "M4.5 4.5h7v7h-7z";
export const COPY = "M5.5 5.5h8v8h-8zM10.5 2.5h-8v8";
export const UP = "M2.5 7H5v6H2.5zM5 7l2.5-5C9 2.5 9.5 4 9 6h4l-1 7H5";
export const DOWN = "M2.5 9H5V3H2.5zM5 9l2.5 5c1.5-.5 2-2 1.5-4h4l-1-7H5";

/** How well a claim is supported, in form and not only in colour: a tick, a half disc, a cross, a question mark. */
export const VERDICTS = {
  supported: "M3 8.5l3.5 3.5L13 4.5",
  partial: "M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3v10M5.5 5v6",
  unsupported: CLOSE,
  unchecked: "M5.5 5.5a2.5 2.5 0 1 1 3.5 2.5q-1 .5-1 2M8 13v.1",
};

/** The kinds of answers. */
export const STATES: Record<string, string> = {
  busy: "M8 3a5 5 0 1 1-5 5",
  answered: VERDICTS.supported,
  partial: VERDICTS.partial,
  conflict: "M6 4L2 8l4 4M10 4l4 4-4 4",
  abstained: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11M5.5 8h5",
  incomplete: "M2 8h4M10 8h4M7 4L6 12M10 4L9 12",
  stopped: STOP,
  error: "M8 2.5L2 13h12zM8 6.5v3M8 11v.5",
};
