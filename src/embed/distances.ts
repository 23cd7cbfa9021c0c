import { PolysemeError } from '../errors.ts';
import { wasm } from '../wasm/generated/distance.ts';
import { instantiate, type Kernel, reserve } from '../wasm/instance.ts';
import { checkCount, pairCount, rowStart } from './condensed.ts';

/** Largest count of rows whose distances still fit one typed array (8 GiB of f32). */
const MAX_COUNT = 65_536;
/** Bytes of packed rows that the kernel's memory holds at once, twice: it bounds that memory for any count. */
const STRIP_BYTES = 16 * 2 ** 20;
/** Bytes of packed rows that one kernel call goes over, so that they stay in a core's second-level cache. */
const TILE_BYTES = 256 * 1024;
/** Most rows of one kernel call. */
const TILE_ROWS = 255;
/** The kernel's rows go in groups of three. */
const GROUP = 3;

/**
 * Cosine distances 1 − cos between all pairs of rows, clamped to [0, 2], within 2e-6 of double precision.
 * A zero row has distance 1 to every other; bitwise-equal non-zero rows have distance exactly 0.
 * @param rows count × d, row-major
 * @returns condensed, in SciPy's order: (0,1), (0,2), …, (1,2), …
 */
export function cosineDistances({ rows, count }: { rows: Float32Array; count: number }): Float32Array {
  const width = rowWidth('cosineDistances', rows, count);
  if (count > MAX_COUNT)
    throw new PolysemeError(`cosineDistances: count is ${count}, at most ${MAX_COUNT} fit`);
  const distances = new Float32Array(pairCount(count));
  if (count === 0) return distances;
  const plan = layOut(count, width);
  const { exports, memory } = kernel();
  reserve(memory, plan.end);
  const equal = new EqualRows(rows, width);
  // Every strip of columns is met by the strips of rows up to itself.
  for (let column = 0; column < count; column += plan.stripRows) {
    const columns = Math.min(plan.stripRows, count - column);
    packStrip(plan, rows, column, columns, plan.stripB, equal);
    for (let row = 0; row <= column; row += plan.stripRows) {
      const same = row === column;
      if (!same) packStrip(plan, rows, row, plan.stripRows, plan.stripA);
      const at = same ? plan.stripB : plan.stripA;
      fillBlocks(
        exports,
        memory,
        plan,
        at,
        row,
        same ? columns : plan.stripRows,
        column,
        columns,
        count,
        distances,
      );
    }
  }
  equal.clear(distances, count);
  return distances;
}

/**
 * Mean cosine distance over all pairs of rows in O(n·d), without the pairs:
 * 1 − (‖Σ ê‖² − Σ ‖ê‖²) / (n(n − 1)), ê = e/‖e‖, or 0 for a zero row. In double precision; null for fewer than two rows.
 * @param rows count × d, row-major
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

interface DistanceExports {
  pack(rows: number, count: number, width: number, out: number, norms: number, hashes: number): number;
  block(
    a: number,
    groupsA: number,
    b: number,
    groupsB: number,
    steps: number,
    out: number,
    stride: number,
    sums: number,
    upper: boolean,
  ): void;
}

let loaded: Kernel<DistanceExports> | undefined;

function kernel(): Kernel<DistanceExports> {
  loaded ??= instantiate<DistanceExports>(wasm);
  return loaded;
}

/** Where everything lies in the kernel's memory, in bytes, and how many rows go together. */
type Plan = ReturnType<typeof layOut>;

function layOut(count: number, width: number) {
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
    sums: take(GROUP * GROUP * 16),
    norms: take(tileRows * 8),
    hashes: take(tileRows * 4),
    raw: take(tileRows * width * 4),
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
    const bad = exports.pack(plan.raw, part, width, out + done * rowBytes, plan.norms, plan.hashes);
    if (bad >= 0) throw notFinite('cosineDistances', first + done + bad);
    equal?.note(
      first + done,
      new Float64Array(memory.buffer, plan.norms, part),
      new Int32Array(memory.buffer, plan.hashes, part),
    );
  }
}

function fillBlocks(
  exports: DistanceExports,
  memory: WebAssembly.Memory,
  plan: Plan,
  stripA: number,
  firstRow: number,
  rows: number,
  firstColumn: number,
  columns: number,
  count: number,
  distances: Float32Array,
): void {
  const { tileRows, rowBytes, steps, block, sums } = plan;
  for (let r = 0; r < rows; r += tileRows) {
    const height = Math.min(tileRows, rows - r);
    for (let c = firstRow === firstColumn ? r : 0; c < columns; c += tileRows) {
      const breadth = Math.min(tileRows, columns - c);
      const diagonal = firstRow + r === firstColumn + c;
      exports.block(
        stripA + r * rowBytes,
        Math.ceil(height / GROUP),
        plan.stripB + c * rowBytes,
        Math.ceil(breadth / GROUP),
        steps,
        block,
        tileRows,
        sums,
        diagonal,
      );
      const values = new Float32Array(memory.buffer, block, tileRows * tileRows);
      for (let i = 0; i < height; i++) {
        const row = firstRow + r + i;
        const from = diagonal ? i + 1 : 0;
        distances.set(
          values.subarray(i * tileRows + from, i * tileRows + breadth),
          rowStart(count, row) + firstColumn + c + from,
        );
      }
    }
  }
}

/** Groups of bitwise-equal, non-zero rows, found by a hash of their bits. */
class EqualRows {
  readonly #bits: Int32Array;
  readonly #width: number;
  /** By hash, groups of equal rows; nearly always one group of one. */
  readonly #groups = new Map<number, number[][]>();
  #repeated = false;

  constructor(rows: Float32Array, width: number) {
    this.#bits = new Int32Array(rows.buffer, rows.byteOffset, rows.length);
    this.#width = width;
  }

  note(first: number, norms: Float64Array, hashes: Int32Array): void {
    for (let i = 0; i < hashes.length; i++) {
      if (norms[i] === 0) continue;
      const groups = this.#groups.get(hashes[i]!);
      const group = groups?.find(([other]) => this.#same(other!, first + i));
      if (group) {
        group.push(first + i);
        this.#repeated = true;
      } else if (groups) groups.push([first + i]);
      else this.#groups.set(hashes[i]!, [[first + i]]);
    }
  }

  /** Sets the distances inside every group to 0. */
  clear(distances: Float32Array, count: number): void {
    if (!this.#repeated) return;
    for (const group of [...this.#groups.values()].flat()) {
      for (let i = 0; i < group.length; i++) {
        const start = rowStart(count, group[i]!);
        for (let j = i + 1; j < group.length; j++) distances[start + group[j]!] = 0;
      }
    }
  }

  #same(a: number, b: number): boolean {
    const width = this.#width;
    for (let k = 0; k < width; k++) {
      if (this.#bits[a * width + k] !== this.#bits[b * width + k]) return false;
    }
    return true;
  }
}

function rowWidth(caller: string, rows: Float32Array, count: number): number {
  checkCount(caller, count);
  if (count === 0 ? rows.length > 0 : rows.length === 0 || rows.length % count !== 0) {
    throw new PolysemeError(
      `${caller}: rows holds ${rows.length} values, which cannot be ${count} rows of equal width`,
    );
  }
  return count === 0 ? 0 : rows.length / count;
}

function notFinite(caller: string, row: number): PolysemeError {
  return new PolysemeError(`${caller}: row ${row} of rows holds a NaN or an infinite value`);
}
