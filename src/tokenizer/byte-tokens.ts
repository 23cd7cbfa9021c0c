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

/**
 * Texts from `spellBytes` without the part of a character with which they begin or end: what is cut into contexts is cut
 * between tokens, and a token may end within a character. Other bytes that are no character stay what they are.
 *
 * @param special positions of special tokens, which stand before the first and after the last character
 */
export function wholeCharacters(
  texts: readonly string[],
  special: readonly number[] = [],
): readonly string[] {
  if (!texts.some((text) => text.includes('<0x'))) return texts;
  const whole = [...texts];
  const isText = (token: number) => !special.includes(token) && texts[token]!.trim() !== '';
  const tokens = texts.map((_, token) => token).filter(isText);
  // At the beginning up to three bytes that go on with a character.
  for (const token of tokens.slice(0, 3)) {
    const [bytes] = /^(?:<0x[89AB][0-9A-F]>)*/.exec(texts[token]!)!;
    whole[token] = texts[token]!.slice(bytes.length);
    if (whole[token] !== '') break;
  }
  // At the end the byte that begins one, and up to two after it.
  let rest = '';
  for (const token of tokens.slice(-3).reverse()) {
    const [bytes] = /(?:<0x[89A-F][0-9A-F]>)*$/.exec(texts[token]!)!;
    rest = bytes + rest;
    const [part] = /(?:<0x[C-F][0-9A-F]>(?:<0x[89AB][0-9A-F]>)*)?$/.exec(rest)!;
    if (part !== '') {
      whole.fill('', token + 1, tokens.at(-1)! + 1);
      whole[token] = texts[token]!.slice(0, texts[token]!.length - bytes.length + rest.length - part.length);
    }
    if (part !== '' || bytes.length < texts[token]!.length) break;
  }
  return whole;
}

/**
 * The token that shows the character to which token `position` belongs, in texts from `spellBytes`; of a part of a character that
 * is not shown, a token beside it.
 */
export function spelledAt(texts: readonly string[], position: number): number {
  let at = position;
  while (at > 0 && texts[at] === '') at--;
  if (texts[at] !== '') return at;
  while (at < texts.length - 1 && texts[at] === '') at++;
  return texts[at] === '' ? position : at;
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
