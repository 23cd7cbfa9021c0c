import { bf16, f16, f32 } from './dequantise/floats.ts';
import { k2, k3, k4, k5, k6 } from './dequantise/k-quants.ts';
import { iq4nl, q40, q41, q50, q51, q80 } from './dequantise/legacy.ts';

/** How ggml stores the values of a tensor: in blocks of so many values and bytes. */
export interface GgmlType {
  readonly name: string;
  readonly blockValues: number;
  readonly blockBytes: number;
  /** Turns whole blocks into values: `bytes` holds as many blocks as `out` has room for. */
  readonly dequantise: (bytes: Uint8Array, out: Float32Array) => void;
}

const type = (
  name: string,
  blockValues: number,
  blockBytes: number,
  dequantise: GgmlType['dequantise'],
): GgmlType => ({ name, blockValues, blockBytes, dequantise });

/** The types that can be dequantised, by their number in `enum ggml_type`. */
export const GGML_TYPES: ReadonlyMap<number, GgmlType> = new Map([
  [0, type('F32', 1, 4, f32)],
  [1, type('F16', 1, 2, f16)],
  [2, type('Q4_0', 32, 18, q40)],
  [3, type('Q4_1', 32, 20, q41)],
  [6, type('Q5_0', 32, 22, q50)],
  [7, type('Q5_1', 32, 24, q51)],
  [8, type('Q8_0', 32, 34, q80)],
  [10, type('Q2_K', 256, 84, k2)],
  [11, type('Q3_K', 256, 110, k3)],
  [12, type('Q4_K', 256, 144, k4)],
  [13, type('Q5_K', 256, 176, k5)],
  [14, type('Q6_K', 256, 210, k6)],
  [20, type('IQ4_NL', 32, 18, iq4nl)],
  [30, type('BF16', 1, 2, bf16)],
]);

/** Names of the types that cannot. */
export const OTHER_GGML_TYPES: ReadonlyMap<number, string> = new Map([
  [9, 'Q8_1'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [17, 'IQ2_XS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [21, 'IQ3_S'],
  [22, 'IQ2_S'],
  [23, 'IQ4_XS'],
  [24, 'I8'],
  [25, 'I16'],
  [26, 'I32'],
  [27, 'I64'],
  [28, 'F64'],
  [29, 'IQ1_M'],
  [34, 'TQ1_0'],
  [35, 'TQ2_0'],
  [39, 'MXFP4'],
  [40, 'NVFP4'],
  [41, 'Q1_0'],
  [42, 'Q2_0'],
]);
