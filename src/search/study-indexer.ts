import { describeFeatures } from '../features/describe.ts';
import { allWordTexts, wordTokens } from '../features/word-texts.ts';
import type { Study } from '../study/study.ts';
import { type IndexedText, PassageIndexer } from './index-passages.ts';
import type { PackedPassages } from './passages.ts';

/** Makes the index of a study's passages, some units at a time. */
export interface StudyIndexer {
  /** Reads the next units; returns how many were read, of how many. */
  next(count: number): { done: number; total: number };
  /** The index of the units that were read. */
  index(): PackedPassages;
}

export function studyIndexer(study: Study): StudyIndexer {
  const units = study.units();
  const indexer = new PassageIndexer();
  let done = 0;
  return {
    next(count) {
      for (const { bank, index } of units.slice(done, done + count)) {
        const detail = study.detail(bank, index);
        const { features, featureOf } = describeFeatures({
          ...study.features(detail),
          activations: detail.activation,
          words: null,
        });
        const named = { words: study.words(bank, index), names: study.names(bank, index) };
        indexer.add({ ...detail, featureOf, features: features.length, ...named });
        done++;
      }
      return { done, total: units.length };
    },
    index: () => indexer.index((ids) => textsOf(study, ids)),
  };
}

function textsOf(study: Study, ids: readonly number[]): Map<number, IndexedText> {
  const texts = Array.from(study.contexts(ids), ([id, { label, tokens }]): [number, IndexedText] => [
    id,
    label === undefined ? { texts: allWordTexts(wordTokens(study.texts(tokens))) } : { label },
  ]);
  return new Map(texts);
}
