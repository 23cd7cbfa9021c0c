import { type Condensed, rowStart } from '../embed/condensed.ts';
import { PolysemeError } from '../errors.ts';
import { wasm } from '../wasm/generated/linkage.ts';
import { instantiate, type Kernel, reserve } from '../wasm/instance.ts';
import type { RawMerges } from './tree.ts';

/** Most points whose square matrix of distances (8 bytes each) fits a kernel's memory of 4 GiB. */
const MAX_POINTS = 20_000;
/** Kernel memory up to this many bytes is kept for the next call; a larger one is dropped after use. */
const KEPT_BYTES = 64 * 2 ** 20;

const methodNumber = { average: 0, complete: 1, weighted: 2 };

/**
 * Nearest-neighbour chains (Müllner 2011, arXiv 1109.2378, §3.2) with SciPy's choices: a new chain starts at the
 * lowest live cluster; the nearest neighbour is the previous link of the chain where it ties, else the lowest of
 * those that tie; the merged cluster takes the higher of the two places. In double precision.
 */
export function nearestNeighbourChain(
  distances: Condensed,
  count: number,
  method: keyof typeof methodNumber,
): RawMerges {
  if (count > MAX_POINTS) {
    throw new PolysemeError(
      `linkage: ${count} points are more than the ${MAX_POINTS} that '${method}' can take; 'single' can take more`,
    );
  }
  const { exports, square, dead, stride, values } = fillSquare(distances, count);
  const size = new Int32Array(count).fill(1);
  const chain = new Int32Array(count);
  const raw = {
    a: new Int32Array(count - 1),
    b: new Int32Array(count - 1),
    height: new Float64Array(count - 1),
  };
  let links = 0;
  let lowestLive = 0;
  for (let step = 0; step < count - 1; step++) {
    if (links === 0) {
      while (size[lowestLive] === 0) lowestLive++;
      chain[links++] = lowestLive;
    }
    let x: number;
    let y: number;
    for (;;) {
      x = chain[links - 1]!;
      const previous = links > 1 ? chain[links - 2]! : -1;
      y = exports.nearest(square + x * stride * 8, dead, stride, previous);
      if (y === previous) break;
      chain[links++] = y;
    }
    links -= 2;
    const low = Math.min(x, y);
    const high = Math.max(x, y);
    raw.a[step] = low;
    raw.b[step] = high;
    raw.height[step] = values[x * stride + y]!;
    values[count * stride + low] = Number.POSITIVE_INFINITY;
    exports.merge(square, dead, count, stride, low, high, size[low]!, size[high]!, methodNumber[method]);
    size[high]! += size[low]!;
    size[low] = 0;
  }
  return raw;
}

interface LinkageExports {
  mirror(square: number, n: number, stride: number, firstRow: number, lastRow: number): void;
  nearest(row: number, dead: number, stride: number, previous: number): number;
  merge(
    square: number,
    dead: number,
    n: number,
    stride: number,
    low: number,
    high: number,
    sizeLow: number,
    sizeHigh: number,
    method: number,
  ): void;
}

let kept: Kernel<LinkageExports> | undefined;

/** The distances as a square matrix in the memory of a kernel, and below it the row that marks dead places. */
function fillSquare(distances: Condensed, count: number) {
  // An odd multiple of a cache line, so that a column is spread over the cache.
  const stride = (Math.ceil(count / 8) | 1) * 8;
  const square = 65_536;
  const bytes = square + (count + 1) * stride * 8;
  kept ??= instantiate<LinkageExports>(wasm);
  const { exports, memory } = bytes <= KEPT_BYTES ? kept : instantiate<LinkageExports>(wasm);
  reserve(memory, bytes);
  const values = new Float64Array(memory.buffer, square, (count + 1) * stride);
  for (let i = 0; i < count; i++) {
    const start = rowStart(count, i);
    const row = i * stride;
    for (let j = i + 1; j < count; j++) values[row + j] = distances[start + j]!;
    values.fill(0, row + count, row + stride);
  }
  // In parts, so that an engine that compiles hot functions between calls gets the chance.
  for (let row = 0; row < count; row += 32)
    exports.mirror(square, count, stride, row, Math.min(row + 32, count));
  values.fill(0, count * stride, count * stride + count);
  values.fill(Number.POSITIVE_INFINITY, count * stride + count);
  return { exports, square, dead: square + count * stride * 8, stride, values };
}
