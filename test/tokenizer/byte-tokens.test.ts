import { describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { brokenBytes, byteText, spellBytes, spelledAt } from '../../src/tokenizer/byte-tokens.ts';

/** A text as a tokenizer with byte fallback cuts it, where it knows no character but ASCII. */
const bytesOf = (text: string): string[] =>
  Array.from(Buffer.from(text), (byte) => (byte < 0x80 ? String.fromCharCode(byte) : byteText(byte)));

describe('spellBytes', () => {
  test('bytes become the character that they spell, at the first of them', () => {
    expect(spellBytes([' a', '<0xE2>', '<0x80>', '<0x94>', 'b'])).toEqual([' a', '—', '', '', 'b']);
    expect(spellBytes(['<0xF0>', '<0x9F>', '<0x99>', '<0x82>', '<0xC3>', '<0xA9>'])).toEqual([
      '🙂',
      '',
      '',
      '',
      'é',
      '',
    ]);
  });

  test('characters that are cut inside a longer token are whole too', () => {
    expect(spellBytes([' “<0xE2><0x80>', '<0x94>and', ' x'])).toEqual([' “—', 'and', ' x']);
    expect(spellBytes(['<0xE2>', '<0x80><0x94><0xE2><0x80>', '<0x99>s'])).toEqual(['—', '’', 's']);
  });

  test('what spells no character stays, and so does a text that spells out a byte in several tokens', () => {
    const texts = ['<0x80>', ' a', '<0xE2>', '<0x80>', 'b', '<0xE2>', '<0xE2>', '<0x80>', '<0x94>'];
    expect(spellBytes(texts)).toEqual(['<0x80>', ' a', '<0xE2>', '<0x80>', 'b', '<0xE2>', '—', '', '']);
    const written = ['<', '0x', 'E2', '>', '<0', 'x80>'];
    expect(spellBytes(written)).toEqual(written);
    // Overlong, a surrogate, beyond Unicode.
    for (const bad of [
      ['<0xC0>', '<0x80>'],
      ['<0xED>', '<0xA0>', '<0x80>'],
      ['<0xF8>', '<0x88>'],
    ]) {
      expect(spellBytes(bad)).toEqual(bad);
    }
  });

  test('any text comes back from its bytes, cut anywhere, and spelling twice changes nothing', () => {
    const random = createRandom(8);
    const pieces = ['a', ' ', '—', '’', 'é', '🙂', '世', '\n', '<0', 'x'];
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: 12 }, () => pieces[random.integer(pieces.length)]!).join('');
      const tokens: string[] = [];
      for (const byte of bytesOf(text)) {
        if (tokens.length > 0 && random.integer(3) === 0) tokens[tokens.length - 1] += byte;
        else tokens.push(byte);
      }
      const spelled = spellBytes(tokens);
      expect(spelled.join('')).toBe(text);
      expect(spelled).toHaveLength(tokens.length);
      // A passage that begins or ends inside a character keeps the bytes of that one alone.
      const cut = spellBytes(tokens.slice(1, -1));
      expect(spellBytes(cut)).toEqual(cut);
    }
  });

  test('spelledAt finds the token that shows a character; brokenBytes marks what is none', () => {
    const texts = spellBytes(['<0xE2>', '<0x80>', '<0x94>', 'b']);
    expect([0, 1, 2, 3].map((position) => spelledAt(texts, position))).toEqual([0, 0, 0, 3]);
    expect(brokenBytes('a<0xE2><0x80>b')).toBe('a\uFFFD\uFFFDb');
    expect(brokenBytes('<0x7F>')).toBe('<0x7F>');
  });
});
