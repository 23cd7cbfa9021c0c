import { createHash } from 'node:crypto';
import { type Embedding, weightsWidth } from '../bank/embedding.ts';
import { unpackRows } from '../base/half.ts';
import { pack } from '../base/pack.ts';
import { Moved, serve } from '../base/rpc.ts';
import { featuresBySize } from '../cluster/labels.ts';
import { featureWords } from '../features/feature-words.ts';
import { type ClusterOptions, splitUnit } from '../features/split.ts';
import { WordCounter } from '../features/word-counter.ts';
import { type ExampleWords, exampleWords } from '../features/words.ts';
import { capturedAt } from '../harvest/captures.ts';
import type { HarvestedBank } from '../harvest/collector.ts';
import { type PackedContexts, tokensOf } from '../harvest/context-table.ts';
import { HISTOGRAM_BINS } from '../harvest/scan.ts';
import { rankedSlots } from '../harvest/selection.ts';
import type { UnitRecord } from '../study/record.ts';

/** Tokens to each side of the peak whose words describe a feature. */
const WORD_RADIUS = 5;
/** Tokens looked at to each side, so that the outermost words are whole. */
const WORD_REACH = 40;

interface Work {
  readonly bank: HarvestedBank;
  readonly embedding: Embedding;
  readonly width: number;
  /** Every unit's weights (shared). */
  readonly weights: Float32Array;
  readonly contexts: PackedContexts;
  /** Text of every token, by id. */
  readonly texts: readonly string[];
  /** Words of the corpus, as counted by a WordCounter. */
  readonly words: Uint32Array;
  /** Text tokens that the statistics are over. */
  readonly tokens: number;
  readonly cluster: ClusterOptions;
}

let work: Work;
let corpus: WordCounter;

const methods = {
  begin(next: Work): void {
    work = next;
    corpus = new WordCounter(next.words);
  },

  /** Splits the given units into features and packs what the study keeps of them. */
  units(indices: readonly number[]): Moved<UnitRecord[]> {
    const records = indices.map(unitRecord);
    return new Moved(
      records,
      records.flatMap(({ detail, inputs }) => [detail.buffer as ArrayBuffer, inputs.buffer as ArrayBuffer]),
    );
  },
};

export type AnalysisMethods = typeof methods;

serve(methods);

function unitRecord(unit: number): UnitRecord {
  const { bank, embedding, width, tokens } = work;
  const { captured, chosen, statistics } = bank;
  const slots = rankedSlots(chosen, unit);
  const n = slots.length;
  const halves = new Uint16Array(n * width);
  const { width: length } = captured.windows;
  const windows = new Uint16Array(n * length);
  const scales = new Float32Array(n);
  const windowScales = new Float32Array(n);
  slots.forEach((slot, i) => {
    const { input, window } = capturedAt(captured, slot);
    halves.set(input.halves, i * width);
    scales[i] = input.scale;
    windows.set(window.halves, i * length);
    windowScales[i] = window.scale;
  });
  const of = <T extends Float32Array | Uint32Array>(
    Type: new (length: number) => T,
    at: (slot: number) => number,
  ): T => {
    const values = new Type(n);
    for (let i = 0; i < n; i++) values[i] = at(slots[i]!);
    return values;
  };
  const rowLength = weightsWidth({ embedding, width });
  const weights = work.weights.slice(unit * rowLength, (unit + 1) * rowLength);
  const { tree, labels, centrals, metrics } = splitUnit({
    embedding,
    inputs: unpackRows(halves, scales, width),
    weights,
    ...work.cluster,
  });
  const context = of(Uint32Array, (slot) => chosen.context[slot]!);
  const position = of(Uint32Array, (slot) => chosen.position[slot]!);
  const words = wordsOf(labels, metrics.clusters, context, position);
  const bins = statistics.histogram.subarray(unit * HISTOGRAM_BINS, (unit + 1) * HISTOGRAM_BINS);
  const filled = Uint32Array.from(bins.keys()).filter((bin) => bins[bin]! > 0);
  const detail = pack({
    context,
    position,
    activation: of(Float32Array, (slot) => captured.activations[slot]!),
    windows,
    windowScales,
    merges: tree.merges,
    labels,
    centrals,
    histogramBins: filled,
    histogramCounts: filled.map((bin) => bins[bin]!),
  });
  const inputs = pack({ halves, scales, weights });
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  const record = {
    index: unit,
    examples: n,
    maxActivation: finite(statistics.max[unit]!),
    minActivation: finite(statistics.min[unit]!),
    mean: statistics.sum[unit]! / tokens,
    density: statistics.active[unit]! / tokens,
    metrics,
    words,
  };
  const hash = createHash('sha256').update(JSON.stringify(record)).update(detail).update(inputs).digest();
  return { ...record, detail, inputs, hash };
}

/** The words of each feature, largest first, from the tokens around its examples' peaks. */
function wordsOf(
  labels: Int32Array,
  clusters: number,
  context: Uint32Array,
  position: Uint32Array,
): string[][] {
  const features: ExampleWords[][] = Array.from({ length: clusters }, () => []);
  labels.forEach((label, i) => {
    const first = Math.max(0, position[i]! - WORD_REACH);
    const tokens = tokensOf(work.contexts, context[i]!).subarray(first, position[i]! + WORD_REACH);
    const texts = Array.from(tokens, (id) => work.texts[id]!);
    features[label]!.push(exampleWords(texts, position[i]! - first, WORD_RADIUS));
  });
  const words = featureWords({ features, corpus });
  return featuresBySize(labels, clusters).map((label) => words[label]!);
}
