import * as z from 'zod';
import { DEVICE_OPTIONS } from './device.ts';
import { ROPE_LAYOUTS } from './gguf/rope-layout.ts';

/** A whole number of at least `least`. */
export const whole = (least: number): z.ZodInt => z.int().min(least);

/**
 * The options of everything that runs a model over text, so that a name means one thing wherever it stands. What
 * `.meta()` says is the text of `--help`, of docs/commands.md and of shell completion.
 */
export const textOptions = {
  model: z.string().min(1).default('builtin:folio-5m').meta({
    description:
      'the model: a folder, a .gguf or .onnx file, a hub id (openai-community/gpt2) or builtin:folio-5m',
    value: 'M',
  }),
  ropeLayout: z
    .enum(ROPE_LAYOUTS)
    .default('auto')
    .meta({
      description:
        'how rotary positions lie in a .gguf file of the architecture llama, which does not say: interleaved (by ' +
        'llama.cpp’s converter from Hugging Face) or half (by Mistral’s); auto: as the model has less loss on 64 tokens',
      value: 'LAYOUT',
    }),
  data: z
    .string()
    .min(1)
    .default('builtin:sotu')
    .meta({
      description:
        'the text: a file, a folder or a glob of .txt, .jsonl, .csv (each also .gz) and .parquet, ' +
        'hf:owner/name[@revision][:config[:split]], or builtin:sotu',
      value: 'D',
    }),
  column: z.string().min(1).default('text').meta({
    description:
      'the column that holds the text in JSONL, CSV and Parquet; a list of strings is joined by newlines',
    value: 'NAME',
  }),
  context: whole(2).optional().meta({
    description:
      'tokens per context, BOS or an encoder’s special tokens included; with images leave it out: each is one context',
    fallback: '128, or the model’s limit if that is lower',
  }),
  contexts: whole(1).optional().meta({
    description:
      'how many contexts to read, spread evenly over the documents by --seed; of a stream, the first ones',
    fallback: 'all, in order',
  }),
  bos: z
    .enum(['auto', 'yes', 'no'])
    .default('auto')
    .meta({
      description:
        'begin each context with BOS; auto: as the SAEs were made, else as the tokenizer does by itself; an encoder’s contexts ' +
        'have its own special tokens around them, and images none: leave it out there',
      value: 'WHEN',
    }),
  seed: whole(0)
    .max(2 ** 32 - 1)
    .default(0)
    .meta({ description: 'the seed of every random choice' }),
  device: z
    .enum(DEVICE_OPTIONS)
    .default('cpu')
    .meta({
      description:
        'where the model runs: the processor, or a GPU through WebGPU or CUDA (docs/scaling.md); auto: the best that is ' +
        'there and computes right',
      value: 'D',
    }),
  threads: whole(1).max(1024).optional().meta({
    description: 'worker threads; the results do not depend on it',
    fallback: 'all cores',
  }),
  weightsAtOnce: whole(1).optional().meta({
    description:
      'layers of the model whose weights are in memory together, for models that are larger; what goes from some to the next waits on disk (docs/scaling.md)',
    fallback: 'all',
  }),
};
