import type { FeatureName } from '../features/names.ts';
import { RADIUS, type Word } from '../features/words.ts';
import { spelledAt } from '../tokenizer/byte-tokens.ts';
import { Growing } from './growing.ts';
import { MOST_WORDS, PASSAGES_VERSION, type PackedPassages } from './passages.ts';
import { searchWords } from './search-words.ts';

/** A unit as it is indexed. */
export interface IndexedUnit {
  /** Of each example, its context, the position of its peak, and its feature. */
  readonly context: ArrayLike<number>;
  readonly position: ArrayLike<number>;
  readonly featureOf: ArrayLike<number>;
  /** How many features it has, their words, and their names; there may be none. */
  readonly features: number;
  readonly words: readonly (readonly string[])[];
  readonly names: readonly (FeatureName | null)[];
}

/** The text of a context: its tokens as words see them (`allWordTexts`), or what the image shows. */
export type IndexedText = { readonly texts: readonly string[] } | { readonly label: string | null };

/** Contexts whose text is asked for at a time. */
const CONTEXTS = 256;

/** What stands between two texts: no word that a query can have. */
const GAP = '';

/** Words that a name quotes. */
const QUOTED = /‹[^›]*›|"[^"]*"/;

/** Makes the index of passages of the units that are added to it, in their order. */
export class PassageIndexer {
  readonly #vocabulary = new Map<string, number>([[GAP, 0]]);
  readonly #words = new Growing();
  readonly #units: IndexedUnit[] = [];

  add({ context, position, featureOf, ...named }: IndexedUnit): void {
    // Copies: what is given are views of larger blocks.
    const own = (values: ArrayLike<number>): Uint32Array => Uint32Array.from(values);
    this.#units.push({ context: own(context), position: own(position), featureOf: own(featureOf), ...named });
  }

  /** @param textsOf the texts of contexts, by their ids */
  index(textsOf: (contexts: readonly number[]) => ReadonlyMap<number, IndexedText>): PackedPassages {
    const units = this.#units;
    const examples = Uint32Array.from(units, ({ context }) => context.length);
    const total = examples.reduce((sum, count) => sum + count, 0);
    const [first, before, peak, after] = [
      new Uint32Array(total),
      new Uint8Array(total),
      new Uint8Array(total),
      new Uint8Array(total),
    ];
    const features = Uint32Array.from(units, ({ features: count }) => count);
    const feature = new (features.some((count) => count > 65_536) ? Uint32Array : Uint16Array)(total);
    const byContext = new Map<number, number[]>();
    const position = new Uint32Array(total);
    let at = 0;
    for (const unit of units) {
      for (let i = 0; i < unit.context.length; i++, at++) {
        feature[at] = unit.featureOf[i]!;
        position[at] = unit.position[i]!;
        const known = byContext.get(unit.context[i]!);
        if (known === undefined) byContext.set(unit.context[i]!, [at]);
        else known.push(at);
      }
    }
    const ids = [...byContext.keys()].sort((a, b) => a - b);
    for (let from = 0; from < ids.length; from += CONTEXTS) {
      const group = ids.slice(from, from + CONTEXTS);
      const texts = textsOf(group);
      for (const id of group) {
        const text = texts.get(id)!;
        this.#addContext(text, byContext.get(id)!, position, { first, before, peak, after });
      }
    }
    const name = this.#addNames();
    const { vocabulary, words } = this.#sorted();
    const version = Uint32Array.of(PASSAGES_VERSION);
    return {
      version,
      vocabulary,
      words,
      examples,
      features,
      first,
      before,
      peak,
      after,
      feature,
      name,
    };
  }

