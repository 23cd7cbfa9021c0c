/**
 * Characters that cannot be seen, or that would do something to a terminal or to the text around them: control
 * characters (NUL, ESC, C1), invisible ones, line and paragraph separators, bidirectional marks and overrides, tags, and
 * halves of surrogate pairs.
 */
const HIDDEN =
  /[\p{Cc}\p{Cs}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/**
 * Foreign text (names of documents and files, words, tokens, messages of errors) as it is shown, in a terminal above
 * all: one line, in which every hidden character is seen and does nothing. `↵`, `⇥`, `␍`, `␛` … are control characters,
 * `⟨202E⟩` is any other.
 *
 * @example
 * console.log(visible('a\u001b[31mb')); // a␛[31mb
 */
export function visible(text: string): string {
  return text.replace(HIDDEN, shown);
}

/** Foreign text of several lines, such as a stack trace. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}

/** JSON text in which hidden characters are escapes: the same value, safe to print. */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value).replace(HIDDEN, (character) =>
    Array.from({ length: character.length }, (_, i) => character.charCodeAt(i))
      .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

function shown(character: string): string {
  const code = character.codePointAt(0)!;
  if (code === 0x0a) return '↵';
  if (code === 0x09) return '⇥';
  if (code === 0x0d) return '␍';
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '␡';
  if (code >= 0xd800 && code <= 0xdfff) return '\ufffd';
  return `⟨${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}
