import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStudy, type RunOptions, runStudy } from '../../src/index.ts';
import { StudyWriter } from '../../src/study/writer.ts';
import { prepare, recordsOf, SETTINGS } from '../fixtures/study/records-before.mjs';
import { arithmetic, STORIES } from '../helpers/frozen.mjs';

/** What studies held before embeddings were centred and features found by their silhouette (layout 1). */
const BEFORE = JSON.parse(
  gunzipSync(readFileSync(new URL('../fixtures/study/records-before.json.gz', import.meta.url))).toString(),
);
const FILE = new URL('../fixtures/study/version-0.1.db', import.meta.url).pathname;
/** The settings that mean what they meant then; `fraction` and `quantiles` are thinned by a hash now. */
const SAME = Object.keys(SETTINGS).filter((name) => !name.startsWith('quantiles'));
const OLD: Partial<RunOptions> = { center: 'none', features: 'cut', keepDuplicates: true, sinkMultiple: 0 };

const folder = mkdtempSync(join(tmpdir(), 'polyseme-before-'));
let settings: Record<string, RunOptions>;
beforeAll(async () => {
  settings = await prepare(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf((await arithmetic()) !== BEFORE.arithmetic)('machine: with the old settings', () => {
  const runnable = SAME.filter((name) => !name.startsWith('shared:') || existsSync(STORIES));
  test.each(runnable)('%s: every old field of a unit is equal', async (name) => {
    const out = join(folder, `${SAME.indexOf(name)}.db`);
    await runStudy({ ...settings[name], ...OLD, out });
    compare(recordsOf(out).units, BEFORE.studies[name].units);
  });
});

test('a study of the first layout opens, and reads as it did', () => {
  compare(recordsOf(FILE).units, BEFORE.file.units);
  const study = openStudy(FILE);
  const [unit] = study.units({ limit: 1 });
  expect(unit).toMatchObject({ featureCount: null, separation: null, nullDistance: null, verdict: null });
  expect(study.bankInputs(unit!.bank)).toBeNull();
  expect(study.inputs(unit!.bank, unit!.index).centre).toBeUndefined();
  study.close();
});

test('a study that was begun in the first layout is not gone on with', () => {
  const begun = join(folder, 'begun.db');
  copyFileSync(FILE, begun);
  const writer = StudyWriter.open(begun);
  expect(() => writer.begin()).toThrow(/begun by an earlier Polyseme \(layout 1, this one writes 3\)/);
  writer.close();
});

type Records = Readonly<Record<string, readonly Readonly<Record<string, never>>[]>>;

/** All but digests of records and the texts of tokens: bytes that spell a character are decoded now. */
function compare(now: Records, before: Records): void {
  expect(Object.keys(now)).toEqual(Object.keys(before));
  for (const [bank, units] of Object.entries(before)) {
    units.forEach((old, i) => {
      const found = now[bank]![i]!;
      expect(Math.abs((found['mean'] as number) - (old['mean'] as number))).toBeLessThanOrEqual(1e-12);
      expect(comparable(found, Object.keys(old))).toEqual(comparable(old, Object.keys(old)));
    });
  }
}

function comparable(unit: Readonly<Record<string, unknown>>, fields: readonly string[]): unknown {
  const {
    mean: _,
    hash: __,
    ...rest
  } = Object.fromEntries(fields.map((field) => [field, JSON.parse(JSON.stringify(unit[field] ?? null))]));
  return {
    ...rest,
    examples: rest['examples'].map(
      ({ tokens: _, token: __, ...example }: object & { tokens: 0; token: 0 }) => example,
    ),
    // Ids are places by size now, and features have names.
    features: rest['features'].map(
      ({ words: _, id: __, name: ___, ...feature }: object & { words: 0; id: 0; name?: 0 }) => feature,
    ),
  };
}
