import { expect, it } from 'vitest';
import type { Example } from '../../web/src/source/answers.ts';
import { documentNames } from '../../web/src/unit/document-names.ts';
import { exampleMarkdown, exampleText, featureMarkdown, featureText } from '../../web/src/unit/takeaway.ts';

const example = (tokens: string[], position: number, document = 'a.txt'): Example =>
  ({ id: 0, tokens, position, document, activation: 2.5, context: 0, activations: [] }) as unknown as Example;
const feature = { id: 3, name: null, words: ['*bold*', 'sat'] };

it('copies true characters, the peak in «»', () => {
  expect(exampleText(example(['A\n', ' cat', '\t', '·'], 1))).toBe('A\n «cat»\t·');
  // The dash is of three byte tokens, of which the last is the peak.
  expect(exampleText(example(['so', '—', '', '', ' on'], 3))).toBe('so«—» on');
  expect(exampleText(example(['x', '\n'], 1))).toBe('x«\n»');
  expect(featureText(feature, [example(['a\n', ' b'], 1), example(['c'], 0)], 'mlp.0/5')).toBe(
    'mlp.0/5, feature 3: *bold* · sat\na «b»\n«c»\n',
  );
});

it('makes Markdown in which foreign text does nothing', () => {
  const url = 'http://localhost:1/unit/mlp.0/5?example=0';
  const hostile = example(['<b>', ' [x](javascript:alert)', '\n# head\n1. item', ' `code`'], 1, '![](a)');
  expect(exampleMarkdown(hostile, 'mlp.0/5', url)).toBe(
    [
      '> \\<b\\> **\\[x\\](javascript\\:alert)**',
      '> \\# head',
      '> 1\\. item \\`code\\`',
      '>',
      `> \\!\\[\\](a), [mlp.0/5](${url}), activation 2.50`,
      '',
    ].join('\n'),
  );
  expect(featureMarkdown(feature, [hostile], 'sae/a_b/5', url)).toBe(
    `**[sae/a\\_b/5, feature 3](${url}): \\*bold\\* · sat**\n\n- \\<b\\> **\\[x\\](javascript\\:alert)** \\# head 1. item \\\`code\\\`\n`,
  );
});

it('leaves out what the names of documents have in common, and all of it where there is one document', () => {
  const named = (...documents: string[]) => documentNames(documents.map((name) => example(['a'], 0, name)));
  expect(named('a.txt', 'a.txt')).toBeNull();
  const short = named('tinystories-valid-71', 'tinystories-valid-72', 'tinystories-valid-8')!;
  expect(short('tinystories-valid-71')).toBe('…71');
  const whole = named('1969 Nixon', '1969 Johnson')!;
  expect(whole('1969 Nixon')).toBe('1969 Nixon');
});
