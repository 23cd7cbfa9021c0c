import { reserve } from '../wasm/instance.ts';
import { notFinite } from './check-rows.ts';
import { GROUP, kernel, SUMS_BYTES } from './distance-kernel.ts';
import { cosineDistances } from './distances.ts';
import { putWeights, type RowSource, sourceWidth, weightBytes } from './row-source.ts';

/** Groups of three rows that each group is compared with: 1,350 pairs of 150 rows, each row in 18 of them. */
const BAND = 3;

/**
 * The median cosine distance between rows in random order, from a fixed part of their pairs: the rows in a ring, in
 * groups of three, each group with the next three groups. Rows of at most seven groups: all pairs.
 * Of the embeddings of random text positions this is a unit's `nullDistance`: how far apart unrelated inputs lie under
 * its weights. Against the median of all pairs of the same 150 rows it errs by about 0.01.
 * Of an even number of pairs: the mean of the two in the middle. Null for fewer than two rows.
 * @param rows count × d, row-major
 * @param weights d values: of their neuron embeddings (with `centre`), as of `cosineDistances`
 * @throws PolysemeError when rows cannot be count × d, or hold NaN or an infinity
 * @example
 * nullDistance({ rows: Float32Array.of(1, 0, 0, 1), count: 2 }); // 1
 */
export function nullDistance({ count, ...source }: Parameters<typeof cosineDistances>[0]): number | null {
  const groups = Math.ceil(count / GROUP);
  if (groups <= 2 * BAND + 1) return median(cosineDistances({ ...source, count }));
  return median(bandDistances(source, count, groups));
}

/** The pairs of the ring that the median is of, by group; within it the rows of one group go slowest. */
export function bandDistances(source: RowSource, count: number, groups: number): Float32Array {
  const { rows } = source;
  const width = sourceWidth('nullDistance', source, count);
  const { exports, memory } = kernel();
  const steps = Math.ceil(width / 4);
  const groupBytes = GROUP * steps * 16;
  const stride = GROUP * BAND;
  // The first page is the compiler's.
  const sums = 65_536;
  const block = sums + SUMS_BYTES;
  const norms = block + Math.ceil((GROUP * stride * 4) / 16) * 16;
  const hashes = norms + Math.ceil((count * 8) / 16) * 16;
  const raw = hashes + Math.ceil((count * 4) / 16) * 16;
  const weighed = raw + Math.ceil((rows.length * 4) / 16) * 16;
  const packed = weighed + Math.ceil(weightBytes(source) / 16) * 16;
  reserve(memory, packed + (groups + BAND) * groupBytes);
  new Float32Array(memory.buffer, raw, rows.length).set(rows);
  const { weights, centre } = putWeights(source, weighed);
  const bad = exports.pack(raw, count, width, packed, norms, hashes, weights, centre);
  if (bad >= 0) throw notFinite('nullDistance', bad);
  // The ring: the first groups once more after the last.
  new Uint8Array(memory.buffer).copyWithin(packed + groups * groupBytes, packed, packed + BAND * groupBytes);
  const values = new Float32Array(memory.buffer, block, GROUP * stride);
  const pairDistances = new Float32Array(groups * GROUP * stride);
  let end = 0;
  for (let group = 0; group < groups; group++) {
    const at = packed + group * groupBytes;
    exports.block(at, 1, at + groupBytes, BAND, steps, block, stride, sums, false);
    for (let r = 0; r < GROUP && group * GROUP + r < count; r++) {
      for (let c = 0; c < stride; c++) {
        const other = (group * GROUP + GROUP + c) % (groups * GROUP);
        if (other < count) pairDistances[end++] = values[r * stride + c]!;
      }
    }
  }
  return pairDistances.subarray(0, end);
}

function median(values: Float32Array): number | null {
  const { length } = values;
  if (length === 0) return null;
  const sorted = values.sort();
  return (sorted[(length - 1) >> 1]! + sorted[length >> 1]!) / 2;
}
