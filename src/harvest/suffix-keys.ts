import { mix32 } from '../base/hash.ts';

/** Tokens up to an example's peak, it included, by which two examples are the same. */
export const SUFFIX_TOKENS = 32;

/**
 * For each position of a context, a number that stands for the token ids from 31 positions before it (or the start of
 * the context) to it: 53 bits of two hashes, equal where the ids are, and as good as never elsewhere.
 */
export function suffixKeys(tokens: Int32Array): Float64Array {
  const a = Uint32Array.from(tokens, (id) => mix32(id ^ 0x9e3779b9));
  const b = Uint32Array.from(tokens, (id) => mix32(id ^ 0x7f4a7c15));
  return Float64Array.from(tokens, (_, end) => {
    let high = 0;
    let low = 0;
    for (let t = Math.max(0, end - SUFFIX_TOKENS + 1); t <= end; t++) {
      high = (Math.imul(high, 0x01000193) + a[t]!) | 0;
      low = (Math.imul(low, 0x5bd1e995) + b[t]!) | 0;
    }
    const length = Math.min(end + 1, SUFFIX_TOKENS);
    return mix32(high ^ length) * 2 ** 21 + (mix32(low ^ length) >>> 11);
  });
}
