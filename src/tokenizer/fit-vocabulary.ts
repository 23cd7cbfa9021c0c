import { PolysemeError } from '../errors.ts';
import { createTokenizer, type Tokenizer, type TokenizerFiles } from './tokenizer.ts';

/** A model's padding of its vocabulary leaves more than this share of it to the tokenizer. */
const MIN_SHARE = 0.9;
const SPECIAL = ['bos', 'eos', 'pad', 'unk'] as const;

/** The model that a tokenizer is for. */
export interface Fit {
  /** Tokens that the model knows: the tokenizer must be its own. */
  readonly vocabulary?: number | undefined;
  /** Takes a line for the user where the two differ. */
  readonly note?: ((line: string) => void) | undefined;
}

/** A tokenizer of these files that fits the model. @throws PolysemeError where it is another model's, or damaged */
export function createFitting(files: TokenizerFiles, { vocabulary, note }: Fit): Tokenizer {
  // Damage is told before a vocabulary that doesn't fit.
  const tokenizer = createTokenizer(files);
  if (vocabulary === undefined) return tokenizer;
  const fitting = fitVocabulary(files, { size: tokenizer.size, vocabulary }, note);
  return fitting === files.tokenizer ? tokenizer : createTokenizer({ ...files, tokenizer: fitting });
}

/**
 * Fits a tokenizer to its model's vocabulary. One that has tokens added beyond it (a pad token that was never trained)
 * loses them: the model has no row for them, so that their text is read like any other. One that has far fewer tokens
 * must have the special tokens that the model's config names, two at least.
 *
 * @param sizes tokens of the tokenizer (highest id + 1) and of the model
 * @param note takes a line for the user where the two differ so
 * @returns `tokenizer.json` to read
 * @throws PolysemeError where the tokenizer is another model's
 */
export function fitVocabulary(
  { tokenizer: json, tokenizerConfig = {}, modelConfig = {}, path }: TokenizerFiles,
  sizes: { readonly size: number; readonly vocabulary: number },
  note: (line: string) => void = () => {},
): Record<string, unknown> {
  const { size, vocabulary } = sizes;
  if (size <= vocabulary && size >= MIN_SHARE * vocabulary) return json;
  const ids = tokenIds(json);
  const anothers = new PolysemeError(
    `the tokenizer has ${size} tokens, the model's vocabulary ${vocabulary}: this is another model's tokenizer ` +
      '(use the tokenizer.json that belongs to the checkpoint)',
  );
  if (size > vocabulary) {
    const added = addedTokens(json);
    const beyond = added.filter(({ id }) => id >= vocabulary);
    const contents = beyond.map(({ content }) => content);
    const own = sizeOf(modelIds(json).values());
    const framed = JSON.stringify(json['post_processor'] ?? null);
    if (own > vocabulary || contents.some((text) => framed.includes(JSON.stringify(text)))) throw anothers;
    note(
      `${path} adds ${contents
        .slice(0, 3)
        .map((text) => JSON.stringify(text))
        .join(', ')}${contents.length > 3 ? `, … (${contents.length} in all)` : ''} ` +
        `beyond the model's vocabulary of ${vocabulary}: the model has no such token, and such text is read as plain text`,
    );
    return { ...json, added_tokens: added.filter(({ id }) => id < vocabulary), padding: null };
  }
  const same = SPECIAL.map((kind) => sameId(kind, ids, tokenizerConfig, modelConfig));
  if (same.includes(false) || new Set(same.filter((id) => id !== null)).size < 2) throw anothers;
  note(
    `${path} has ${size} of the ${vocabulary} tokens of the model's vocabulary; its special tokens are the model's`,
  );
  return json;
}

/** The id that tokenizer and model both have for a special token; false where they differ, null where one doesn't say. */
function sameId(
  kind: (typeof SPECIAL)[number],
  ids: ReadonlyMap<string, number>,
  tokenizerConfig: Readonly<Record<string, unknown>>,
  modelConfig: Readonly<Record<string, unknown>>,
): number | false | null {
  const named = tokenizerConfig[`${kind}_token`];
  const content = typeof named === 'object' ? (named as { content?: unknown } | null)?.content : named;
  const id = typeof content === 'string' ? ids.get(content) : undefined;
  const asked = [modelConfig[`${kind}_token_id`]].flat().filter((one) => typeof one === 'number');
  if (id === undefined || asked.length === 0) return null;
  return asked.includes(id) ? id : false;
}

/** Ids by token: those of the tokenizer's model, and the added ones. */
function tokenIds(json: Readonly<Record<string, unknown>>): Map<string, number> {
  return new Map([
    ...modelIds(json),
    ...addedTokens(json).map(({ content, id }): [string, number] => [content, id]),
  ]);
}

function modelIds(json: Readonly<Record<string, unknown>>): Map<string, number> {
  const vocab = (json['model'] as { vocab?: unknown } | undefined)?.vocab;
  if (Array.isArray(vocab)) {
    return new Map(vocab.map((entry, id) => [String(Array.isArray(entry) ? entry[0] : entry), id]));
  }
  const entries = Object.entries((vocab ?? {}) as Record<string, unknown>);
  return new Map(entries.filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
}

function addedTokens(json: Readonly<Record<string, unknown>>): { content: string; id: number }[] {
  const added = json['added_tokens'];
  if (!Array.isArray(added)) return [];
  return added.filter((token) => typeof token?.id === 'number' && typeof token?.content === 'string');
}

/** Highest id + 1. */
function sizeOf(ids: Iterable<number>): number {
  let size = 0;
  for (const id of ids) size = Math.max(size, id + 1);
  return size;
}
