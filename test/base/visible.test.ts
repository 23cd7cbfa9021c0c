import { describe, expect, test } from 'vitest';
import { csvCell, csvText } from '../../src/base/csv.ts';
import { visible, visibleJson, visibleLines } from '../../src/base/visible.ts';

/** Whether a text holds nothing that a terminal would act on, or that would reorder or hide what is around it. */
const isInert = (text: string): boolean => !/[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}]/u.test(text);

describe('visible', () => {
  test('every control, bidirectional and invisible character is seen, and acts no more', () => {
    const codes = Array.from({ length: 0x10000 }, (_, code) => code);
    expect(codes.filter((code) => !isInert(visible(`a${String.fromCharCode(code)}b`)))).toEqual([]);
    expect(visible('\u001b[31m\u0000\u009b2J\r\n\t\u007f')).toBe('␛[31m␀⟨009B⟩2J␍↵⇥␡');
    expect(visible('safe\u202ecod.exe\u2066x\u2069')).toBe('safe⟨202E⟩cod.exe⟨2066⟩x⟨2069⟩');
    expect(visible('\ud800a\u{e0041}')).toBe('\ufffda⟨E0041⟩');
  });

  test('text of any script stays as it is', () => {
    const text = "don't — ‘é’ naïve 世界 🙂 עברית العربية हिन्दी ¼ <|endoftext|> C:\\dir";
    expect(visible(text)).toBe(text);
  });

  test('lines stay lines where they are meant to', () => {
    expect(visibleLines('a\u001b\nb')).toBe('a␛\nb');
  });

  test('JSON is the same value, with nothing in it that acts', () => {
    const value = { 'k\u009b': ['\u001b[2J', '\u202e', '\ud800', '\u{e0041}', '世', 'a\nb', '\\u009b'] };
    const text = visibleJson(value);
    expect(isInert(text)).toBe(true);
    expect(text).not.toContain('\u{e0041}');
    expect(JSON.parse(text)).toEqual(value);
  });
});

describe('cells of CSV', () => {
  test('a text that would be a formula is inert, numbers stay numbers', () => {
    for (const start of ['=', '+', '-', '@', '\t', '\r']) {
      expect(csvCell(`${start}1`).replace(/^"/, '').startsWith(`'${start}`)).toBe(true);
    }
    expect([csvCell(-1.5), csvCell(0), csvCell(null), csvCell('a=b'), csvCell('')]).toEqual([
      '-1.5',
      '0',
      '',
      'a=b',
      '',
    ]);
    expect(csvCell('=cmd|\' /C calc\'!A0,"x"')).toBe('"\'=cmd|\' /C calc\'!A0,""x"""');
  });

  test('rows are RFC 4180', () => {
    expect(
      csvText([
        ['a', 'b,c', 'd"e'],
        [1, null, 'x\ny'],
      ]),
    ).toBe('a,"b,c","d""e"\r\n1,,"x\ny"\r\n');
    expect(csvText([])).toBe('');
  });
});
