import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { documentAnswer } from '../../src/answers/document-answer.ts';
import { openStudy, runStudy } from '../../src/index.ts';
import { brokenBytes } from '../../src/tokenizer/byte-tokens.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-document-texts-'));
const data = join(folder, 'texts.jsonl');
/** Longer than a context, with what no tokenizer would print again. */
const texts = Array.from({ length: 3 }, (_, i) =>
  Array.from({ length: 40 }, (_, j) => `Sentence ${j} of text ${i} — “quoted”\tand\u202e done.\n`).join(''),
);

const model = writeSmallFolio(join(folder, 'model'));
beforeAll(() => {
  writeFileSync(data, texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(keepText: number) {
  const out = join(folder, `kept-${keepText}.db`);
  const notes: string[] = [];
  const info = await runStudy({
    model,
    data,
    layers: [0],
    context: 32,
    examples: 4,
    keepText,
    out,
    onNote: (line) => notes.push(line),
  });
  return { study: openStudy(out), notes, info };
}

it('keeps each document once, outside the content', async () => {
  const kept = await run(64);
  const without = await run(0);
  const small = await run(0.001);
  expect(kept.info.contentHash).toBe(without.info.contentHash);
  expect(kept.info.contentHash).toBe(small.info.contentHash);
  expect([kept, without, small].map(({ study }) => study.hasDocuments())).toEqual([true, false, false]);
  expect(small.notes.some((line) => line.includes('more than 0.001 MB of text'))).toBe(true);
  expect(without.study.documentText(0)).toBeNull();
  expect(() => documentAnswer(without.study, 0, 10)).toThrow('keeps no text');

  // Each example's context stands where it was cut.
  const places = new Set<number>();
  for (const { bank, index } of kept.study.units({ limit: 30 })) {
    for (const { examples } of kept.study.unit(bank, index).features) {
      for (const { context, document } of examples) {
        const { text } = kept.study.documentText(context)!;
        expect(texts).toContain(text);
        const answer = documentAnswer(kept.study, context, 50);
        expect(answer.document).toBe(document);
        expect(answer.passage).toBe(text.slice(answer.from, answer.to));
        expect(answer.before).toBe(text.slice(Math.max(0, answer.from - 50), answer.from));
        expect(answer.after).toBe(text.slice(answer.to, answer.to + 50));
        const { tokens } = kept.study.contexts([context]).get(context)!;
        const shown = brokenBytes(kept.study.texts(tokens).tokens.join(''));
        expect(shown.replace(/^[\s\ufffd]+|[\s\ufffd]+$/g, '')).toBe(answer.passage);
        places.add(answer.from);
      }
    }
  }
  expect(places.size).toBeGreaterThan(10);
  for (const { study } of [kept, without, small]) study.close();
});
