import { PolysemeError } from '../../../errors.ts';
import type { Metadata } from '../metadata.ts';
import { byteLevelModel } from './byte-level.ts';
import { sentencePieceModel } from './sentence-piece.ts';
import { KIND, type TokenizerParts, type Vocabulary } from './vocabulary.ts';
import { wordPieceModel } from './word-piece.ts';

/** The files of a tokenizer, as Hugging Face's libraries have them. */
export interface TokenizerJson {
  /** tokenizer.json */
  readonly tokenizer: Record<string, unknown>;
  /** tokenizer_config.json */
  readonly config: Record<string, unknown>;
}

const MODELS: Readonly<Record<string, (meta: Metadata, vocabulary: Vocabulary) => TokenizerParts>> = {
  gpt2: byteLevelModel,
  llama: sentencePieceModel,
  bert: wordPieceModel,
};

/**
 * The tokenizer that a file's metadata describes, as a tokenizer.json.
 *
 * @throws PolysemeError (unsupported) where the metadata names a tokenizer that is not known
 */
export function tokenizerOf(meta: Metadata): TokenizerJson {
  const kind = meta.text('tokenizer.ggml.model');
  const build = kind !== undefined && Object.hasOwn(MODELS, kind) ? MODELS[kind] : undefined;
  if (build === undefined) {
    throw new PolysemeError(
      `${meta.label}: its tokenizer is ${JSON.stringify(kind ?? 'missing')} (known: ${Object.keys(MODELS).join(', ')}): put the model’s tokenizer.json beside the file`,
      'unsupported',
    );
  }
  const vocabulary = readVocabulary(meta);
  const { addsBos, addsEos = false, ...parts } = build(meta, vocabulary);
  const { tokens, kinds } = vocabulary;
  const bos = meta.token('bos') ?? (kind === 'bert' ? meta.token('cls') : undefined);
  const eos = kind === 'bert' ? (meta.token('seperator') ?? meta.token('eos')) : meta.token('eos');
  const before = (meta.flag('tokenizer.ggml.add_bos_token') ?? addsBos) ? bos : undefined;
  const after = (meta.flag('tokenizer.ggml.add_eos_token') ?? addsEos) ? eos : undefined;
  const named = {
    bos_token: bos,
    eos_token: eos,
    unk_token: meta.token('unknown'),
    pad_token: meta.token('padding'),
  };
  return {
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: tokens.flatMap((content, id) =>
        isAdded(kinds[id]!) ? [addedToken(content, id, kinds[id]!)] : [],
      ),
      ...parts,
      post_processor: template(tokens, before, after),
    },
    config: Object.fromEntries(
      Object.entries(named).flatMap(([name, id]) =>
        id === undefined || id >= tokens.length ? [] : [[name, tokens[id]]],
      ),
    ),
  };
}

function readVocabulary(meta: Metadata): Vocabulary {
  const tokens = meta.texts('tokenizer.ggml.tokens');
  if (tokens === undefined || tokens.length === 0)
    throw new PolysemeError(`${meta.label}: its metadata has no tokenizer.ggml.tokens`, 'damaged');
  const kinds = meta.numbers('tokenizer.ggml.token_type') ?? tokens.map(() => KIND.normal);
  if (kinds.length !== tokens.length) {
    throw new PolysemeError(
      `${meta.label}: its metadata has ${tokens.length} tokens and the types of ${kinds.length}`,
      'damaged',
    );
  }
  return { tokens, kinds };
}

function isAdded(kind: number): boolean {
  return kind === KIND.control || kind === KIND.userDefined || kind === KIND.unknown;
}

function addedToken(content: string, id: number, kind: number): object {
  const special = kind !== KIND.userDefined;
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
}

/** What puts special tokens around a text. */
function template(
  tokens: readonly string[],
  before: number | undefined,
  after: number | undefined,
): object | null {
  const ids = [before, after].filter((id) => id !== undefined && id < tokens.length) as number[];
  if (ids.length === 0) return null;
  const special = (id: number) => ({ SpecialToken: { id: tokens[id], type_id: 0 } });
  const around = (part: string, type_id: number) => [
    ...(before === undefined ? [] : [special(before)]),
    { Sequence: { id: part, type_id } },
    ...(after === undefined ? [] : [special(after)]),
  ];
  return {
    type: 'TemplateProcessing',
    single: around('A', 0),
    pair: [...around('A', 0), ...around('B', 1)],
    special_tokens: Object.fromEntries(
      ids.map((id) => [tokens[id], { id: tokens[id], ids: [id], tokens: [tokens[id]] }]),
    ),
  };
}
