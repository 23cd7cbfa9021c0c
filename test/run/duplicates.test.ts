import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStudy, type RunOptions, runStudy } from '../../src/index.ts';
import { writeCorpus } from '../helpers/brute-force.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-duplicates-'));
const model = writeSmallFolio(join(folder, 'model'));
// Of one name: it is part of what a study holds.
const once = join(folder, 'once', 'corpus.jsonl');
const copied = join(folder, 'copied', 'corpus.jsonl');
beforeAll(async () => {
  for (const name of ['once', 'copied']) mkdirSync(join(folder, name));
  await writeCorpus(once, { documents: 6 });
  const lines = readFileSync(once, 'utf8').trimEnd().split('\n');
  // The corpus has one text three times.
  writeFileSync(copied, [...lines, ...lines.toReversed()].map((line) => `${line}\n`).join(''));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let studies = 0;
async function unitsOf(data: string, options: RunOptions) {
  const out = join(folder, `${studies++}.db`);
  const info = await runStudy({
    model,
    data,
    layers: [1],
    context: 40,
    examples: 12,
    threads: 2,
    out,
    ...options,
  });
  const study = openStudy(out);
  const units = study.units().map(({ bank, index }) => study.unit(bank, index));
  study.close();
  return { info, units };
}

describe('documents and examples of the same text', () => {
  test.each([{ select: 'top' }, { select: 'quantiles', everyPosition: true }] as RunOptions[])(
    'a copy of every document changes no unit: %j',
    async (options) => {
      const bare = await unitsOf(once, options);
      const twice = await unitsOf(copied, options);
      expect(bare.info).toMatchObject({ documents: 10, duplicateDocuments: 2 });
      expect(twice.info).toMatchObject({ documents: 20, duplicateDocuments: 12, tokens: bare.info.tokens });
      expect(twice.units).toEqual(bare.units);
      for (const { features } of bare.units) {
        const texts = features.flatMap(({ examples }) =>
          examples.map(({ tokens, position }) =>
            tokens.slice(Math.max(0, position - 31), position + 1).join(''),
          ),
        );
        expect(new Set(texts).size).toBe(texts.length);
      }
    },
  );

  test('both stay with keepDuplicates', async () => {
    const bare = await unitsOf(once, { keepDuplicates: true });
    const twice = await unitsOf(copied, { keepDuplicates: true });
    expect(twice.info.duplicateDocuments).toBe(0);
    expect(twice.info.tokens).toBe(2 * bare.info.tokens!);
  });
});
