import {
  BYTE_LEVEL_PATTERN,
  ByteLevelPreTokenizer,
  DigitsPreTokenizer,
  type LibraryTokenizer,
  SplitPreTokenizer,
} from './huggingface-tokenizers.ts';

/** Pieces kept, with their ids; when full, all are dropped. */
const MAX_CACHED = 1 << 17;
/** Longer pieces (UTF-16 units) are encoded anew each time. */
const MAX_CACHED_LENGTH = 64;

/**
 * A cache in front of a BPE tokenizer that gives the same ids, several times faster, or null for a tokenizer whose
 * text does not fall into independent pieces. A text that it cannot do (one that spells an added token) gives null.
 */
export function createPieceEncoder(
  inner: LibraryTokenizer,
  json: Record<string, unknown>,
): ((text: string) => Int32Array | null) | null {
  const pieces = byteLevelPieces(inner, json) ?? metaspacePieces(inner, json);
  if (pieces === null) return null;
  const { split, encode } = pieces;
  const addedToken = addedTokenPattern(inner);
  const normalize = inner.normalizer ?? ((text: string) => text);
  const cache = new Map<string, readonly number[]>();

  const lookUp = (piece: string): readonly number[] => {
    const known = cache.get(piece);
    if (known !== undefined) return known;
    const ids = encode(piece).map((token) => inner.token_to_id(token) as number);
    if (piece.length <= MAX_CACHED_LENGTH) {
      if (cache.size >= MAX_CACHED) cache.clear();
      cache.set(detach(piece), ids);
    }
    return ids;
  };

  return (text) => {
    if (text === '') return new Int32Array(0);
    if (addedToken?.test(text)) return null;
    const normalized = normalize(text);
    if (normalized !== text && addedToken?.test(normalized)) return null;
    const ids: number[] = [];
    for (const piece of split(normalized)) {
      const more = lookUp(piece);
      for (let i = 0; i < more.length; i++) ids.push(more[i]);
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

/** Finds any spelling of an added token; null where there are none. */
function addedTokenPattern(inner: LibraryTokenizer): RegExp | null {
  const spellings = new Set<string>();
  for (const { content } of inner.get_added_tokens_decoder().values()) {
    spellings.add(content);
    spellings.add(inner.normalizer?.(content) ?? content);
  }
  spellings.delete('');
  if (spellings.size === 0) return null;
  return new RegExp([...spellings].map((text) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'));
}

/** A copy: a substring would keep the whole text that it was cut from in memory. */
function detach(piece: string): string {
  return JSON.parse(JSON.stringify(piece));
}

function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}
