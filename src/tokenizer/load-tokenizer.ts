import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonObject } from '../base/json-file.ts';
import { PolysemeError } from '../errors.ts';
import { createFitting, type Fit } from './fit-vocabulary.ts';
import type { Tokenizer, TokenizerFiles } from './tokenizer.ts';

/** Bytes of `tokenizer.json`; the largest in use (256,000 tokens with their merges) have 35 MB. */
const MAX_TOKENIZER = 256 << 20;
/** Bytes of `tokenizer_config.json` and `config.json`. */
const MAX_CONFIG = 16 << 20;
/**
 * Loads the tokenizer of the checkpoint in folder `dir`: `tokenizer.json`, with `tokenizer_config.json` and
 * `config.json` where they exist.
 * @param options.isEncoder the model reads both ways (see `Tokenizer.frame`)
 */
export async function loadTokenizer(
  dir: string,
  { isEncoder = false, ...fit }: Fit & { readonly isEncoder?: boolean } = {},
): Promise<Tokenizer> {
  return createFitting({ ...(await readTokenizerFiles(dir)), isEncoder }, fit);
}

/** The files that the tokenizer of the checkpoint in folder `dir` is made of. */
export async function readTokenizerFiles(dir: string): Promise<TokenizerFiles> {
  const files = new Set(await readdir(dir).catch(() => [] as string[]));
  const path = join(dir, 'tokenizer.json');
  if (!files.has('tokenizer.json')) throw noTokenizer(dir, files);
  const optional = (name: string) => (files.has(name) ? readJsonObject(join(dir, name), MAX_CONFIG) : {});
  return {
    tokenizer: await readJsonObject(path, MAX_TOKENIZER),
    tokenizerConfig: await optional('tokenizer_config.json'),
    modelConfig: await optional('config.json'),
    path,
  };
}

function noTokenizer(dir: string, files: ReadonlySet<string>): PolysemeError {
  const old = ['tokenizer.model', 'vocab.json', 'spiece.model'].find((name) => files.has(name));
  const mend =
    old === undefined
      ? 'put the one that belongs to the checkpoint beside its config.json'
      : `it has ${old}: convert it once with Python's transformers: AutoTokenizer.from_pretrained(IN).save_pretrained(OUT)`;
  return new PolysemeError(`${dir} has no tokenizer.json; ${mend}`, 'not-found');
}
