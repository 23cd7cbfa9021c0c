import { pack } from '../base/pack.ts';
import { Moved, serve } from '../base/worker.ts';
import { NamingTexts } from '../features/naming.ts';
import { WordCounter } from '../features/word-counter.ts';
import { HISTOGRAM_BINS } from '../harvest/scan.ts';
import { sampledTexts, type TextSample } from '../harvest/text-sample.ts';
import { type SplitWork, unitFeatures } from '../harvest/unit-features.ts';
import { recordHash } from '../study/digests.ts';
import type { UnitRecord } from '../study/record.ts';

interface Work extends SplitWork {
  /** Words of the corpus, as counted by a WordCounter. */
  readonly words: Uint32Array;
  /** Random text positions that names are compared with. */
  readonly sample: TextSample;
  /** Text tokens that the statistics are over, but for those of experts. */
  readonly tokens: number;
}

let work: Work;
let corpus: WordCounter;
let naming: NamingTexts | null;

const methods = {
  begin(next: Work): void {
    work = next;
    corpus = new WordCounter(next.words);
    const { texts, sample } = next;
    naming = texts && new NamingTexts(sampledTexts(sample, (id) => texts[id]!));
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
  const { statistics } = work.bank;
  const { examples, weights, split, features } = unitFeatures(work, unit, corpus, naming);
  const { count, halves, scales, context, position, activation, windows, windowScales } = examples;
  const { tree, labels, centrals, metrics, auto, judgement } = split;
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
    autoLabels: auto.labels,
    autoCentrals: auto.centrals,
    stray: auto.stray,
    histogramBins: filled,
    histogramCounts: filled.map((bin) => bins[bin]!),
  });
  const { routed } = work.bank;
  const expert = routed === null ? null : Math.floor((unit * routed.length) / statistics.sum.length);
  const tokens = expert === null ? work.tokens : routed![expert]!;
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  const record = {
    index: unit,
    examples: count,
    maxActivation: finite(statistics.max[unit]!),
    minActivation: finite(statistics.min[unit]!),
    mean: finite(statistics.sum[unit]! / tokens),
    density: finite(statistics.active[unit]! / tokens),
    expert,
    metrics,
    judgement,
    words: features.map(({ words }) => words),
    names: features.map(({ name }) => name),
    detail,
    inputs: pack({ halves, scales, weights }),
  };
  return { ...record, hash: recordHash(record) };
}
