import { gpt2Shapes } from '../helpers/reference-gpt2.ts';
import { randomTensors, writeCheckpoint } from '../helpers/tiny-checkpoint.ts';

/** Writes a model of one layer and eleven tokens into a folder. */
export function tinyModel(folder: string, shards?: number): void {
  const config = {
    model_type: 'gpt2',
    n_embd: 8,
    n_head: 2,
    n_layer: 1,
    n_inner: 12,
    n_positions: 16,
    vocab_size: 11,
  };
  writeCheckpoint(folder, {
    config,
    tensors: randomTensors(gpt2Shapes(config)),
    ...(shards === undefined ? {} : { shards }),
  });
}
