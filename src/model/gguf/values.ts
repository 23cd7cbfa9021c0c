import { PolysemeError } from '../../errors.ts';
import { openFile, type RandomFile } from '../../tensors/random-file.ts';
import type { PlannedTensor, Undo } from './plan.ts';

/** Values dequantised at a time. */
const CHUNK = 1 << 20;

/** The values of a tensor of the checkpoint, piece by piece in their order. */
export async function* plannedValues({ from, undo, name }: PlannedTensor): AsyncGenerator<Float32Array> {
  const file = await openFile(from.file);
  try {
    if (undo === null || undo === 'minus-one') {
      for await (const values of dequantised(file, from)) {
        if (undo === 'minus-one') for (let i = 0; i < values.length; i++) values[i]! -= 1;
        yield values;
      }
      return;
    }
    const whole = new Float32Array(from.shape.reduce((product, n) => product * n, 1));
    let at = 0;
    for await (const values of dequantised(file, from)) {
      whole.set(values, at);
      at += values.length;
    }
    yield rearranged(whole, from.shape, undo, name);
  } finally {
    await file.close();
  }
}

/** All values of a short tensor, as they are in the file. */
export async function readVector(from: PlannedTensor['from'], name: string): Promise<Float32Array> {
  const file = await openFile(from.file);
  try {
    if (from.shape.reduce((product, n) => product * n, 1) > CHUNK)
      throw new PolysemeError(
        `${from.file}: tensor ${name} has the shape [${from.shape.join(', ')}]`,
        'damaged',
      );
    for await (const values of dequantised(file, from)) return values;
    return new Float32Array(0);
  } finally {
    await file.close();
  }
}

async function* dequantised(
  file: RandomFile,
  { type, shape, offset }: PlannedTensor['from'],
): AsyncGenerator<Float32Array> {
  const count = shape.reduce((product, n) => product * n, 1);
  for (let start = 0; start < count; start += CHUNK) {
    const values = new Float32Array(Math.min(CHUNK, count - start));
    const bytes = await file.bytes(
      offset + (start / type.blockValues) * type.blockBytes,
      (values.length / type.blockValues) * type.blockBytes,
    );
    type.dequantise(bytes, values);
    yield values;
  }
}

function rearranged(
  values: Float32Array,
  shape: readonly number[],
  undo: Exclude<Undo, 'minus-one'>,
  name: string,
): Float32Array {
  const [rows, width = 1] = shape as [number, number?];
  const out = new Float32Array(values.length);
  if (undo === 'transpose') {
    for (let r = 0; r < rows; r++) for (let c = 0; c < width; c++) out[c * rows + r] = values[r * width + c]!;
    return out;
  }
  const headRows = rows / undo.heads;
  if (headRows % 2 !== 0)
    throw new PolysemeError(`tensor ${name} has ${rows} rows, which are no pairs of ${undo.heads} heads`);
  // In the file the two rows of a pair follow each other; transformers has all first ones, then all second ones.
  for (let row = 0; row < rows; row++) {
    const head = Math.floor(row / headRows);
    const within = row % headRows;
    const to = head * headRows + (within % 2) * (headRows / 2) + (within >> 1);
    out.set(values.subarray(row * width, (row + 1) * width), to * width);
  }
  return out;
}
