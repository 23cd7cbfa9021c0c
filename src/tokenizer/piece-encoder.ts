import {
  BYTE_LEVEL_PATTERN,
  ByteLevelPreTokenizer,
  DigitsPreTokenizer,
  type LibraryTokenizer,
  SplitPreTokenizer,
} from './huggingface-tokenizers.ts';

/** Pieces kept, with their ids, in each of two generations: when the newer is full, the older is dropped. */
const MAX_CACHED = 1 << 16;
/** Longer pieces (UTF-16 units) are encoded anew each time. */
const MAX_CACHED_LENGTH = 64;

/**
 * A cache in front of a BPE tokenizer that gives the same ids, several times faster, or null for a tokenizer whose
 * text does not fall into independent pieces.
 */
export function createPieceEncoder(
  inner: LibraryTokenizer,
  json: Record<string, unknown>,
): ((text: string) => Int32Array) | null {
  const pieces = byteLevelPieces(inner, json) ?? metaspacePieces(inner, json);
  const added = addedTokens(inner);
  if (pieces === null || added === null) return null;
  const { split, encode } = pieces;
  const normalize = inner.normalizer ?? ((text: string) => text);
  inner.model.max_length_to_cache = 0; // Its own cache is slow when full.
  let newer = new Map<string, readonly number[]>();
  let older = newer;

  const lookUp = (piece: string): readonly number[] => {
    const known = newer.get(piece);
    if (known !== undefined) return known;
    const ids = older.get(piece) ?? encode(piece).map((token) => inner.token_to_id(token) as number);
    if (piece.length <= MAX_CACHED_LENGTH) {
      if (newer.size >= MAX_CACHED) {
        older = newer;
        newer = new Map();
      }
      newer.set(detach(piece), ids);
    }
    return ids;
  };

  return (text) => {
    const ids: number[] = [];
    for (const section of text.split(added.pattern)) {
      const id = added.ids.get(section);
      if (id !== undefined) ids.push(id);
      else if (section !== '') {
        for (const piece of split(normalize(section))) {
          const more = lookUp(piece);
          for (let i = 0; i < more.length; i++) ids.push(more[i]!);
        }
      }
    }
    return new Int32Array(ids);
  };
}

interface Pieces {
  split(normalized: string): readonly string[];
  /** The tokens of one piece. */
  encode(piece: string): string[];
}

interface Step {
  type?: string;
  add_prefix_space?: boolean;
  use_regex?: boolean;
  pretokenizers?: Step[];
}

/** Byte-level BPE: words by regular expressions, then bytes; every word is encoded by itself. */
function byteLevelPieces(inner: LibraryTokenizer, json: Record<string, unknown>): Pieces | null {
  const model = plainBpe(inner, json);
  const root = (json['pre_tokenizer'] ?? null) as Step | null;
  const steps = root?.type === 'Sequence' ? (root.pretokenizers ?? []) : [root];
  const last = steps.at(-1);
  if (model === null || model.fuse_unk || last?.type !== 'ByteLevel' || last.add_prefix_space !== false)
    return null;

  const splitters: ((text: string) => readonly string[])[] = [];
  for (const step of steps.slice(0, -1)) {
    const splitter = createSplitter(step);
    if (splitter === null) return null;
    splitters.push(splitter);
  }
  if (last.use_regex !== false) splitters.push((text) => text.match(BYTE_LEVEL_PATTERN) ?? []);
  const [first, ...rest] = splitters;
  if (first === undefined) return null;
  const toBytes = new ByteLevelPreTokenizer({ type: 'ByteLevel', use_regex: false, add_prefix_space: false });
  return {
    split: (text) => rest.reduce((pieces, splitter) => pieces.flatMap(splitter), first(text)),
    encode: (piece) => model(toBytes.pre_tokenize_text(piece)),
  };
}

function createSplitter(step: Step | null): ((text: string) => string[]) | null {
  if (step?.type !== 'Split' && step?.type !== 'Digits') return null;
  const splitter = step.type === 'Split' ? new SplitPreTokenizer(step) : new DigitsPreTokenizer(step);
  return (text) => splitter.pre_tokenize_text(text);
}

/**
 * Llama's BPE over a whole text whose spaces are ▁. Where no token holds a ▁ after another character, no merge
 * crosses such a place, so the text falls apart there.
 */
function metaspacePieces(inner: LibraryTokenizer, json: Record<string, unknown>): Pieces | null {
  const model = plainBpe(inner, json);
  if (model === null || json['pre_tokenizer'] != null) return null;
  const { vocab, byte_fallback: byteFallback } = json['model'] as {
    vocab: Record<string, number>;
    byte_fallback?: boolean;
  };
  const allBytes = Array.from({ length: 256 }, (_, byte) => byteToken(byte)).every((token) => token in vocab);
  if (!byteFallback || !allBytes || Object.keys(vocab).some((token) => /[^▁]▁/u.test(token))) return null;
  return {
    split: (text) => text.match(/▁*[^▁]+|▁+/gu) ?? [],
    encode: (piece) => model([piece]),
  };
}

/** The model, where it is BPE whose pieces do not depend on what stands beside them. */
function plainBpe(inner: LibraryTokenizer, json: Record<string, unknown>) {
  const { type, end_of_word_suffix: suffix } = json['model'] as {
    type?: string;
    end_of_word_suffix?: string;
  };
  const { remove_space: trims, do_lowercase_and_remove_accent: lowers } = inner.config;
  return type !== 'BPE' || suffix || trims || lowers ? null : inner.model;
}

/**
 * The added tokens, which cut a text into sections before anything else, the longest first; null where some of
 * them take spaces along or are looked for after normalisation.
 */
function addedTokens(inner: LibraryTokenizer): { pattern: RegExp; ids: Map<string, number> } | null {
  const tokens = [...inner.get_added_tokens_decoder()].filter(([, { content }]) => content !== '');
  const late = inner.normalizer !== null;
  if (tokens.some(([, token]) => token.lstrip || token.rstrip || (late && token.normalized))) return null;
  const ids = new Map(tokens.map(([id, { content }]) => [content, id]));
  const contents = [...ids.keys()].sort((a, b) => b.length - a.length);
  const escaped = contents.map((text) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return { pattern: new RegExp(escaped.length === 0 ? '(?!)' : `(${escaped.join('|')})`), ids };
}

/** A copy: a substring would keep the whole text that it was cut from in memory. */
function detach(piece: string): string {
  return JSON.parse(JSON.stringify(piece));
}

function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}
