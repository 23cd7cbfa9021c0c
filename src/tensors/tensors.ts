import { PolysemeError } from '../errors.ts';
import { type FileTensorRef, flip, type Matrix, rowMajor } from './matrix.ts';
import type { Dtype } from './safetensors.ts';

/** Most elements of one tensor: 2^32, six times the largest released SAE's encoder. */
export const MAX_ELEMENTS = 2 ** 32;
/** Most dimensions of one tensor. */
export const MAX_RANK = 8;
/** Most tensors in one file: an SAE has about ten. */
export const MAX_TENSORS = 4096;

/** A tensor read into memory as 32-bit floats. */
export interface LoadedTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
  /** The first dimension runs fastest (2-D only). */
  readonly columnMajor: boolean;
  readonly ref?: FileTensorRef;
}

/** An open file of named tensors. */
export interface TensorFile {
  /** The file, for messages. */
  readonly label: string;
  readonly container: 'safetensors' | 'torch' | 'npz';
  /** Name → shape and element type, in file order. */
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly dtype: Dtype }>;
  /** What the file holds beside tensors (torch files): name → value. */
  readonly values: ReadonlyMap<string, unknown>;
  read(name: string): Promise<LoadedTensor>;
  close(): Promise<void>;
}

/** Number of elements of a shape read from a file; throws where it is not a shape or beyond the limits. */
export function elementsOf(shape: readonly unknown[], label: string, name: string): number {
  let count = 1;
  for (const size of shape) {
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) count = Number.NaN;
    else count *= size;
  }
  if (!(count <= MAX_ELEMENTS) || shape.length > MAX_RANK) {
    throw new PolysemeError(
      `${label}: tensor ${name} claims the impossible shape [${shape.join(', ')}]`,
      'damaged',
    );
  }
  return count;
}

/** The first of `names` that the file has; throws naming them, and what there is instead. */
export function nameOf(file: TensorFile, ...names: string[]): string {
  const name = names.find((name) => file.tensors.has(name));
  if (name !== undefined) return name;
  const existing = [...file.tensors.keys()];
  const listed = existing.slice(0, 20).join(', ') + (existing.length > 20 ? `, … (${existing.length})` : '');
  throw new PolysemeError(
    `${file.label}: tensor ${names.join(' or ')} is missing; it has ${listed || 'none'}`,
  );
}

const NAMES: Partial<Record<Dtype, string>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
};

/** The element type of a tensor that is there, in torch's words. */
export function dtypeOf(file: TensorFile, name: string): string {
  const { dtype } = file.tensors.get(name)!;
  return NAMES[dtype] ?? dtype;
}

/** The 2-D tensor `name` as a matrix. */
export async function matrix(file: TensorFile, name: string): Promise<Matrix> {
  const { shape } = file.tensors.get(nameOf(file, name))!;
  if (shape.length !== 2) {
    throw new PolysemeError(
      `${file.label}: tensor ${name} has shape [${shape.join(', ')}]; a matrix is needed`,
      'unsupported',
    );
  }
  const [rows, cols] = shape as [number, number];
  const { data, columnMajor, ref } = await file.read(name);
  const m = columnMajor ? flip(rowMajor(data, cols, rows)) : rowMajor(data, rows, cols);
  return ref === undefined ? m : { ...m, ref };
}

/** The 1-D tensor `name`. */
export async function vector(file: TensorFile, name: string): Promise<Float32Array> {
  const { shape } = file.tensors.get(nameOf(file, name))!;
  if (shape.length !== 1) {
    throw new PolysemeError(
      `${file.label}: tensor ${name} has shape [${shape.join(', ')}]; a vector is needed`,
      'unsupported',
    );
  }
  return (await file.read(name)).data;
}

/** The number that tensor `name` of one element holds. */
export async function scalar(file: TensorFile, name: string): Promise<number> {
  const { shape } = file.tensors.get(nameOf(file, name))!;
  if (shape.some((size) => size !== 1)) {
    throw new PolysemeError(
      `${file.label}: tensor ${name} has shape [${shape.join(', ')}]; one number is needed`,
      'unsupported',
    );
  }
  return (await file.read(name)).data[0]!;
}
