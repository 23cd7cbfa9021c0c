import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import type { SearchAnswer } from '../../src/contract/search-answers.ts';
import type { ExampleAnswer, UnitAnswer } from '../../src/contract/unit-answers.ts';
import { openCorpus } from '../../src/corpus/open-corpus.ts';
import { type FeatureName, nameFeatures } from '../../src/features/names.ts';
import { namedExamples } from '../../src/features/naming.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { createServer } from '../../src/server/api.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { studyNaming } from '../../src/study/study-naming.ts';
import { LocalWords, recut, unitExamples, unitTree } from '../../web/src/unit/feature-cut.ts';
import { apiClient } from '../helpers/api-client.ts';
import { NEURONS, writeSmallFolio } from '../helpers/small-folio.ts';

const SPECIAL = '<|endoftext|>';
const UNITS = 60;
const dir = mkdtempSync(join(tmpdir(), 'polyseme-words-'));
let study: Study;
let api: Awaited<ReturnType<typeof apiClient>>;
let units: UnitAnswer[];

beforeAll(async () => {
  // Speeches with dashes, and with the special token inside, as between documents that were strung together.
  const data = join(dir, 'texts');
  mkdirSync(data);
  const random = createRandom(1);
  let made = 0;
  for await (const { text } of (await openCorpus('builtin:sotu')).documents()) {
    const words = text.slice(0, 3000).split(/(?= )/);
    const mixed = words.map((word) => {
      const kind = random.integer(24);
      return kind === 0 ? `${SPECIAL}${word.trimStart()}` : kind === 1 ? `—${word.trimStart()}` : word;
    });
    writeFileSync(join(data, `${100 + made}.txt`), mixed.join(''));
    if (++made === 40) break;
  }
  const out = join(dir, 'study.db');
  const model = writeSmallFolio(join(dir, 'model'), NEURONS);
  await runStudy({
    model,
    data,
    layers: [1],
    contexts: 120,
    context: 64,
    examples: 16,
    features: 'cut',
    out,
  });
  study = openStudy(out);
  api = await apiClient(createServer(study));
  units = await Promise.all(
    Array.from({ length: UNITS }, (_, index) => api.get(`/api/units/mlp.1/${index}?examples=all`)),
  );
});
afterAll(() => {
  study?.close();
  rmSync(dir, { recursive: true, force: true });
});

const named = (features: readonly { readonly words: readonly string[] }[]): boolean =>
  features.some(({ words }) => words.some((word) => word.includes('endoftext') || /^[<>]?\|/.test(word)));

/** Features of a unit cut at a threshold as the explorer cuts it. */
function inBrowser(unit: UnitAnswer, threshold: number, examples: readonly ExampleAnswer[]) {
  const words = LocalWords.of(examples);
  const { activation } = unit.leaves;
  return recut(unitTree(unit.examples, unit.merges), threshold, { distances: null, activation, words })
    .features;
}

describe('words of features', () => {
  it('are never those of a special token: in the study, on the server, in the explorer', async () => {
    let wouldBe = 0;
    let beside = 0;
    for (const unit of units) {
      const name = `mlp.1/${unit.index}`;
      expect(named(unit.features), `${name}, stored`).toBe(false);
      const examples = unitExamples(unit);
      for (const { tokens, special, position } of examples) {
        expect(special).toEqual([...tokens.keys()].filter((i) => tokens[i] === SPECIAL));
        if (special.some((at) => Math.abs(at - position) <= 5)) beside++;
      }
      const bare = examples.map((example) => ({ ...example, special: [] }));
      for (const threshold of [0.2, 0.7]) {
        const path = `/api/units/mlp.1/${unit.index}/clustering?threshold=${threshold}`;
        expect(named((await api.get(path)).features), `${name}, at ${threshold}`).toBe(false);
        expect(named(inBrowser(unit, threshold, examples)), `${name}, dragged to ${threshold}`).toBe(false);
        if (named(inBrowser(unit, threshold, bare))) wouldBe++;
      }
    }
    // The text is such that a rule which lets special tokens through would name features by them.
    expect(beside).toBeGreaterThan(100);
    expect(wouldBe).toBeGreaterThan(3);
  });

  it('have their bytes spelled out wherever they are made anew, as passages have', async () => {
    const dashes = units.flatMap(unitExamples).filter(({ tokens }) => tokens.includes('—'));
    expect(dashes.length).toBeGreaterThan(10);
    for (const { tokens } of units.flatMap(unitExamples)) {
      // A byte may stand alone where a context begins or ends inside a character.
      expect(tokens.slice(3, -3).join('')).not.toContain('<0xE2>');
    }
    for (const unit of units) {
      const path = `/api/units/mlp.1/${unit.index}/clustering?threshold=0.2`;
      for (const { words } of (await api.get(path)).features) {
        expect(words.join(' ')).not.toMatch(/0x[0-9a-f]{2}/);
      }
    }
  });

  it('from a study that does not list its special tokens are guessed by their looks', async () => {
    const old = join(dir, 'old.db');
    copyFileSync(join(dir, 'study.db'), old);
    const db = new Database(old);
    expect(db.prepare("DELETE FROM meta WHERE key = 'specialIds'").run().changes).toBe(1);
    db.close();
    const opened = openStudy(old);
    for (let index = 0; index < 10; index++) {
      expect(opened.unit('mlp.1', index)).toEqual(study.unit('mlp.1', index));
    }
    opened.close();
  });
});

