import type { Layout } from './layout.ts';

/** Sum in f64, first to last: the same whatever the thread count. */
export function sumInOrder(values: Float64Array | Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

/** Sum of a row a block, in f64 and in the order of blocks. */
export function sumBlocks(
  layout: Layout,
  name: 'blockSum' | 'blockErrors' | 'blockEncoder',
  blocks: number,
): Float64Array {
  const { stride } = layout;
  const address = layout.get(name);
  const rows =
    name === 'blockSum' ? layout.f64(address, blocks * stride) : layout.f32(address, blocks * stride);
  const sum = new Float64Array(stride);
  for (let b = 0; b < blocks; b++) for (let k = 0; k < stride; k++) sum[k]! += rows[b * stride + k]!;
  return sum;
}

/** Copies a batch to the trainer's memory, each vector to a row of `stride`. */
export function toRows(layout: Layout, batch: Float32Array, width: number): void {
  const { stride } = layout;
  const tokens = batch.length / width;
  const x = layout.f32(layout.get('x'), tokens * stride);
  if (stride === width) {
    x.set(batch);
    return;
  }
  x.fill(0);
  for (let t = 0; t < tokens; t++) x.set(batch.subarray(t * width, (t + 1) * width), t * stride);
}

/** Latents that have not been active in the last `after` tokens, ascending. */
export function deadLatents(layout: Layout, after: number): number[] {
  const idle = layout.state('idle');
  const dead: number[] = [];
  for (let j = 0; j < idle.length; j++) if (idle[j]! >= after) dead.push(j);
  return dead;
}
