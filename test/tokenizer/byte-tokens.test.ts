import { describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import {
  brokenBytes,
  byteText,
  spellBytes,
  spelledAt,
  wholeCharacters,
} from '../../src/tokenizer/byte-tokens.ts';

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

  test.each([
    // A dash whose first byte, or first two, are in the context before.
    [
      ['<0x94>', 'not', 'hing'],
      ['', 'not', 'hing'],
    ],
    [
      ['<0x80>', '<0x94>', 'not'],
      ['', '', 'not'],
    ],
    [
      ['<0x80><0x94>not', 'hing'],
      ['not', 'hing'],
    ],
    // Whose last byte, or last two, are in the one after.
    [
      [' a', '<0xE2>', '<0x80>'],
      [' a', '', ''],
    ],
    [
      [' a<0xE2>', '<0x80>'],
      [' a', ''],
    ],
    [
      [' a', '<0xF0><0x9F><0x91>'],
      [' a', ''],
    ],
    [
      ['<0x8D>', ' a', '<0xE2>'],
      ['', ' a', ''],
    ],
    // After a special token, before one, and a space.
    [
      ['<|endoftext|>', ' ', '<0x94>', 'b', '<0xC3>', '<|endoftext|>'],
      ['<|endoftext|>', ' ', '', 'b', '', '<|endoftext|>'],
    ],
    // No part of a character: in the middle, and at the ends.
    [
      [' a', '<0x94>', 'b'],
      [' a', '<0x94>', 'b'],
    ],
    [
      ['<0xFF>', 'b', '<0x94>'],
      ['<0xFF>', 'b', '<0x94>'],
    ],
    [
      ['<0xE2>', 'b', '<0x80>'],
      ['<0xE2>', 'b', '<0x80>'],
    ],
    [['<0x94>'], ['']],
    [
      ['—', 'é'],
      ['—', 'é'],
    ],
  ])('%j shows no part of a character at its ends', (tokens, shown) => {
    const special = tokens.flatMap((token, at) => (token.startsWith('<|') ? [at] : []));
    const whole = wholeCharacters(spellBytes(tokens), special);
    expect(whole).toEqual(shown);
    expect(wholeCharacters(whole, special)).toEqual(shown);
  });

  test('spelledAt finds the token that shows a character; brokenBytes marks what is none', () => {
    const texts = spellBytes(['<0xE2>', '<0x80>', '<0x94>', 'b']);
    expect([0, 1, 2, 3].map((position) => spelledAt(texts, position))).toEqual([0, 0, 0, 3]);
    // A part of a character that is not shown.
    expect(spelledAt(['', '', 'b', ''], 0)).toBe(2);
    expect(spelledAt(['', '', 'b', ''], 3)).toBe(2);
    expect(spelledAt(['', ''], 1)).toBe(1);
    expect(brokenBytes('a<0xE2><0x80>b')).toBe('a\uFFFD\uFFFDb');
    expect(brokenBytes('<0x7F>')).toBe('<0x7F>');
  });
});
