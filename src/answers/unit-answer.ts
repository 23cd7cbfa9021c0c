import { unpackRows } from '../base/half.ts';
import { type ImageGrid, imageGrid, patchBox } from '../contract/image-grid.ts';
import type { ExampleAnswer, UnitAnswer } from '../contract/unit-answers.ts';
import { describeFeatures, type Feature } from '../features/describe.ts';
import { strayExamples } from '../features/labeling.ts';
import { HISTOGRAM_BINS, histogramEdge } from '../harvest/scan.ts';
import { eachMetric } from '../polysemy/column-lists.ts';
import type { UnitDetail } from '../study/record.ts';
import { spelledAt } from '../tokenizer/byte-tokens.ts';
import type { StudySource } from './served-study.ts';
import { featureAnswer, mergeRows } from './shown.ts';
import { fourDigits, type Wire } from './wire.ts';

/** One unit with its features and at most `most` examples of each. */
export function unitAnswer(
  source: StudySource,
  bank: string,
  index: number,
  most: number | 'all',
): Wire<UnitAnswer> {
  const row = source.row(bank, index);
  const { table, study, info } = source;
  const detail = study.detail(bank, index);
  const contexts = source.contexts(detail.context);
  const length = detail.windows.length / Math.max(1, detail.labels.length);
  const values = unpackRows(detail.windows, detail.windowScales, length);
  const grid = imageGrid(info.model);
  const labeling = study.features(detail);
  const { features, featureOf } = describeFeatures({
    ...labeling,
    activations: detail.activation,
    words: { words: table.words(row), names: table.names(row) },
  });
  const { units } = info.banks.find(({ name }) => name === bank)!;
  const at = (i: number): number => (i >= 0 && i < units ? table.row(bank, i) : -1);
  return {
    ...table.summary(row),
    ...source.clustering,
    stray: strayExamples(labeling),
    merges: mergeRows(detail.merges),
    leaves: {
      feature: featureOf,
      activation: detail.activation,
      peak: Array.from(detail.context, (id, i) => {
        const { tokens } = contexts.get(id)!;
        return tokens[spelledAt(tokens, detail.position[i]!)]!;
      }),
    },
    features: features.map((feature) => ({
      ...featureAnswer(feature),
      examples: shown(feature, most).map((i) => example(detail, values, i, contexts, grid)),
    })),
    histogram: histogram(detail),
    ranks: eachMetric((metric) => table.rank(metric, row)),
    neighbours: {
      previous: at(index - 1) >= 0 ? index - 1 : null,
      next: at(index + 1) >= 0 ? index + 1 : null,
    },
  };
}

/** The first `most` members, in which the central one takes the last place if it is not there. */
function shown({ members, central }: Feature, most: number | 'all'): readonly number[] {
  if (most === 'all' || members.length <= most) return members;
  const first = members.slice(0, most);
  if (!first.includes(central)) first[most - 1] = central;
  return first;
}

/** @param values activations of all examples, at every token of the longest context */
function example(
  detail: UnitDetail,
  values: Float32Array,
  i: number,
  contexts: ReturnType<StudySource['contexts']>,
  grid: ImageGrid | null,
): Wire<ExampleAnswer> {
  const context = contexts.get(detail.context[i]!)!;
  const start = (i * values.length) / detail.labels.length;
  return {
    id: i,
    context: detail.context[i]!,
    document: context.document,
    ...(context.label === undefined
      ? {}
      : { image: { label: context.label, box: patchBox(grid, detail.position[i]!) } }),
    position: detail.position[i]!,
    activation: fourDigits(detail.activation[i]!),
    tokens: context.json,
    special: context.special,
    activations: values.subarray(start, start + context.tokens.length),
  };
}

/** Bins of one sign; the negative ones come after them. */
const BINS = HISTOGRAM_BINS / 2;

function histogram({ histogramBins, histogramCounts }: UnitDetail): UnitAnswer['histogram'] {
  const bins = Array.from(histogramBins, (bin, i) => {
    const negative = bin >= BINS;
    const near = histogramEdge(bin % BINS);
    const far = histogramEdge((bin % BINS) + 1);
    return { lower: negative ? -far : near, upper: negative ? -near : far, count: histogramCounts[i]! };
  }).sort((a, b) => a.lower - b.lower);
  return {
    lower: bins.map(({ lower }) => lower),
    upper: bins.map(({ upper }) => upper),
    counts: bins.map(({ count }) => count),
  };
}
