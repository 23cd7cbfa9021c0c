// Between a GPU's arrays and the host's: what the step of step.ts finds where its threads would have left it.
import type { Layout } from '../layout.ts';
import type { SaeTrainerSettings } from '../trainer-options.ts';
import { FIGURE, FIGURES } from './params.ts';

/** Puts entries where the host has them: `k` places a token, those that there are first. */
export function takeEntries(
  layout: Layout,
  name: 'main' | 'aux',
  entries: Uint32Array,
  tokens: number,
  k: number,
): void {
  layout.u32(layout.getPair(name, 'entries'), entries.length).set(entries);
  const start = layout.u32(layout.getPair(name, 'rowStart'), tokens);
  const count = layout.u32(layout.getPair(name, 'rowCount'), tokens);
  for (let t = 0; t < tokens; t++) {
    start[t] = t * k;
    let found = 0;
    // 0 is the only value that an entry which is none can have.
    while (found < k && entries[2 * (t * k + found)] !== 0) found++;
    count[t] = found;
  }
}

/** Puts the figures of each token where the host sums them up. */
export function takeFigures(
  layout: Layout,
  figures: Float32Array,
  tokens: number,
): { embedding: number; embeddingPairs: number } {
  const of = (name: 'tokenError' | 'tokenSparsity' | 'tokenAlignment' | 'tokenAux') =>
    layout.f64(layout.get(name), tokens);
  const [errors, sparsity, alignment, aux] = [
    of('tokenError'),
    of('tokenSparsity'),
    of('tokenAlignment'),
    of('tokenAux'),
  ];
  let [embedding, embeddingPairs] = [0, 0];
  for (let t = 0; t < tokens; t++) {
    const at = t * FIGURES;
    errors[t] = figures[at + FIGURE.error]!;
    sparsity[t] = figures[at + FIGURE.sparsity]!;
    alignment[t] = figures[at + FIGURE.alignment]!;
    aux[t] = figures[at + FIGURE.auxiliary]!;
    embedding += figures[at + FIGURE.embedding]!;
    embeddingPairs += figures[at + FIGURE.pairs]!;
  }
  return { embedding, embeddingPairs };
}

export function sumRows(rows: Float32Array, width: number): Float64Array {
  const sum = new Float64Array(width);
  rows.forEach((value, i) => {
    sum[i % width]! += value;
  });
  return sum;
}

/** The columns of the host's pairs as kernels read them. */
export function columnsOf(layout: Layout, name: 'main' | 'aux', latents: number): Uint32Array {
  const start = layout.u32(layout.getPair(name, 'colStart'), latents + 1);
  const pairs = start[latents]!;
  const columns = new Uint32Array(latents + 1 + 2 * pairs);
  columns.set(start);
  columns.set(layout.u32(layout.getPair(name, 'columns'), 2 * pairs), latents + 1);
  return columns;
}

/** Counts which latents were active, as `finish` of kernels/sae/latents.ts; returns the share of a new mean in the old. */
export function countActive(
  layout: Layout,
  tokens: number,
  { latents, measureEmbedding, embeddingMean: mean }: SaeTrainerSettings,
  hasAux: boolean,
): Float32Array {
  const [idle, moved, seen] = [layout.state('idle'), layout.state('moved'), layout.state('seen')];
  const start = layout.u32(layout.getPair('main', 'colStart'), latents + 1);
  const aux = hasAux ? layout.u32(layout.getPair('aux', 'colStart'), latents + 1) : null;
  const shares = new Float32Array(latents);
  for (let j = 0; j < latents; j++) {
    const count = start[j + 1]! - start[j]!;
    if (count > 0 || (aux !== null && aux[j + 1]! > aux[j]!)) moved[j] = 1;
    idle[j] = count > 0 ? 0 : Math.min(idle[j]! + tokens, 2 ** 32 - 1);
    if (count === 0 || !measureEmbedding) continue;
    const total = seen[j]! + count;
    shares[j] = seen[j] === 0 ? 1 : mean === 'running' ? count / total : 1 - mean;
    seen[j] = total;
  }
  return shares;
}
