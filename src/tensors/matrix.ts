import type { TensorRef } from './safetensors.ts';

/**
 * A rows × cols matrix. Element (r, c) is `data[r · cols + c]`, or `data[c · rows + r]` where `transposed`:
 * torch's Linear layers keep W_enc that way round, and loading must not copy it.
 */
export interface Matrix {
  readonly data: Float32Array;
  readonly rows: number;
  readonly cols: number;
  readonly transposed: boolean;
  /** Where the same numbers lie in a file, in the same order, for ONNX Runtime to map. */
  readonly ref?: FileTensorRef;
}

/** Where the numbers of a tensor lie in a file that was read. */
export interface FileTensorRef extends TensorRef {
  /** Whether the file still is the one that was read. */
  unchanged(): boolean;
}

/**
 * A matrix of an SAE from numbers in row-major order.
 * @example
 * const identity = rowMajor(Float32Array.of(1, 0, 0, 1), 2, 2);
 * console.log(identity.rows, identity.cols); // 2 2
 */
export function rowMajor(data: Float32Array, rows: number, cols: number): Matrix {
  return { data, rows, cols, transposed: false };
}

/** The transpose, over the same numbers. */
export function flip(m: Matrix): Matrix {
  return { ...m, rows: m.cols, cols: m.rows, transposed: !m.transposed };
}

/** Rows `start … start + count`, row-major; a view where the matrix is stored so. */
export function rowsOf(m: Matrix, start: number, count: number): Float32Array {
  const { data, rows, cols } = m;
  if (!m.transposed) return data.subarray(start * cols, (start + count) * cols);
  const out = new Float32Array(count * cols);
  for (let c = 0; c < cols; c++) {
    const from = c * rows + start;
    for (let r = 0; r < count; r++) out[r * cols + c] = data[from + r]!;
  }
  return out;
}

/** The whole matrix stored row by row. */
export function toRowMajor(m: Matrix): Matrix {
  return m.transposed ? rowMajor(rowsOf(m, 0, m.rows), m.rows, m.cols) : m;
}

/** Column `c`, a copy. */
export function columnOf(m: Matrix, c: number): Float32Array {
  if (m.transposed) return m.data.slice(c * m.rows, (c + 1) * m.rows);
  const out = new Float32Array(m.rows);
  for (let r = 0; r < m.rows; r++) out[r] = m.data[r * m.cols + c]!;
  return out;
}

/** Euclidean norm of every row, summed in double precision. */
export function rowNorms(m: Matrix): Float32Array {
  const { data, rows, cols } = m;
  const sums = new Float64Array(rows);
  for (let i = 0, outer = 0; i < data.length; outer++) {
    const inner = m.transposed ? rows : cols;
    for (let j = 0; j < inner; j++, i++) sums[m.transposed ? j : outer]! += data[i]! * data[i]!;
  }
  return Float32Array.from(sums, Math.sqrt);
}

/** Multiplies row r by factors[r], in place. The file no longer holds these numbers, so `ref` is dropped. */
export function scaleRows(m: Matrix, factors: ArrayLike<number>): Matrix {
  const { data, rows, cols, transposed } = m;
  const inner = transposed ? rows : cols;
  for (let i = 0, outer = 0; i < data.length; outer++) {
    for (let j = 0; j < inner; j++, i++) data[i]! *= factors[transposed ? j : outer]!;
  }
  return { data, rows, cols, transposed };
}

/** Multiplies column c by factors[c], in place. */
export function scaleColumns(m: Matrix, factors: ArrayLike<number>): Matrix {
  return flip(scaleRows(flip(m), factors));
}

/** Copies the numbers, so that they may be changed. */
export function copyOf({ data, rows, cols, transposed }: Matrix): Matrix {
  return { data: data.slice(), rows, cols, transposed };
}
