import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readJsonObject } from '../../base/json-file.ts';
import { PolysemeError } from '../../errors.ts';
import { Metadata } from './metadata.ts';
import { type Gguf, openGguf } from './open-gguf.ts';
import { configOf, familyOf } from './plan.ts';
import { type TokenizerJson, tokenizerOf } from './tokenizer/tokenizer-json.ts';
import { readVector } from './values.ts';

/** A GGUF file, its weights not yet read. */
export interface GgufContent {
  readonly gguf: Gguf;
  readonly meta: Metadata;
  /** config.json as transformers would write it. */
  readonly config: Record<string, unknown>;
  readonly tokenizer: TokenizerJson;
  /** The tokenizer.json beside the file, where the tokenizer is from there. */
  readonly beside: string | null;
}

/** Bytes of tokenizer.json. */
const MAX_TOKENIZER = 256 << 20;

/** Reads what a GGUF file says of its model. @throws PolysemeError where that cannot be run here */
export async function readGguf(path: string): Promise<GgufContent> {
  const gguf = await openGguf(path);
  const meta = new Metadata(gguf);
  const vectors = new Map<string, Float32Array>();
  for (const name of familyOf(meta).vectors ?? []) {
    const tensor = gguf.tensors.get(name);
    if (tensor !== undefined) vectors.set(name, await readVector(tensor, name));
  }
  return { gguf, meta, config: configOf(meta, vectors), ...(await findTokenizer(meta, path)) };
}

/** The tokenizer of the metadata, or where that is not known the tokenizer.json beside the file. */
async function findTokenizer(
  meta: Metadata,
  path: string,
): Promise<{ tokenizer: TokenizerJson; beside: string | null }> {
  try {
    return { tokenizer: tokenizerOf(meta), beside: null };
  } catch (error) {
    const beside = join(dirname(path), 'tokenizer.json');
    if (!(error instanceof PolysemeError) || error.code !== 'unsupported' || !existsSync(beside)) throw error;
    const bos = meta.token('bos');
    const token = bos === undefined ? undefined : meta.texts('tokenizer.ggml.tokens')?.[bos];
    const config = token === undefined ? {} : { bos_token: token };
    return { tokenizer: { tokenizer: await readJsonObject(beside, MAX_TOKENIZER), config }, beside };
  }
}
