import { createHash } from 'node:crypto';
import { type Embedding, weightsWidth } from '../bank/embedding.ts';
import { unpackRows } from '../base/half.ts';
import { pack } from '../base/pack.ts';
import { Moved, serve } from '../base/rpc.ts';
import { describeFeatures } from '../features/describe.ts';
import { type ClusterOptions, splitUnit } from '../features/split.ts';
import { WordCounter } from '../features/word-counter.ts';
import { peakWords, RUN_SPELLS_BYTES } from '../features/word-texts.ts';
import { capturedAt } from '../harvest/captures.ts';
import type { HarvestedBank } from '../harvest/collector.ts';
import { type PackedContexts, tokensOf } from '../harvest/context-table.ts';
import { HISTOGRAM_BINS } from '../harvest/scan.ts';
import { rankedSlots } from '../harvest/selection.ts';
import type { UnitRecord } from '../study/record.ts';

interface Work {
  readonly bank: HarvestedBank;
  readonly embedding: Embedding;
  readonly width: number;
  /** Every unit's weights (shared). */
  readonly weights: Float32Array;
  readonly contexts: PackedContexts;
  /** Text of every token as words see it (`wordText`), by id. */
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
  const activation = of(Float32Array, (slot) => captured.activations[slot]!);
  const examples = Array.from(context, (id, i) => {
    const tokens = tokensOf(work.contexts, id);
    const text = (token: number): string => work.texts[tokens[token]!]!;
    return peakWords({ length: tokens.length, text }, position[i]!, RUN_SPELLS_BYTES);
  });
  const { features } = describeFeatures({
    labels,
    activations: activation,
    centrals,
    words: { examples, corpus },
  });
  const bins = statistics.histogram.subarray(unit * HISTOGRAM_BINS, (unit + 1) * HISTOGRAM_BINS);
  const filled = Uint32Array.from(bins.keys()).filter((bin) => bins[bin]! > 0);
  const detail = pack({
    context,
    position,
    activation,
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
    words: features.map(({ words }) => words),
  };
  const hash = createHash('sha256').update(JSON.stringify(record)).update(detail).update(inputs).digest();
  return { ...record, detail, inputs, hash };
}
