import { notFinite, rowWidth } from './check-rows.ts';

/**
 * Mean cosine distance over all pairs of rows in O(n·d), without the pairs:
 * 1 − (‖Σ ê‖² − Σ ‖ê‖²) / (n(n − 1)), ê = e/‖e‖, or 0 for a zero row. In double precision; null for fewer than two rows.
 * @param rows count × d, row-major
 * @throws PolysemeError when rows cannot be count × d, or hold NaN or an infinity
 * @example
 * meanCosineDistance({ rows: Float32Array.of(1, 0, 0, 1), count: 2 }); // 1
 */
export function meanCosineDistance({ rows, count }: { rows: Float32Array; count: number }): number | null {
  const width = rowWidth('meanCosineDistance', rows, count);
  const sum = new Float64Array(width);
  let units = 0;
  for (let row = 0; row < count; row++) {
    const start = row * width;
    let squared = 0;
    for (let k = 0; k < width; k++) squared += rows[start + k]! * rows[start + k]!;
    if (!Number.isFinite(squared)) throw notFinite('meanCosineDistance', row);
    if (squared === 0) continue;
    units++;
    const scale = 1 / Math.sqrt(squared);
    for (let k = 0; k < width; k++) sum[k]! += rows[start + k]! * scale;
  }
  if (count < 2) return null;
  let squared = 0;
  for (const value of sum) squared += value * value;
  return 1 - (squared - units) / (count * (count - 1));
}
