import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withHeader } from './tiny-checkpoint.ts';

const FOLIO = new URL('../../models/folio-5m', import.meta.url).pathname;

/** Neurons of a layer that are kept where a test names units of its own: enough for every one that a page of docs names. */
export const NEURONS = 160;
/** Enough for what is so of any unit. */
const FEW = 64;

/**
 * Writes the bundled model, less most of its neurons, as a checkpoint in folder `dir`: the same text, tokens and layers,
 * and a study of it takes a sixteenth of the time. Returns `dir`.
 */
export function writeSmallFolio(dir: string, neurons = FEW): string {
  mkdirSync(dir, { recursive: true });
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    copyFileSync(join(FOLIO, name), join(dir, name));
  }
  const config = JSON.parse(readFileSync(join(FOLIO, 'config.json'), 'utf8'));
  writeFileSync(join(dir, 'config.json'), JSON.stringify({ ...config, n_inner: neurons }));
  writeFileSync(join(dir, 'model.safetensors'), withoutMostNeurons(neurons));
  return dir;
}

/** The weights, as they are stored, of the first neurons of each MLP and of everything else. */
function withoutMostNeurons(neurons: number): Buffer {
  const bytes = readFileSync(join(FOLIO, 'model.safetensors'));
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
    string,
    { dtype: 'F16'; shape: number[]; data_offsets: [number, number] }
  >;
  const pieces: Buffer[] = [];
  const smaller: typeof header = {};
  let end = 0;
  for (const [name, { dtype, shape, data_offsets: at }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const axis = /\.mlp\.c_fc\./.test(name)
      ? shape.length - 1
      : /\.mlp\.c_proj\.weight/.test(name)
        ? 0
        : null;
    const kept = shape.map((size, i) => (i === axis ? neurons : size));
    const tensor = bytes.subarray(8 + length + at[0], 8 + length + at[1]);
    // Rows that are cut short, or fewer rows.
    const [row, keptRow] = [2 * shape.at(-1)!, 2 * kept.at(-1)!];
    const rows = kept.length === 1 ? 1 : kept[0]!;
    for (let i = 0; i < rows; i++) pieces.push(tensor.subarray(i * row, i * row + keptRow));
    smaller[name] = { dtype, shape: kept, data_offsets: [end, end + rows * keptRow] };
    end += rows * keptRow;
  }
  return withHeader(smaller, Buffer.concat(pieces));
}
