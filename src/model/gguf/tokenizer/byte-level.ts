import { PolysemeError } from '../../../errors.ts';
import type { Metadata } from '../metadata.ts';
import type { TokenizerParts, Vocabulary } from './vocabulary.ts';

/** How the text of a byte-level vocabulary falls into words before its merges. */
interface Splitting {
  readonly steps: readonly object[];
  readonly normalizer?: object;
  /** A word that is a token is one, whatever the merges say. */
  readonly ignoreMerges?: boolean;
  readonly addsBos?: boolean;
}

const LETTERS = String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`;
const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const REST = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const UPPER = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const LOWER = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const REST_SLASH = String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

const split = (pattern: string): readonly object[] => [
  { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
  { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
];
const gpt2 = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

const GPT2: Splitting = { steps: [gpt2] };
const DIGITS: Splitting = { steps: [{ type: 'Digits', individual_digits: true }, gpt2] };
const THREE_DIGITS = split(`${CONTRACTIONS}|${LETTERS}|\\p{N}{1,3}|${REST}`);
const CL100K: Splitting = { steps: THREE_DIGITS };
const LLAMA3: Splitting = { steps: THREE_DIGITS, ignoreMerges: true, addsBos: true };
const ONE_DIGIT = split(`${CONTRACTIONS}|${LETTERS}|\\p{N}|${REST}`);
const QWEN2: Splitting = { steps: ONE_DIGIT, normalizer: { type: 'NFC' } };
const CASED = (ending: string): string =>
  `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+${ending}|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*${ending}`;
const TEKKEN: Splitting = {
  steps: split(`${CASED('')}|\\p{N}|${REST_SLASH}`),
  ignoreMerges: true,
  addsBos: true,
};
const GPT4O: Splitting = { steps: split(`${CASED(`${CONTRACTIONS}?`)}|\\p{N}{1,3}|${REST_SLASH}`) };

/** By `tokenizer.ggml.pre`: the names whose splitting is known for certain. */
const SPLITTINGS: ReadonlyMap<string, Splitting> = new Map([
  ['gpt-2', GPT2],
  ['phi-2', GPT2],
  ['olmo', GPT2],
  ['roberta-bpe', GPT2],
  ['smollm', DIGITS],
  ['starcoder', DIGITS],
  ['codeshell', DIGITS],
  ['refact', DIGITS],
  ['llama-bpe', LLAMA3],
  ['llama3', LLAMA3],
  ['llama-v3', LLAMA3],
  ['falcon3', LLAMA3],
  ['dbrx', CL100K],
  ['smaug-bpe', CL100K],
  ['qwen2', QWEN2],
  ['deepseek-r1-qwen', { steps: ONE_DIGIT, addsBos: true }],
  ['tekken', TEKKEN],
  ['gpt-4o', GPT4O],
  ['llama4', GPT4O],
]);

/** Byte-level BPE: tokens, merges, and a name for the expression that cuts a text into words. */
export function byteLevelModel(meta: Metadata, { tokens }: Vocabulary): TokenizerParts {
  const merges = meta.texts('tokenizer.ggml.merges');
  if (merges === undefined)
    throw new PolysemeError(`${meta.label}: its metadata has no tokenizer.ggml.merges`, 'damaged');
  const { steps, normalizer = null, ignoreMerges = false, addsBos = false } = splittingOf(meta);
  return {
    normalizer,
    pre_tokenizer: steps.length === 1 ? steps[0]! : { type: 'Sequence', pretokenizers: steps },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: ignoreMerges,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map((merge) => pairOf(merge, meta.label)),
    },
    addsBos,
  };
}

function splittingOf(meta: Metadata): Splitting {
  const name = meta.text('tokenizer.ggml.pre');
  const known = name === undefined ? undefined : SPLITTINGS.get(name);
  if (known !== undefined) return known;
  // Files of before that key: GPT-2's own is the only one that follows from the architecture.
  if (meta.architecture === 'gpt2' && (name === undefined || name === 'default')) return GPT2;
  throw new PolysemeError(
    `${meta.label}: its tokenizer.ggml.pre is ${JSON.stringify(name ?? 'missing')}, and how that cuts text into words is not known (known: ${[...SPLITTINGS.keys()].join(', ')}): put the model’s tokenizer.json beside the file`,
    'unsupported',
  );
}

/** The two tokens of a merge; the space between them is the first after a character. */
function pairOf(merge: string, label: string): [string, string] {
  const at = merge.indexOf(' ', 1);
  if (at < 1 || at === merge.length - 1)
    throw new PolysemeError(`${label}: its merge ${JSON.stringify(merge)} is no pair of tokens`, 'damaged');
  return [merge.slice(0, at), merge.slice(at + 1)];
}
