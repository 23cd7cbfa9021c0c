import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { searchStudy } from '../../src/answers/search-study.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';

const dir = mkdtempSync(join(tmpdir(), 'polyseme-search-images-'));
let study: Study;

beforeAll(async () => {
  const out = join(dir, 'digits.db');
  await runStudy({ model: 'builtin:digits', contexts: 300, examples: 10, out });
  study = openStudy(out);
});
afterAll(() => {
  study?.close();
  rmSync(dir, { recursive: true, force: true });
});

test('in a study of images the labels are searched', async () => {
  const labels = new Map<string, number>();
  for (const { bank, index } of study.units()) {
    const { features } = study.unit(bank, index);
    const own = features.flatMap(({ examples }) => examples.map(({ label }) => label!));
    for (const label of new Set(own)) labels.set(label, (labels.get(label) ?? 0) + 1);
  }
  expect(labels.size).toBe(10);
  for (const [label, units] of labels) {
    const { total, units: found } = await searchStudy(study, label, { limit: 1000 });
    const withExamples = found.filter((unit) => unit.found > 0);
    expect(total).toBeGreaterThanOrEqual(units);
    expect(withExamples).toHaveLength(units);
    for (const { bank, index, found: count, matches, passage } of withExamples) {
      const { features } = study.unit(bank, index);
      const own = features.flatMap(({ examples }) => examples).filter((example) => example.label === label);
      expect([label, bank, index, count]).toEqual([label, bank, index, own.length]);
      expect(passage!.image?.label).toBe(label);
      expect(passage!.tokens).toEqual([]);
      expect(matches[0]!.examples).toBeGreaterThan(0);
    }
  }
});
