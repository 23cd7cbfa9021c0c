import type { Segment } from './encoder.ts';
import type { Layout } from './layout.ts';

/** Number of entries of some segments. */
export function countEntries(segments: readonly Segment[]): number {
  return segments.reduce((sum, { entries }) => sum + entries.length / 2, 0);
}

/**
 * Merges segments into one row of entries per token. Where they hold all pairs (relu, jumprelu), rows come out
 * ordered by latent, whichever thread found what.
 */
export function buildRows(layout: Layout, name: 'main' | 'aux', tokens: number, segments: Segment[]): void {
  const start = layout.u32(layout.getPair(name, 'rowStart'), tokens);
  const count = layout.u32(layout.getPair(name, 'rowCount'), tokens).fill(0);
  const entries = layout.u32(layout.getPair(name, 'entries'), 2 * countEntries(segments));
  segments.sort((a, b) => a.latent - b.latent);
  for (const { token, counts } of segments) {
    for (let i = 0; i < counts.length; i++) count[token + i]! += counts[i]!;
  }
  const next = new Uint32Array(tokens);
  for (let t = 0, at = 0; t < tokens; t++) {
    start[t] = at;
    next[t] = at;
    at += count[t]!;
  }
  for (const { token, counts, entries: from } of segments) {
    for (let i = 0, at = 0; i < counts.length; i++) {
      const n = counts[i]!;
      const to = 2 * next[token + i]!;
      for (let e = 0; e < 2 * n; e++) entries[to + e] = from[at + e]!;
      at += 2 * n;
      next[token + i]! += n;
    }
  }
}

/** Turns rows into columns: for each latent its entries, by ascending token. Returns how many there are. */
export function buildColumns(layout: Layout, name: 'main' | 'aux', tokens: number, latents: number): number {
  const start = layout.u32(layout.getPair(name, 'rowStart'), tokens);
  const count = layout.u32(layout.getPair(name, 'rowCount'), tokens);
  const length = tokens === 0 ? 0 : start[tokens - 1]! + count[tokens - 1]!;
  const entries = layout.u32(layout.getPair(name, 'entries'), 2 * length);
  const columns = layout.u32(layout.getPair(name, 'columns'), 2 * length);
  const columnStart = layout.u32(layout.getPair(name, 'colStart'), latents + 1).fill(0);
  for (let t = 0; t < tokens; t++) {
    const end = start[t]! + count[t]!;
    for (let e = start[t]!; e < end; e++) columnStart[entries[2 * e + 1]! + 1]!++;
  }
  for (let j = 0; j < latents; j++) columnStart[j + 1]! += columnStart[j]!;
  const next = columnStart.slice(0, latents);
  for (let t = 0; t < tokens; t++) {
    const end = start[t]! + count[t]!;
    for (let e = start[t]!; e < end; e++) {
      const latent = entries[2 * e + 1]!;
      const at = 2 * next[latent]!;
      next[latent]!++;
      columns[at] = t;
      columns[at + 1] = e;
    }
  }
  return columnStart[latents]!;
}

/** The least activation among the rows' entries, 0 where there is none. */
export function leastActivation(layout: Layout, tokens: number): number {
  const start = layout.u32(layout.getPair('main', 'rowStart'), tokens);
  const count = layout.u32(layout.getPair('main', 'rowCount'), tokens);
  const length = start[tokens - 1]! + count[tokens - 1]!;
  const values = layout.f32(layout.getPair('main', 'entries'), 2 * length);
  let least = Number.POSITIVE_INFINITY;
  for (let t = 0; t < tokens; t++) {
    const end = start[t]! + count[t]!;
    for (let e = start[t]!; e < end; e++) least = Math.min(least, values[2 * e]!);
  }
  return Number.isFinite(least) ? least : 0;
}

/**
 * The value and place (token · latents + latent) of the k-th largest entry of all rows; ties go to the lower
 * place. Uses the memory of the columns, which are built later.
 */
export function kthLargest(
  layout: Layout,
  kernel: { kthLargest(keys: number, count: number, k: number): void },
  tokens: number,
  latents: number,
  k: number,
): { value: number; place: number } {
  const start = layout.u32(layout.getPair('main', 'rowStart'), tokens);
  const count = layout.u32(layout.getPair('main', 'rowCount'), tokens);
  const length = start[tokens - 1]! + count[tokens - 1]!;
  const entries = layout.u32(layout.getPair('main', 'entries'), 2 * length);
  const address = layout.getPair('main', 'columns');
  const keys = layout.u32(address, 2 * length);
  let at = 0;
  for (let t = 0; t < tokens; t++) {
    const end = start[t]! + count[t]!;
    for (let e = start[t]!; e < end; e++) {
      keys[at++] = ~(t * latents + entries[2 * e + 1]!);
      keys[at++] = entries[2 * e]!;
    }
  }
  kernel.kthLargest(address, length, k);
  return { value: keys[2 * k - 1]!, place: ~keys[2 * k - 2]! >>> 0 };
}
