import { PolysemeError } from '../errors.ts';
import { reserve } from '../wasm/instance.ts';
import { notFinite } from './check-rows.ts';
import { pairCount, rowStart } from './condensed.ts';
import { GROUP, kernel, SUMS_BYTES } from './distance-kernel.ts';
import { EqualRows } from './equal-rows.ts';
import { putWeights, sourceWidth, weightBytes } from './row-source.ts';

/** Largest count of rows whose distances still fit one typed array (8 GiB of f32). */
const MAX_COUNT = 65_536;
/** Bytes of packed rows that the kernel's memory holds at once, twice: it bounds that memory for any count. */
const STRIP_BYTES = 16 * 2 ** 20;
/** Bytes of packed rows that one kernel call goes over, so that they stay in a core's second-level cache. */
const TILE_BYTES = 256 * 1024;
/** Most rows of one kernel call. */
const TILE_ROWS = 255;

/**
 * Cosine distances 1 − cos between all pairs of rows, clamped to [0, 2], within 2e-6 of double precision.
 * A zero row has distance 1 to every other; bitwise-equal non-zero rows have distance exactly 0.
 * @param rows count × d, row-major
 * @param weights d values: distances between the rows of `neuronEmbeddings({ inputs: rows, weights, centre })`, to the bit,
 *   without making them
 * @returns condensed, in SciPy's order: (0,1), (0,2), …, (1,2), …
 * @throws PolysemeError when rows cannot be count × d, or hold NaN or an infinity
 * @example
 * const distances = cosineDistances({ rows: Float32Array.of(1, 0, 0, 1, 2, 0), count: 3 });
 * console.log([...distances]); // [1, 0, 1]: rows 0-1, 0-2, 1-2
 */
export function cosineDistances({
  count,
  ...source
}: {
  rows: Float32Array;
  count: number;
  weights?: Float32Array;
  centre?: Float32Array;
}): Float32Array {
  const width = sourceWidth('cosineDistances', source, count);
  if (count > MAX_COUNT)
    throw new PolysemeError(`cosineDistances: count is ${count}, at most ${MAX_COUNT} fit`);
  const distances = new Float32Array(pairCount(count));
  if (count === 0) return distances;
  const plan = layOut(count, width, weightBytes(source));
  reserve(kernel().memory, plan.end);
  const embed = putWeights(source, plan.weights);
  const equal = new EqualRows(source, width);
  const pack = (first: number, rows: number, out: number, noted?: EqualRows) =>
    packStrip(plan, source.rows, embed, first, rows, out, noted);
  // Every strip of columns is met by the strips of rows up to itself.
  for (let column = 0; column < count; column += plan.stripRows) {
    const columns = Math.min(plan.stripRows, count - column);
    pack(column, columns, plan.stripB, equal);
    for (let row = 0; row <= column; row += plan.stripRows) {
      const same = row === column;
      if (!same) pack(row, plan.stripRows, plan.stripA);
      const from = {
        at: same ? plan.stripB : plan.stripA,
        first: row,
        rows: same ? columns : plan.stripRows,
      };
      fillBlocks(plan, from, { at: plan.stripB, first: column, rows: columns }, count, distances);
    }
  }
  equal.clear(distances, count);
  return distances;
}

/** Where everything lies in the kernel's memory, in bytes, and how many rows go together. */
type Plan = ReturnType<typeof layOut>;

function layOut(count: number, width: number, weights: number) {
  const steps = Math.ceil(width / 4);
  const rowBytes = steps * 16;
  const fitting = Math.max(GROUP, Math.min(TILE_ROWS, Math.floor(TILE_BYTES / rowBytes)));
  const tileRows = Math.min(wholeGroups(count), fitting - (fitting % GROUP));
  const tiles = Math.max(1, Math.floor(STRIP_BYTES / (tileRows * rowBytes)));
  const stripRows = Math.min(tiles, Math.ceil(count / tileRows)) * tileRows;
  // The first page is the compiler's.
  let end = 65_536;
  const take = (bytes: number) => {
    const start = end;
    end += Math.ceil(bytes / 16) * 16;
    return start;
  };
  return {
    width,
    steps,
    rowBytes,
    tileRows,
    stripRows,
    sums: take(SUMS_BYTES),
    norms: take(tileRows * 8),
    hashes: take(tileRows * 4),
    raw: take(tileRows * width * 4),
    weights: take(weights),
    block: take(tileRows * tileRows * 4),
    stripB: take(stripRows * rowBytes),
    stripA: take(stripRows < count ? stripRows * rowBytes : 0),
    end,
  };
}

function wholeGroups(rows: number): number {
  return Math.ceil(rows / GROUP) * GROUP;
}

/** Copies `count` rows from `first` on into the kernel's memory and packs them at `out`, a tile at a time. */
function packStrip(
  plan: Plan,
  rows: Float32Array,
  { weights, centre }: ReturnType<typeof putWeights>,
  first: number,
  count: number,
  out: number,
  equal?: EqualRows,
) {
  const { exports, memory } = kernel();
  const { width, tileRows, rowBytes } = plan;
  for (let done = 0; done < count; done += tileRows) {
    const part = Math.min(tileRows, count - done);
    const start = (first + done) * width;
    new Float32Array(memory.buffer, plan.raw, part * width).set(rows.subarray(start, start + part * width));
    const to = out + done * rowBytes;
    const bad = exports.pack(plan.raw, part, width, to, plan.norms, plan.hashes, weights, centre);
    if (bad >= 0) throw notFinite('cosineDistances', first + done + bad);
    equal?.note(
      first + done,
      new Float64Array(memory.buffer, plan.norms, part),
      new Int32Array(memory.buffer, plan.hashes, part),
    );
  }
}

/** Packed rows of the kernel's memory: where they lie, the first one's number, how many. */
interface Strip {
  at: number;
  first: number;
  rows: number;
}

/** Writes the distances of the rows of `a` to those of `b`, the same or later ones, a block at a time. */
function fillBlocks(plan: Plan, a: Strip, b: Strip, count: number, distances: Float32Array): void {
  const { exports, memory } = kernel();
  const { tileRows, rowBytes, steps, block, sums } = plan;
  for (let r = 0; r < a.rows; r += tileRows) {
    const height = Math.min(tileRows, a.rows - r);
    for (let c = a.first === b.first ? r : 0; c < b.rows; c += tileRows) {
      const breadth = Math.min(tileRows, b.rows - c);
      const diagonal = a.first + r === b.first + c;
      exports.block(
        a.at + r * rowBytes,
        Math.ceil(height / GROUP),
        b.at + c * rowBytes,
        Math.ceil(breadth / GROUP),
        steps,
        block,
        tileRows,
        sums,
        diagonal,
      );
      const values = new Float32Array(memory.buffer, block, tileRows * tileRows);
      for (let i = 0; i < height; i++) {
        const row = a.first + r + i;
        const from = diagonal ? i + 1 : 0;
        // A loop, since a view for each short row would cost more than its copy.
        const to = rowStart(count, row) + b.first + c;
        for (let j = from; j < breadth; j++) distances[to + j] = values[i * tileRows + j]!;
      }
    }
  }
}
