import { createHash } from 'node:crypto';
import type { Context } from './contexts.ts';

/** The digest of no contexts. */
export const NO_CONTEXTS = '';

/**
 * The digest of contexts, from that of those before the last one: SHA-256 of it, and of the last one's place, name and
 * token ids, or pixels. Equal digests mean equal text, cut and tokenised in the same way, or equal images.
 */
export function extendDigest(
  before: string,
  { document, documentName, start, tokens, image }: Context,
): string {
  const { data } = image ?? { data: new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength) };
  return createHash('sha256')
    .update(JSON.stringify([before, document, start, documentName]))
    .update(data)
    .digest('hex');
}

/** The digest of the first `count` contexts, or of all. */
export async function digestContexts(contexts: AsyncIterable<Context>, count = Infinity): Promise<string> {
  let digest = NO_CONTEXTS;
  let read = 0;
  for await (const context of contexts) {
    digest = extendDigest(digest, context);
    if (++read === count) break;
  }
  return digest;
}
