import { llamaShapes } from './reference-llama.ts';
import { randomTensors, type Tensors, writeCheckpoint } from './tiny-checkpoint.ts';

const CONFIG = {
  model_type: 'llama',
  hidden_size: 24,
  intermediate_size: 40,
  num_attention_heads: 3,
  num_hidden_layers: 2,
  vocab_size: 37,
  max_position_embeddings: 64,
};

/** Id of the letter z. */
export const Z = 27 as number;

/** Writes a small random Llama whose embedding of every token is scaled: by 1 as it is, by 0 nothing. */
export function writeScaledModel(dir: string, scale: (token: number) => number): void {
  const tensors = randomTensors(llamaShapes(CONFIG));
  const name = 'model.embed_tokens.weight';
  const key = name in tensors ? name : 'embed_tokens.weight';
  const { shape, data } = tensors[key]!;
  const scaled: Tensors = {
    ...tensors,
    [key]: { shape, data: data.map((value, i) => value * scale(Math.floor(i / CONFIG.hidden_size))) },
  };
  writeCheckpoint(dir, { config: CONFIG, tensors: scaled });
}

/** A text of so many letters, of which z is one in twelve. */
export function lettersWithZ(length: number, seed: number): string {
  let state = seed;
  let text = '';
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const draw = Math.floor((state / 2 ** 32) * 300);
    text += draw % 12 === 0 ? 'z' : String.fromCharCode(97 + (draw % 25));
  }
  return text;
}
