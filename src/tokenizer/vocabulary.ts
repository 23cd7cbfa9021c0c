import { PolysemeError } from '../errors.ts';

/** Token ids; the largest vocabularies in use have 262,144. */
export const MAX_ID = 1 << 24;

/** The tokens of a `tokenizer.json`, the added ones left out. */
export interface Vocabulary {
  readonly idOf: ReadonlyMap<string, number>;
  /** Highest id + 1, added tokens among them. */
  readonly size: number;
}

/** Checks every id of the file: they are array indices from here on. */
export function readVocabulary(json: Record<string, unknown>, path: string): Vocabulary {
  const { model, added_tokens: added } = json as { model?: { vocab?: unknown }; added_tokens?: unknown };
  const vocab = model?.vocab;
  if (typeof vocab !== 'object' || vocab === null)
    throw new PolysemeError(`${path} has no model.vocab`, 'damaged');
  if (!Array.isArray(added ?? [])) throw new PolysemeError(`${path}: added_tokens is no list`, 'damaged');
  const idOf = new Map<string, number>();
  let size = 0;
  const check = (id: unknown, token: unknown) => {
    if (
      !Number.isSafeInteger(id) ||
      (id as number) < 0 ||
      (id as number) >= MAX_ID ||
      typeof token !== 'string'
    ) {
      throw new PolysemeError(
        `${path}: token ${JSON.stringify(token)} has the id ${JSON.stringify(id)} (0 to ${MAX_ID - 1})`,
        'damaged',
      );
    }
    size = Math.max(size, (id as number) + 1);
  };
  const put = (token: unknown, id: unknown) => {
    check(id, token);
    idOf.set(token as string, id as number);
  };
  if (Array.isArray(vocab)) {
    for (let id = 0; id < vocab.length; id++) put(Array.isArray(vocab[id]) ? vocab[id][0] : vocab[id], id);
  } else {
    for (const token of Object.keys(vocab)) put(token, (vocab as Record<string, unknown>)[token]);
  }
  const addedTokens = (added ?? []) as ({ id?: unknown; content?: unknown } | null)[];
  for (const token of addedTokens) check(token?.id, token?.content);
  if (size === 0) throw new PolysemeError(`${path} has an empty vocabulary`, 'damaged');
  return { idOf, size };
}
