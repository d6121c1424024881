/** JSON of strangers: what recursion cannot follow is refused before anything walks through it. */

/** Deeper than any file of ours or of diffusers. */
const MAX_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * `JSON.parse` with a limit on nesting: a text of a million brackets is parsed well enough, but whoever clones, compares or
 * prints the value afterwards runs out of stack.
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (OPENING.has(code) && ++depth > MAX_DEPTH) throw new SyntaxError(`nested deeper than ${MAX_DEPTH}`);
    else if (CLOSING.has(code)) depth--;
  }
  return JSON.parse(text);
}

/** Index of the quote that ends the string beginning at `start`, or the text's length. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at;
  }
  return text.length;
}
