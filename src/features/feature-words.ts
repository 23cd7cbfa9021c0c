import { PolysemeError } from '../errors.ts';
import type { ExampleWords } from './words.ts';

/** How often words occur in the whole corpus; `WordCounter` is one. */
export interface WordCounts {
  count(word: string): number;
  readonly total: number;
}

/** Weight of a word beside the peak; the peak's own word has weight 1. */
const CONTEXT_WEIGHT = 0.5;
/** Examples' worth of corpus that the shares in the unit's other features are smoothed by. */
const PRIOR_EXAMPLES = 2;
/** Words less frequent than this many times what chance and the other features give do not name a feature. */
const LEAST_LIFT = 2;
/** Words that score less than this part of a feature's first word are left out. */
const LEAST_SCORE = 0.1;

/**
 * The words that name each feature of one unit, best first, at most `limit`: class-based TF-IDF, where the classes are
 * the unit's features and the documents its examples.
 *
 * For a word w and a feature c of n examples:
 * - tf = Σ over the examples of c that hold w of its weight (1 for the peak's own word, ½ elsewhere) / n;
 * - q = (p + 1 − (1 − p)^L)/2, the tf that chance would give it: p = (count(w) + ½)/(total + 1) in the corpus, L the mean
 *   number of words of an example of c;
 * - o = (the same sum over the unit's other examples + 2q)/(their number + 2), its tf in the other features;
 * - idf = (ln(tf/q) + ln(tf/o))/2, and score = tf · idf.
 *
 * Words with idf ≤ ln 2, so less than twice as frequent as expected, are listed only where a feature has no other, by
 * idf. In a feature of three examples or more, words that only one example holds come after those that more hold.
 * Words that score less than a tenth of the first are left out. Ties: the word that appears first.
 *
 * @param features for each feature its examples' words, from `exampleWords`
 * @param corpus word counts of the whole corpus
 * @returns for each feature its words
 * @throws PolysemeError when `limit` is not a whole number of at least 0
 * @example
 * const corpus = new WordCounter();
 * countWords(['the', ' ship', ' sailed', '.', ' the', ' court', ' ruled'], corpus);
 * const words = (tokens: string[]) => [exampleWords(tokens, 1, 0)];
 * const features = [words(['the', ' ship', ' sailed']), words(['the', ' court', ' ruled'])];
 * console.log(featureWords({ features, corpus }).map(([first]) => first)); // ['ship', 'court']
 */
export function featureWords({
  features,
  corpus,
  limit = 5,
}: {
  features: readonly (readonly ExampleWords[])[];
  corpus: WordCounts;
  limit?: number;
}): string[][] {
  if (!Number.isInteger(limit) || limit < 0) {
    throw new PolysemeError(`featureWords: limit must be a whole number of at least 0, not ${limit}`);
  }
  const uses = features.map(countUses);
  const everywhere = new Map<string, number>();
  let examples = 0;
  for (const [index, words] of uses.entries()) {
    examples += features[index]!.length;
    for (const [word, { weight }] of words) everywhere.set(word, (everywhere.get(word) ?? 0) + weight);
  }
  return features.map((feature, index) => {
    const length = feature.reduce((sum, { words }) => sum + words.length, 0) / feature.length;
    const scored: Scored[] = [];
    for (const [word, { weight, holders }] of uses[index]!) {
      const p = (corpus.count(word) + 0.5) / (corpus.total + 1);
      const q = Math.min(1, (p + 1 - (1 - Math.min(1, p)) ** length) / 2);
      const others = examples - feature.length;
      const o = (everywhere.get(word)! - weight + PRIOR_EXAMPLES * q) / (others + PRIOR_EXAMPLES);
      const tf = weight / feature.length;
      const idf = (Math.log(tf / q) + Math.log(tf / o)) / 2;
      scored.push({ word, tf, idf, shared: feature.length < 3 || holders > 1 });
    }
    return best(scored, limit);
  });
}

interface Use {
  /** Sum over the examples of the word's weight in each. */
  weight: number;
  /** Examples that hold it. */
  holders: number;
}

interface Scored {
  word: string;
  tf: number;
  idf: number;
  shared: boolean;
}

/** The words of a feature, in order of appearance. */
function countUses(feature: readonly ExampleWords[]): Map<string, Use> {
  const uses = new Map<string, Use>();
  for (const { peak, words } of feature) {
    for (const word of new Set(words)) {
      const weight = word === peak ? 1 : CONTEXT_WEIGHT;
      const use = uses.get(word);
      if (use) {
        use.weight += weight;
        use.holders++;
      } else uses.set(word, { weight, holders: 1 });
    }
  }
  return uses;
}

function best(scored: Scored[], limit: number): string[] {
  // The sorts are stable: what ties stays in order of appearance.
  let ranked = scored
    .filter(({ idf }) => idf > Math.log(LEAST_LIFT))
    .sort((a, b) => Number(b.shared) - Number(a.shared) || b.tf * b.idf - a.tf * a.idf);
  if (ranked.length > 0) {
    const least = LEAST_SCORE * ranked[0]!.tf * ranked[0]!.idf;
    ranked = ranked.filter(({ tf, idf }) => tf * idf >= least);
  } else ranked = scored.sort((a, b) => b.idf - a.idf);
  return ranked.slice(0, limit).map(({ word }) => word);
}
