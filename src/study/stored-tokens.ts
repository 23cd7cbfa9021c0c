import { PolysemeError } from '../errors.ts';
import type { TokenTexts } from '../features/split-unit.ts';
import { spellBytes, wholeCharacters } from '../tokenizer/byte-tokens.ts';
import { readMeta } from './meta.ts';
import { bytes, integer, kindAndText, type Query } from './select.ts';
import { loadText } from './stored-text.ts';

/** Special tokens as the usual tokenizers write them. */
const LOOKS_SPECIAL = /^(?:<\|[^<>|]+\|>|<\/?s>|<(?:pad|unk|bos|eos)>)$/;

/** The table of tokens' texts, each read once. */
export class StoredTokens {
  readonly #path: string;
  readonly #query: Query;
  readonly #texts = new Map<number, string>();
  #specialIds: ReadonlySet<number> | null = null;

  constructor(path: string, query: Query) {
    this.#path = path;
    this.#query = query;
  }

  text(id: number): string {
    if (!this.#texts.has(id)) {
      // An unfinished study may have got more of them.
      for (const [token, isBlob, text] of this.#rows()) {
        this.#texts.set(token as number, loadText(isBlob, text, this.#path));
      }
      if (!this.#texts.has(id)) this.#texts.set(id, `<${id}>`);
    }
    return this.#texts.get(id)!;
  }

  /** Consecutive tokens, by id, as they are shown and as words are made of them. */
  texts(ids: Int32Array): TokenTexts {
    this.#specialIds ??= this.#storedSpecialIds() ?? this.#guessedSpecialIds();
    const special: number[] = [];
    const texts = Array.from(ids, (id, position) => {
      if (this.#specialIds!.has(id)) special.push(position);
      return this.text(id);
    });
    return { tokens: wholeCharacters(spellBytes(texts), special), special };
  }

  #storedSpecialIds(): ReadonlySet<number> | null {
    const { specialIds } = readMeta(this.#path, this.#query);
    return specialIds && new Set(specialIds);
  }

  /** For a study that was written before special tokens were listed in it: what looks like one, and BOS. */
  #guessedSpecialIds(): ReadonlySet<number> {
    const ids = new Set<number>();
    for (const [id, isBlob, text] of this.#rows()) {
      if (LOOKS_SPECIAL.test(loadText(isBlob, text, this.#path))) ids.add(id as number);
    }
    const [row] = this.#query(`SELECT ${bytes('tokens')} FROM contexts ORDER BY id LIMIT 1`);
    const { bos } = readMeta(this.#path, this.#query).options as { bos?: unknown };
    if (bos === true && row !== undefined) ids.add(loadTokenIds(row[0], this.#path)[0]!);
    return ids;
  }

  #rows(): unknown[][] {
    return this.#query(`SELECT ${integer('id')}, ${kindAndText('text')} FROM tokens`);
  }
}

/** The tokens of a context as a study stores them. @param path the study, as an error names it */
export function loadTokenIds(stored: unknown, path: string): Int32Array {
  const found = stored as Uint8Array;
  if (found.length % 4 === 0) return new Int32Array(new Uint8Array(found).buffer);
  throw new PolysemeError(`${path} is damaged: a context has ${found.length} bytes`, 'damaged');
}
