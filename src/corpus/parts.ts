/** Longest document, in characters (UTF-16 units): a longer text is taken in parts. */
export const DOCUMENT_LIMIT = 1 << 20;

/** The text in parts of at most `limit` characters, joined they are the text. */
export function* cutText(text: string, limit = DOCUMENT_LIMIT): Generator<string> {
  let start = 0;
  while (text.length - start > limit) {
    const window = text.slice(start, start + limit + 1);
    const cut = cutPoint(window, limit);
    yield window.slice(0, cut);
    start += cut;
  }
  yield text.slice(start);
}

/**
 * Where to cut a text that is longer than `limit`: the position (limit / 2 < position ≤ limit) that the second
 * part begins at. In this order: after a single line end between two characters that are not spaces; after any
 * line end before such a character; before a single space; at the limit, but not inside a surrogate pair.
 * The first and the third are boundaries of the pre-tokens of GPT-2's and of GPT-4's family, with the same
 * pre-tokens on both sides, so that byte-level BPE gives the parts the tokens of the whole.
 */
export function cutPoint(text: string, limit: number): number {
  const least = limit >>> 1;
  let looser = 0;
  for (
    let at = text.lastIndexOf('\n', limit - 1);
    at >= least && at > 0;
    at = text.lastIndexOf('\n', at - 1)
  ) {
    if (isSpace(text, at + 1)) continue;
    const before = text[at - 1] === '\r' ? at - 2 : at - 1;
    if (before >= 0 && !isSpace(text, before)) return at + 1;
    looser ||= at + 1;
  }
  if (looser > 0) return looser;
  for (let at = text.lastIndexOf(' ', limit); at > least; at = text.lastIndexOf(' ', at - 1)) {
    if (at + 1 < text.length && !isSpace(text, at - 1) && !isSpace(text, at + 1)) return at;
  }
  const unit = text.charCodeAt(limit);
  return unit >= 0xdc00 && unit <= 0xdfff && limit > 1 ? limit - 1 : limit;
}

function isSpace(text: string, at: number): boolean {
  return /\s/.test(text[at]!);
}