  /** Adds what lies around peaks of a context, and says of its examples where that is. */
  #addContext(
    text: IndexedText,
    examples: readonly number[],
    position: Uint32Array,
    into: Record<'first' | 'before' | 'peak' | 'after', Uint32Array | Uint8Array>,
  ): void {
    const isImage = !('texts' in text);
    const words = isImage ? searchWords([text.label ?? '']).slice(0, MOST_WORDS) : searchWords(text.texts);
    const found = new Map<number, Stretch>();
    const covered = new Uint8Array(words.length);
    for (const example of examples) {
      const at = position[example]!;
      if (found.has(at)) continue;
      const stretch = isImage
        ? { start: 0, peak: 0, peakEnd: words.length, end: words.length }
        : stretchAround(words, spelledAt(text.texts, Math.min(at, text.texts.length - 1)));
      found.set(at, stretch);
      covered.fill(1, stretch.start, stretch.end);
    }
    const place = new Uint32Array(words.length + 1);
    for (let i = 0; i < words.length; i++) {
      place[i] = this.#words.length;
      if (covered[i] === 1) this.#push(words[i]!.text);
    }
    place[words.length] = this.#words.length;
    for (const example of examples) {
      const { start, peak, peakEnd, end } = found.get(position[example]!)!;
      into.first[example] = place[start]!;
      into.before[example] = peak - start;
      into.peak[example] = peakEnd - peak;
      into.after[example] = end - peakEnd;
    }
  }

  /** Adds of every feature what its name says beside the words that it quotes, which are in passages; and its words. */
  #addNames(): Uint16Array {
    const lengths: number[] = [];
    for (const unit of this.#units) {
      for (let feature = 0; feature < unit.features; feature++) {
        const start = this.#words.length;
        const said = unit.names[feature]?.text.split(QUOTED) ?? [];
        for (const one of [...said, ...(unit.words[feature] ?? [])]) {
          this.#push(GAP);
          for (const { text } of searchWords([one])) this.#push(text);
        }
        lengths.push(this.#words.length - start);
      }
    }
    return Uint16Array.from(lengths);
  }

  #push(word: string): void {
    let id = this.#vocabulary.get(word);
    if (id === undefined) {
      id = this.#vocabulary.size;
      this.#vocabulary.set(word, id);
    }
    this.#words.push(id);
  }

  /** The vocabulary in its order, and the words by it. */
  #sorted(): Pick<PackedPassages, 'vocabulary' | 'words'> {
    const texts = [...this.#vocabulary.keys()].sort((a, b) => (a < b ? -1 : 1));
    const place = new Uint32Array(texts.length);
    texts.forEach((text, i) => {
      place[this.#vocabulary.get(text)!] = i;
    });
    const words = new (texts.length > 65_536 ? Uint32Array : Uint16Array)(this.#words.length);
    this.#words.taken().forEach((word, i) => {
      words[i] = place[word]!;
    });
    return { vocabulary: new TextEncoder().encode(texts.join('\n')), words };
  }
}

/** Places in the words of a context: the ends are after the last one. */
export interface Stretch {
  readonly start: number;
  readonly peak: number;
  readonly peakEnd: number;
  readonly end: number;
}

/** The words that a peak token and those around it belong to; and those that the peak token does. */
export function stretchAround(words: readonly Pick<Word, 'first' | 'last'>[], position: number): Stretch {
  const peak = firstAfter(words, position, 'last');
  const peakEnd = Math.min(firstAfter(words, position + 1, 'first'), peak + MOST_WORDS);
  return {
    start: Math.max(firstAfter(words, position - RADIUS, 'last'), peak - MOST_WORDS),
    peak,
    peakEnd,
    end: Math.min(firstAfter(words, position + RADIUS + 1, 'first'), peakEnd + MOST_WORDS),
  };
}

/** The first word whose first or last token is `token` or a later one. */
function firstAfter(
  words: readonly Pick<Word, 'first' | 'last'>[],
  token: number,
  by: 'first' | 'last',
): number {
  let [low, high] = [0, words.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle]![by] < token) low = middle + 1;
    else high = middle;
  }
  return low;
}
