import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonObject } from '../base/json-file.ts';
import { PolysemeError } from '../errors.ts';
import { createLibraryTokenizer, type LibraryTokenizer } from './huggingface-tokenizers.ts';
import { createPieceEncoder } from './piece-encoder.ts';
import { createTokenTexts } from './token-text.ts';

/** A model's tokenizer, from its own `tokenizer.json`. */
export interface Tokenizer {
  /** Token ids of a text, without the special tokens that the tokenizer adds by itself. */
  encode(text: string): Int32Array;
  /** The text of ids, special tokens included. */
  decode(ids: ArrayLike<number>): string;
  /**
   * One token for display: byte-level bytes and ▁ mapped back, bytes that are no whole character as `<0xE2>`,
   * special tokens as they are. For ASCII text s, `texts(encode(s)).join('')` is s; a tokenizer that puts a dummy
   * space before its text (Llama's) gives ' ' + s.
   */
  text(id: number): string;
  texts(ids: ArrayLike<number>): string[];
  /** The token that starts a document, or null where the tokenizer has none. */
  readonly bosId: number | null;
  /** Whether the tokenizer by itself puts `bosId` before a text. */
  readonly addsBos: boolean;
  readonly specialIds: ReadonlySet<number>;
  /** Highest id + 1. */
  readonly size: number;
}

/** Bytes of `tokenizer.json`; the largest in use (256,000 tokens with their merges) have 35 MB. */
const MAX_TOKENIZER = 256 << 20;
/** Bytes of `tokenizer_config.json` and `config.json`. */
const MAX_CONFIG = 16 << 20;
/** Token ids; the largest vocabularies in use have 262,144. */
const MAX_ID = 1 << 24;

/**
 * Loads the tokenizer of the checkpoint in folder `dir`: `tokenizer.json`, with `tokenizer_config.json` and
 * `config.json` where they exist (they name the first token, where the tokenizer does not add it by itself).
 */
export async function loadTokenizer(dir: string): Promise<Tokenizer> {
  const files = new Set(await readdir(dir).catch(() => [] as string[]));
  const path = join(dir, 'tokenizer.json');
  if (!files.has('tokenizer.json')) throw noTokenizer(dir, files);
  const optional = (name: string) => (files.has(name) ? readJsonObject(join(dir, name), MAX_CONFIG) : {});
  const json = await readJsonObject(path, MAX_TOKENIZER);
  const tokenizerConfig = await optional('tokenizer_config.json');
  const modelConfig = await optional('config.json');

  const size = checkIds(json, path);
  const inner = construct(json, tokenizerConfig, path);
  const texts = createTokenTexts(inner, json, size);

  const encode =
    createPieceEncoder(inner, json) ??
    ((text: string) => new Int32Array(inner.encode(text, { add_special_tokens: false }).ids));
  const { bosId, addsBos } = findBos(inner, tokenizerConfig, modelConfig, size);
  const specialIds = new Set(
    [...inner.get_added_tokens_decoder()].filter(([, { special }]) => special).map(([id]) => id),
  );
  if (bosId !== null) specialIds.add(bosId);

  return {
    encode,
    decode(ids) {
      const known = Array.from(ids).filter((id) => inner.id_to_token(id) !== undefined);
      if (known.length === 0) return '';
      return inner.decode(known, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
    text: texts,
    texts: (ids) => Array.from(ids, texts),
    bosId,
    addsBos,
    specialIds,
    size,
  };
}

/** A model's padding of its vocabulary leaves more than this share of it to the tokenizer. */
const MIN_VOCABULARY_SHARE = 0.9;

/** Refuses a tokenizer of another model: an id that the model has not, or a vocabulary that it hardly uses. */
export function checkVocabulary(tokenizer: Pick<Tokenizer, 'size'>, vocabSize: number): void {
  const { size } = tokenizer;
  if (size <= vocabSize && size >= MIN_VOCABULARY_SHARE * vocabSize) return;
  throw new PolysemeError(
    `the tokenizer has ${size} tokens, the model's vocabulary ${vocabSize}: this is another model's tokenizer ` +
      '(use the tokenizer.json that belongs to the checkpoint)',
  );
}

/** Checks every id of the file and gives the highest + 1; the library trusts them as array indices. */
function checkIds(json: Record<string, unknown>, path: string): number {
  const { model, added_tokens: added } = json as { model?: { vocab?: unknown }; added_tokens?: unknown };
  const vocab = model?.vocab;
  if (typeof vocab !== 'object' || vocab === null)
    throw new PolysemeError(`${path} has no model.vocab`, 'damaged');
  if (!Array.isArray(added ?? [])) throw new PolysemeError(`${path}: added_tokens is no list`, 'damaged');
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
  if (Array.isArray(vocab)) {
    for (const [id, entry] of vocab.entries()) check(id, Array.isArray(entry) ? entry[0] : entry);
  } else {
    for (const [token, id] of Object.entries(vocab)) check(id, token);
  }
  const addedTokens = (added ?? []) as ({ id?: unknown; content?: unknown } | null)[];
  for (const token of addedTokens) check(token?.id, token?.content);
  if (size === 0) throw new PolysemeError(`${path} has an empty vocabulary`, 'damaged');
  return size;
}

function construct(json: object, config: object, path: string): LibraryTokenizer {
  try {
    const inner = createLibraryTokenizer(json, config);
    inner.encode('a b', { add_special_tokens: false });
    return inner;
  } catch (error) {
    throw new PolysemeError(
      `${path} is not a tokenizer that can be read: ${(error as Error).message}`,
      'damaged',
    );
  }
}

/** The first token: what encoding adds, else what the tokenizer's or the model's configuration names. */
function findBos(
  inner: LibraryTokenizer,
  tokenizerConfig: Record<string, unknown>,
  modelConfig: Record<string, unknown>,
  size: number,
): { bosId: number | null; addsBos: boolean } {
  const bare = inner.encode('a', { add_special_tokens: false }).ids;
  const full = inner.encode('a', { add_special_tokens: true }).ids;
  const added = full.length > bare.length && full[0] !== bare[0] ? full[0] : undefined;

  const { bos_token: token } = tokenizerConfig as { bos_token?: string | { content?: string } | null };
  const content = typeof token === 'object' ? token?.content : token;
  const named = typeof content === 'string' ? inner.token_to_id(content) : undefined;
  const { bos_token_id: id } = modelConfig;
  const configured =
    Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < size ? (id as number) : null;

  const bosId = added ?? named ?? configured;
  return { bosId, addsBos: added !== undefined };
}

function noTokenizer(dir: string, files: ReadonlySet<string>): PolysemeError {
  const old = ['tokenizer.model', 'vocab.json', 'spiece.model'].find((name) => files.has(name));
  const mend =
    old === undefined
      ? 'put the one that belongs to the checkpoint beside its config.json'
      : `it has ${old}: convert it once with Python's transformers: AutoTokenizer.from_pretrained(IN).save_pretrained(OUT)`;
  return new PolysemeError(`${dir} has no tokenizer.json; ${mend}`, 'not-found');
}
