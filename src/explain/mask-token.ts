import { PolysemeError } from '../errors.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** The token that takes the place of masked ones. */
export interface MaskToken {
  readonly id: number;
  readonly text: string;
}

/** Special tokens by what they are for, the best one first. */
const KINDS = [/mask/i, /pad/i, /end_?of_?text|eos|^<\/s>$|^\[sep\]$/i];

/**
 * The mask token, if the tokenizer has one, else its padding, else its end of text; else BOS or its first special token.
 * @param asked the text of a token to take instead
 * @throws PolysemeError where the text is not one token, or there is no special token
 */
export function maskToken(tokenizer: Tokenizer, asked?: string): MaskToken {
  const special = [...tokenizer.specialIds].sort((a, b) => a - b);
  const named = (id: number): MaskToken => ({ id, text: tokenizer.text(id) });
  if (asked !== undefined) {
    const known = special.find((id) => tokenizer.text(id) === asked);
    if (known !== undefined) return named(known);
    const ids = tokenizer.encode(asked);
    if (ids.length === 1) return named(ids[0]!);
    throw new PolysemeError(
      `option mask ${JSON.stringify(asked)} is ${ids.length} tokens of this model: give the text of one token`,
    );
  }
  for (const kind of KINDS) {
    const found = special.find((id) => kind.test(tokenizer.text(id)));
    if (found !== undefined) return named(found);
  }
  const fallback = tokenizer.bosId ?? special[0];
  if (fallback !== undefined) return named(fallback);
  throw new PolysemeError(
    'the tokenizer has no special token to mask others with: name a token (option mask)',
  );
}
