import { type Embedding, weightsWidth } from '../bank/embedding.ts';
import { unpackRows } from '../base/half.ts';
import { describeFeatures, type Feature } from '../features/describe.ts';
import type { WordCounts } from '../features/feature-words.ts';
import { type FeatureRule, featureLabels } from '../features/labeling.ts';
import type { NamingTexts } from '../features/naming.ts';
import { type ClusterOptions, splitUnit, type UnitFeatures } from '../features/split.ts';
import { MOST_HELD, splitLargeUnit } from '../features/split-large.ts';
import { peakWords, RUN_SPELLS_BYTES, wordTexts } from '../features/word-texts.ts';
import { labelWords } from '../features/words.ts';
import type { HarvestedBank } from './collector.ts';
import { labelOf, type PackedContexts, tokensOf } from './context-table.ts';
import { type StoredExamples, storedExamples } from './stored-examples.ts';

/** A bank whose examples are collected, with what its units are split by. */
export interface SplitWork {
  readonly bank: HarvestedBank;
  readonly embedding: Embedding;
  /** Dimension d of the units' inputs. */
  readonly width: number;
  /** Every unit's row of weights. */
  readonly weights: Float32Array;
  readonly contexts: PackedContexts;
  /** Text of every token as words see it (`wordText`), by id; null where tokens have no texts. */
  readonly texts: readonly string[] | null;
  readonly cluster: ClusterOptions;
  /** μ, the mean of the bank's inputs, where embeddings are of h − μ. */
  readonly centre: Float32Array | null;
  /** Which split is the unit's features. */
  readonly rule: FeatureRule;
}

/** One unit of it, split. */
export interface HarvestedUnit {
  readonly examples: StoredExamples;
  /** The unit's row of weights, a copy. */
  readonly weights: Float32Array;
  readonly split: UnitFeatures;
  /** By id: the largest first. */
  readonly features: readonly Feature[];
}

/**
 * Splits a harvested unit into features, from its inputs as a study stores them, and names them.
 * @param naming what patterns are found with; null: features get words alone
 */
export function unitFeatures(
  work: SplitWork,
  unit: number,
  corpus: WordCounts,
  naming: NamingTexts | null,
): HarvestedUnit {
  const { bank, embedding, width, contexts, texts, cluster, rule } = work;
  const examples = storedExamples(bank, unit);
  const { halves, scales, context, position, activation } = examples;
  const rowLength = weightsWidth({ embedding, width });
  const weights = work.weights.slice(unit * rowLength, (unit + 1) * rowLength);
  const options = {
    embedding,
    inputs: unpackRows(halves, scales, width),
    weights,
    centre: work.centre ?? undefined,
    nullInputs: unpackRows(bank.nullInputs.halves, bank.nullInputs.scales, width),
    ...cluster,
  };
  const split = examples.count > MOST_HELD ? splitLargeUnit(options, rule) : splitUnit(options);
  const words = Array.from(context, (id, i) => {
    if (texts === null) return labelWords(labelOf(contexts, id));
    const tokens = tokensOf(contexts, id);
    const text = (token: number): string => texts[tokens[token]!]!;
    return peakWords({ length: tokens.length, text }, position[i]!, RUN_SPELLS_BYTES);
  });
  const labeling = featureLabels(rule, split);
  const places = texts !== null &&
    naming !== null && {
      examples: Array.from(context, (id, i) =>
        naming.example(id, position[i]!, () =>
          wordTexts(Array.from(tokensOf(contexts, id), (token) => texts[token]!)),
        ),
      ),
      corpus: naming,
      stray: labeling.stray ?? null,
    };
  const { features } = describeFeatures({
    ...labeling,
    activations: activation,
    words: { examples: words, corpus, places: places || null },
  });
  return { examples, weights, split, features };
}
