// GPT-2's alphabet: printable bytes stand for themselves, the others for U+0100 upwards in order.

const CHARACTERS: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(printable ? byte : next++);
  });
})();

/** The byte that a character of the alphabet stands for. */
export const BYTE_OF: ReadonlyMap<string, number> = new Map(CHARACTERS.map((text, byte) => [text, byte]));

const UTF8 = new TextEncoder();

/** The UTF-8 bytes of a text, a character each. */
export function toByteCharacters(text: string): string {
  let characters = '';
  for (const byte of UTF8.encode(text)) characters += CHARACTERS[byte];
  return characters;
}
