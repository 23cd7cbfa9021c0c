import type { Pixels } from '../corpus/images/image.ts';
import { PolysemeError } from '../errors.ts';
import type { ModelConfig } from './architectures/architecture.ts';
import type { ModelImages } from './image-input.ts';
import type { TapData } from './session.ts';
import type { TapBlock, TapInput } from './taps.ts';

/** Rows of token ids, checked. */
export function tokenRows(
  tokens: readonly (readonly number[] | Int32Array)[],
  config: Pick<ModelConfig, 'vocabulary' | 'contextLength'>,
): TapInput[] {
  let longest = 0;
  tokens.forEach((row, i) => {
    longest = Math.max(longest, row.length);
    for (let t = 0; t < row.length; t++) {
      const id = row[t]!;
      if (!Number.isInteger(id) || id < 0 || id >= config.vocabulary) {
        throw new PolysemeError(`tokens[${i}][${t}] is ${id}; ids go from 0 to ${config.vocabulary - 1}`);
      }
    }
  });
  if (longest === 0) throw new PolysemeError('tokens holds no token: give at least one row of one token');
  if (longest > config.contextLength) {
    throw new PolysemeError(`a row has ${longest} tokens; the model's context is ${config.contextLength}`);
  }
  return tokens.map((row) => ({ tokens: Int32Array.from(row) }));
}

/** Rows of pixels, checked. */
export function imageRows(
  pixels: readonly Pixels[],
  { positions, height, width, preprocessing }: ModelImages,
): TapInput[] {
  if (pixels.length === 0)
    throw new PolysemeError('pixels is empty: the model reads images, so give at least one');
  const shape = [preprocessing.channels, height, width];
  const odd = pixels.findIndex(
    (row) => row.shape.join() !== shape.join() || row.data.length !== shape.reduce((a, b) => a * b),
  );
  if (odd >= 0) {
    throw new PolysemeError(
      `pixels[${odd}] is [${pixels[odd]!.shape.join(', ')}]; the model reads [${shape.join(', ')}]`,
    );
  }
  const tokens = Int32Array.from({ length: positions }, (_, position) => position);
  return pixels.map((row) => ({ tokens, pixels: row }));
}

/** Puts blocks together; positions past a row's end are 0. */
export async function joinRows(
  blocks: AsyncIterable<TapBlock>,
  widths: Readonly<Record<string, number>>,
  rows: number,
  length: number,
): Promise<Record<string, TapData>> {
  const joined: Record<string, TapData> = {};
  for (const [tap, width] of Object.entries(widths)) {
    joined[tap] = { data: new Float32Array(rows * length * width), shape: [rows, length, width] };
  }
  let first = 0;
  for await (const { contexts, length: own, taps } of blocks) {
    for (const [tap, width] of Object.entries(widths)) {
      contexts.forEach(({ tokens }, row) => {
        const at = row * own * width;
        const values = taps[tap]!.data.subarray(at, at + tokens.length * width);
        joined[tap]!.data.set(values, (first + row) * length * width);
      });
    }
    first += contexts.length;
  }
  return joined;
}
