/** Bins of a histogram, at most. */
const BINS = 24;

/** Edges over all numbers: whole numbers in bins of equal whole width, others in equal parts. */
export function edgesOf(groups: readonly Float64Array[]): number[] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let whole = true;
  for (const value of groups.flatMap((group) => [...group])) {
    if (Number.isNaN(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
    whole &&= Number.isInteger(value);
  }
  if (low > high) return [];
  if (whole) {
    const step = Math.ceil((high - low + 1) / BINS);
    return Array.from({ length: Math.ceil((high - low + 1) / step) + 1 }, (_, i) => low + i * step);
  }
  return Array.from({ length: BINS + 1 }, (_, i) => (i === BINS ? high : low + ((high - low) * i) / BINS));
}

/** How many numbers lie between each two edges; the last edge belongs to the last bin. */
export function histogram(values: Float64Array, edges: readonly number[]): number[] {
  const counts = Array<number>(Math.max(0, edges.length - 1)).fill(0);
  const [low, high] = [edges[0]!, edges.at(-1)!];
  for (const value of values) {
    const bin = Math.floor(((value - low) / (high - low || 1)) * counts.length);
    counts[Math.min(counts.length - 1, bin)]!++;
  }
  return counts;
}
