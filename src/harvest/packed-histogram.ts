import { HISTOGRAM_BINS } from './scan.ts';

/** Histograms by the bins that are not empty. */
export interface PackedHistogram {
  /** Of each unit, how many bins are not empty. */
  readonly filled: Uint16Array;
  readonly bins: Uint16Array;
  readonly times: Uint32Array;
}

/** @param histogram units × HISTOGRAM_BINS */
export function packHistogram(histogram: Uint32Array): PackedHistogram {
  const total = histogram.reduce((count, times) => count + (times > 0 ? 1 : 0), 0);
  const filled = new Uint16Array(histogram.length / HISTOGRAM_BINS);
  const bins = new Uint16Array(total);
  const times = new Uint32Array(total);
  let at = 0;
  for (let i = 0; i < histogram.length; i++) {
    if (histogram[i] === 0) continue;
    filled[Math.floor(i / HISTOGRAM_BINS)]!++;
    bins[at] = i % HISTOGRAM_BINS;
    times[at++] = histogram[i]!;
  }
  return { filled, bins, times };
}

/** Adds what was packed to histograms. */
export function addHistogram(to: Uint32Array, { filled, bins, times }: PackedHistogram): void {
  let at = 0;
  filled.forEach((count, unit) => {
    for (const end = at + count; at < end; at++) to[unit * HISTOGRAM_BINS + bins[at]!]! += times[at]!;
  });
}
