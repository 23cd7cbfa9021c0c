import { byteText, character, characterLength } from './byte-tokens.ts';
import { BYTE_OF } from './encode/byte-characters.ts';
import type { LibraryTokenizer } from './huggingface-tokenizers.ts';

/**
 * Token id → text for display (see `Tokenizer.text`). Ids that the tokenizer has not, as a model's padded
 * vocabulary does, are shown as `<id 50300>`.
 */
export function createTokenTexts(
  inner: LibraryTokenizer,
  json: Record<string, unknown>,
  size: number,
): (id: number) => string {
  const added = inner.get_added_tokens_decoder();
  const toText = decoderOf(json);
  const known = new Array<string | undefined>(size);
  return (id) => {
    const done = known[id];
    if (done !== undefined) return done;
    const token = added.get(id)?.content ?? inner.id_to_token(id);
    if (token === undefined) return `<id ${id}>`;
    const text = added.has(id) ? token : toText(token);
    known[id] = text;
    return text;
  };
}

function decoderOf(json: Record<string, unknown>): (token: string) => string {
  const root = json['decoder'] as
    | { type?: string; prefix?: unknown; decoders?: { type?: string }[] }
    | null
    | undefined;
  const types = new Set(root?.type === 'Sequence' ? root.decoders?.map(({ type }) => type) : [root?.type]);
  if (types.has('ByteLevel')) return byteLevelText;
  if (types.has('ByteFallback') || types.has('Metaspace')) return metaspaceText;
  if (root?.type === 'WordPiece') return wordPieceText(String(root.prefix ?? '##'));
  return (token) => token;
}

/** BERT's: a token begins a word, with a space before it, unless it has the prefix. */
function wordPieceText(prefix: string): (token: string) => string {
  return (token) => (token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`);
}

/** Llama's: ▁ is a space; a byte token is its character where that is ASCII. */
function metaspaceText(token: string): string {
  const hex = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1];
  if (hex === undefined) return token.replaceAll('▁', ' ');
  const byte = Number.parseInt(hex, 16);
  return byte < 0x80 ? String.fromCharCode(byte) : token;
}

/** GPT-2's: each character stands for one byte; bytes that are no whole UTF-8 character are shown one by one. */
function byteLevelText(token: string): string {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = BYTE_OF.get(character);
    if (byte === undefined) return token;
    bytes.push(byte);
  }
  let text = '';
  for (let i = 0; i < bytes.length; ) {
    const length = characterLength(bytes, i);
    if (length === 0) {
      text += byteText(bytes[i]!);
      i++;
    } else {
      text += character(bytes, i, length);
      i += length;
    }
  }
  return text;
}
