import { type Condensed, pairCount, rowStart } from '../embed/condensed.ts';
import { PolysemeError } from '../errors.ts';
import { linkageKernel, treeRows } from './linkage-kernel.ts';

/** Most points whose square matrix of distances (8 bytes each) fits a kernel's memory of 4 GiB. */
const MAX_POINTS = 20_000;
/** Distances that go to the kernel at once, or rows of them where these are longer. */
const STRIP_VALUES = 65_536;
const FEWEST_ROWS = 16;

const methodNumber = { average: 0, complete: 1, weighted: 2 };

/**
 * Nearest-neighbour chains (Müllner 2011, arXiv 1109.2378, §3.2) with SciPy's choices: a new chain starts at the
 * lowest live cluster; the nearest neighbour is the previous link of the chain where it ties, else the lowest of
 * those that tie; the merged cluster takes the higher of the two places. In double precision.
 * @returns the rows of the tree, or the first distance that is negative or not finite
 */
export function nearestNeighbourChain(
  distances: Condensed,
  count: number,
  method: keyof typeof methodNumber,
): Float64Array | { readonly bad: number } {
  if (count > MAX_POINTS) {
    throw new PolysemeError(
      `linkage: ${count} points are more than the ${MAX_POINTS} that '${method}' can take; 'single' can take more`,
    );
  }
  const rows = Math.max(FEWEST_ROWS, Math.floor(STRIP_VALUES / count));
  const stripValues = Math.min(rows * count, pairCount(count));
  const kernel = linkageKernel(count, { stripValues, matrix: true });
  const { exports, memory } = kernel;
  exports.begin();
  const wide = distances instanceof Float64Array;
  const strip = new (wide ? Float64Array : Float32Array)(memory.buffer, exports.strip.value, stripValues);
  for (let first = 0; first < count; first += rows) {
    const last = Math.min(first + rows, count);
    const start = rowStart(count, first) + first + 1;
    const end = rowStart(count, last) + last + 1;
    strip.set(end - start === distances.length ? distances : distances.subarray(start, end));
    const bad = exports.fill(first, last, wide);
    if (bad >= 0) return { bad: start + bad };
  }
  exports.run(methodNumber[method]);
  exports.label();
  return treeRows(kernel, count);
}
