import { cutContexts } from '../../../dist/corpus/contexts.js';
import { openCorpus } from '../../../dist/corpus/open-corpus.js';

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
