// Bytes that are no whole UTF-8 character by themselves: a tokenizer with byte fallback has a token for each, and a
// byte-level one may cut a character in two. As text such a byte is written `<0xE2>`.

/** The text that stands for a byte that is not a character: `<0xE2>`. */
export function byteText(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** `byteText` of a byte that is not ASCII. */
const BYTE = /<0x([89A-F][0-9A-F])>/g;

/**
 * The texts of consecutive tokens, in which bytes that together are a character are that character: `<0xE2>`, `<0x80>`,
 * `<0x94>` become `—`, '' and ''. The character stands at the token of its first byte. Bytes that are no character stay
 * as they are. Done twice, it changes nothing.
 *
 * @example
 * console.log(spellBytes([' a', '<0xE2>', '<0x80>', '<0x94>', 'b'])); // [' a', '—', '', '', 'b']
 */
export function spellBytes(texts: readonly string[]): readonly string[] {
  if (!texts.some((text) => text.includes('<0x'))) return texts;
  const spelled: string[] = new Array(texts.length).fill('');
  let bytes: number[] = [];
  /** The token of each of the bytes. */
  let tokens: number[] = [];
  const flush = (): void => {
    for (let i = 0; i < bytes.length; ) {
      const length = characterLength(bytes, i);
      spelled[tokens[i]!] += length === 0 ? byteText(bytes[i]!) : character(bytes, i, length);
      i += Math.max(1, length);
    }
    bytes = [];
    tokens = [];
  };
  texts.forEach((text, token) => {
    let at = 0;
    for (const match of text.matchAll(BYTE)) {
      if (match.index > at) {
        flush();
        spelled[token] += text.slice(at, match.index);
      }
      bytes.push(Number.parseInt(match[1]!, 16));
      tokens.push(token);
      at = match.index + match[0].length;
    }
    if (at < text.length) {
      flush();
      spelled[token] += text.slice(at);
    }
  });
  flush();
  return spelled;
}

/** The bytes that spelled no character, as U+FFFD. */
export function brokenBytes(text: string): string {
  return text.replace(BYTE, '\uFFFD');
}

/** The token that shows the character to which token `position` belongs, in texts from `spellBytes`. */
export function spelledAt(texts: readonly string[], position: number): number {
  let at = position;
  while (at > 0 && texts[at] === '') at--;
  return at;
}

/** Bytes of the UTF-8 character that starts at `i`, or 0 where none does. */
export function characterLength(bytes: readonly number[], i: number): number {
  const lead = bytes[i]!;
  const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length === 0 || i + length > bytes.length) return 0;
  try {
    UTF8_STRICT.decode(Uint8Array.from(bytes.slice(i, i + length)));
    return length;
  } catch {
    return 0;
  }
}

/** The character of `length` bytes from `i`. */
export function character(bytes: readonly number[], i: number, length: number): string {
  return UTF8_STRICT.decode(Uint8Array.from(bytes.slice(i, i + length)));
}

const UTF8_STRICT = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
