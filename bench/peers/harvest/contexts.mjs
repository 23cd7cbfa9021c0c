import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cutContexts } from '../../../dist/corpus/contexts.js';
import { openCorpus } from '../../../dist/corpus/open-corpus.js';
import { loadModel } from '../../../dist/model/load-model.js';

export const LENGTH = 128;
export const EXAMPLES = 64;

/** The first `count` whole contexts of builtin:sotu, spread over it. */
export async function benchContexts(model, count) {
  const corpus = await openCorpus('builtin:sotu');
  const contexts = [];
  const options = { length: LENGTH, bos: false, count: Math.ceil(1.2 * count), seed: 0 };
  for await (const context of cutContexts(corpus, model.tokenizer, options)) {
    if (context.tokens.length === LENGTH) contexts.push({ ...context, id: contexts.length });
    if (contexts.length === count) return contexts;
  }
  throw new Error(`${contexts.length} whole contexts, of ${count}`);
}

/** The file that gives peers the tokens of these contexts, as a checkpoint's tokenizer has them. */
export async function tokensFile(dir, checkpoint, count) {
  const model = await loadModel(checkpoint);
  const contexts = await benchContexts(model, count);
  await model.close();
  const file = join(dir, 'tokens');
  writeFileSync(file, new Uint8Array(Int32Array.from(contexts.flatMap((one) => [...one.tokens])).buffer));
  return file;
}