describe('ids of features', () => {
  it('are their places, in the study as in every answer', async () => {
    for (const unit of units) {
      expect(unit.features.map(({ id }) => id)).toEqual([...unit.features.keys()]);
      const stored = study.unit('mlp.1', unit.index);
      expect(stored.features.map(({ id, size, words }) => [id, size, words])).toEqual(
        unit.features.map(({ id, size, words }) => [id, size, words]),
      );
      expect([...study.tree('mlp.1', unit.index).featureOf]).toEqual(unit.leaves.feature);
      for (const [i, { size, examples }] of unit.features.entries()) {
        const next = unit.features[i + 1];
        if (next === undefined) continue;
        expect(size > next.size || examples[0]!.id < next.examples[0]!.id).toBe(true);
        expect(size).toBeGreaterThanOrEqual(next.size);
      }
      const again = await api.get(`/api/units/mlp.1/${unit.index}/clustering`);
      expect(again.leaves.feature).toEqual(unit.leaves.feature);
      // The explorer cuts at the study's own threshold to the same features.
      const cut = inBrowser(unit, unit.threshold, unitExamples(unit));
      expect(cut.map(({ id, members }) => [id, members])).toEqual(
        unit.features.map(({ id, examples }) => [id, examples.map((example) => example.id)]),
      );
    }
  });

  it('that a search gives are those of the unit', async () => {
    let beyondFirst = 0;
    for (const q of ['war', 'people', 'state']) {
      const { units: found }: SearchAnswer = await api.get(`/api/search?q=${q}&limit=6`);
      expect(found.length).toBeGreaterThan(0);
      for (const { bank, index, matches } of found) {
        const unit: UnitAnswer = await api.get(`/api/units/${bank}/${index}?examples=1`);
        expect(matches.length).toBeGreaterThan(0);
        for (const { feature, words } of matches) {
          const shown = unit.features.find(({ id }) => id === feature)!;
          expect(shown.words).toEqual(words);
          if (feature > 0) beyondFirst++;
        }
      }
    }
    expect(beyondFirst).toBeGreaterThan(3);
  });
});

describe('names of features', () => {
  it('follow from what the study keeps, and a unit that is cut anew is named as a run at that threshold names it', async () => {
    const naming = studyNaming(study)!;
    const out = join(dir, 'at-0.7.db');
    const data = join(dir, 'texts');
    const same = { model: join(dir, 'model'), data, layers: [1], contexts: 120, context: 64, examples: 16 };
    await runStudy({ ...same, features: 'cut', threshold: 0.7, out });
    const other = openStudy(out);
    let count = 0;
    for (const { index, features } of units) {
      const detail = study.detail('mlp.1', index);
      const contexts = new Map(
        Array.from(study.contexts([...new Set(detail.context)]), ([id, { tokens }]) => [
          id,
          study.texts(tokens),
        ]),
      );
      const examples = namedExamples(naming, detail, contexts);
      const members = features.map((feature) => feature.examples.map(({ id }) => id));
      const stored = features.map(({ name }) => name);
      expect(nameFeatures({ features: members, examples, corpus: naming })).toEqual(stored);
      const { features: cut } = await api.get(`/api/units/mlp.1/${index}/clustering?threshold=0.7`);
      const names = (cut as { name: FeatureName | null }[]).map(({ name }) => name);
      expect(names).toEqual(other.names('mlp.1', index));
      count += names.filter((name) => name !== null).length;
    }
    other.close();
    expect(count).toBeGreaterThan(UNITS);
  });

  it('are found by a search', async () => {
    const { units: found } = (await api.get('/api/search?q=capitalised')) as SearchAnswer;
    expect(found.length).toBeGreaterThan(0);
    for (const { matches } of found) expect(matches[0]!.name?.text).toContain('capitalised');
  });
});
