import { classesOf, stemOf, WORD_CLASSES, type WordClass } from './word-forms.ts';
import { splitLines } from './words.ts';

/**
 * What can be true of a place in a text, by kind. Those of the role `peak` are about the token itself, those of the role
 * `context` about what stands before or after it. Kinds of one family can be alternatives in one pattern.
 */
export const KINDS = [
  { name: 'word', role: 'peak', family: 'word' },
  { name: 'stem', role: 'peak', family: 'word' },
  { name: 'piece', role: 'peak', family: 'word' },
  { name: 'class', role: 'peak', family: null },
  { name: 'place in word', role: 'peak', family: null },
  { name: 'start', role: 'context', family: null },
  { name: 'after word', role: 'context', family: 'after word' },
  { name: 'after class', role: 'context', family: null },
  { name: 'after pair', role: 'context', family: 'after word' },
  { name: 'after piece', role: 'context', family: 'after word' },
  { name: 'before word', role: 'context', family: 'before word' },
  { name: 'before class', role: 'context', family: null },
  { name: 'before pair', role: 'context', family: 'before word' },
  { name: 'before piece', role: 'context', family: 'before word' },
  { name: 'in date', role: 'context', family: null },
  { name: 'two after word', role: 'context', family: 'two after word' },
  { name: 'two before word', role: 'context', family: 'two before word' },
  { name: 'soon after word', role: 'context', family: 'soon after word' },
  { name: 'soon before word', role: 'context', family: 'soon before word' },
] as const;
export type Kind = (typeof KINDS)[number]['name'];

const KIND = Object.fromEntries(KINDS.map(({ name }, kind) => [name, kind])) as Record<Kind, number>;
/** A fact is one number: kind · 2³² + value. */
const VALUES = 2 ** 32;
/** Words before and after a place that count as near. */
const NEAR = 5;
/** Words that a month may be away from a place in a date. */
const DATE = 2;
const CLASSES = Object.entries(WORD_CLASSES) as readonly (readonly [WordClass, number])[];
const WHOLE = /[\p{L}\p{M}\p{N}]/u;

/** The kind of a fact, as its place in KINDS. */
export function kindOf(fact: number): number {
  return Math.floor(fact / VALUES);
}

/** A token sequence split into words and newlines. */
export interface Sequence {
  readonly texts: readonly string[];
  /** Of each word, which form it is, and the tokens that hold it. */
  readonly form: Int32Array;
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** By token: the first word that ends at it or later, and the last word that starts at it or before. */
  readonly low: Int32Array;
  readonly high: Int32Array;
}

/** A word as it is written, in integers. */
interface Form {
  readonly word: number;
  readonly stem: number;
  readonly classes: number;
  /** Letters before punctuation, then the longer: which of two words that share a token stands for it. */
  readonly rank: number;
}

/** Texts by number, each once. */
class Texts {
  readonly #ids = new Map<string, number>();
  readonly texts: string[] = [];

  id(text: string): number {
    let id = this.#ids.get(text);
    if (id === undefined) {
      id = this.texts.length;
      this.#ids.set(text, id);
      this.texts.push(text);
    }
    return id;
  }
}

/** Reads what is true of places in texts, as numbers: facts. One reader's facts mean nothing to another. */
export class PlaceReader {
  readonly #forms = new Texts();
  readonly #formOf: Form[] = [];
  readonly #words = new Texts();
  readonly #stems = new Texts();
  readonly #pieces = new Texts();
  readonly #pairs = new Map<number, number>();
  readonly #pairWords: [number, number][] = [];

  /** Splits a token sequence. @param texts as words see them (`wordTexts`) */
  sequence(texts: readonly string[]): Sequence {
    const words = splitLines(texts);
    const low = new Int32Array(texts.length);
    const high = new Int32Array(texts.length);
    let [ended, started] = [0, -1];
    for (let token = 0; token < texts.length; token++) {
      while (ended < words.length && words[ended]!.last < token) ended++;
      while (started + 1 < words.length && words[started + 1]!.first <= token) started++;
      low[token] = ended;
      high[token] = started;
    }
    return {
      texts,
      form: Int32Array.from(words, ({ written }) => this.#form(written)),
      first: Int32Array.from(words, ({ first }) => first),
      last: Int32Array.from(words, ({ last }) => last),
      low,
      high,
    };
  }

  /** What is true of a position. Facts that say more of what a person would name come first. */
  facts(sequence: Sequence, position: number): Float64Array {
    const { form, low, high } = sequence;
    const facts: number[] = [];
    const add = (kind: Kind, value: number): void => {
      facts.push(KIND[kind] * VALUES + value);
    };
    const first = low[position]!;
    const last = high[position]!;
    let peak = -1;
    for (let i = first; i <= last; i++) {
      if (peak < 0 || this.#at(form[i]!).rank > this.#at(form[peak]!).rank) peak = i;
    }
    if (peak >= 0) this.#addPeak(sequence, position, peak, add);
    const before = first - 1;
    const after = last + 1;
    if (before < 0) add('start', 0);
    this.#addSide(form, before, -1, ['after word', 'after class', 'after pair'], add);
    this.#addSide(form, after, 1, ['before word', 'before class', 'before pair'], add);
    for (let i = before - DATE + 1; i < after + DATE; i++) {
      if (i >= 0 && i < form.length && this.#at(form[i]!).classes & WORD_CLASSES.month) {
        add('in date', 0);
        break;
      }
    }
    this.#addFar(form, before, -1, ['two after word', 'soon after word'], add);
    this.#addFar(form, after, 1, ['two before word', 'soon before word'], add);
    return Float64Array.from(facts);
  }

  /** What a fact is about: a word, the two of a pair, a class, a piece of a word; empty for the rest. */
  value(fact: number): string {
    const kind = KINDS[kindOf(fact)]!.name;
    const value = fact % VALUES;
    if (kind === 'stem') return this.#stems.texts[value]!;
    if (kind.endsWith('piece')) return this.#pieces.texts[value]!;
    if (kind.endsWith('class')) return CLASSES[value]![0];
    if (kind.endsWith('pair')) {
      return this.#pairWords[value]!.map((word) => this.#words.texts[word]!).join(' ');
    }
    if (kind === 'place in word') return value === 0 ? 'first' : 'later';
    return kind.endsWith('word') ? this.#words.texts[value]! : '';
  }

  #addPeak(
    { texts, form, first, last }: Sequence,
    position: number,
    peak: number,
    add: (kind: Kind, value: number) => void,
  ): void {
    const { word, stem, classes } = this.#at(form[peak]!);
    if (!(classes & WORD_CLASSES.newline)) {
      add('word', word);
      if (stem >= 0) add('stem', stem);
    }
    addClasses('class', classes, add);
    const [from, to] = [first[peak]!, last[peak]!];
    if (from === to) return;
    const piece = (token: number): number => this.#piece(texts[token]!, token === from, token === to);
    const own = piece(position);
    if (own >= 0) add('piece', own);
    add('place in word', position === from ? 0 : 1);
    const [before, after] = [
      position > from ? piece(position - 1) : -1,
      position < to ? piece(position + 1) : -1,
    ];
    if (before >= 0) add('after piece', before);
    if (after >= 0) add('before piece', after);
  }

  /** The word next to the place, on one side, and the two next to it. */
  #addSide(
    form: Int32Array,
    next: number,
    step: -1 | 1,
    [wordKind, classKind, pairKind]: readonly [Kind, Kind, Kind],
    add: (kind: Kind, value: number) => void,
  ): void {
    const word = this.#wordAt(form, next);
    if (word >= 0) add(wordKind, word);
    if (next >= 0 && next < form.length) addClasses(classKind, this.#at(form[next]!).classes, add);
    const second = this.#wordAt(form, next + step);
    if (word >= 0 && second >= 0)
      add(pairKind, step < 0 ? this.#pair(second, word) : this.#pair(word, second));
  }

  #addFar(
    form: Int32Array,
    next: number,
    step: -1 | 1,
    [secondKind, nearKind]: readonly [Kind, Kind],
    add: (kind: Kind, value: number) => void,
  ): void {
    const second = this.#wordAt(form, next + step);
    if (second >= 0) add(secondKind, second);
    for (let i = 0; i < NEAR; i++) {
      const word = this.#wordAt(form, next + i * step);
      if (word >= 0) add(nearKind, word);
    }
  }

  /** The word at a place in a sequence; −1 for a newline and beyond the ends. */
  #wordAt(form: Int32Array, i: number): number {
    if (i < 0 || i >= form.length) return -1;
    const { word, classes } = this.#at(form[i]!);
    return classes & WORD_CLASSES.newline ? -1 : word;
  }

  #at(form: number): Form {
    return this.#formOf[form]!;
  }

  #form(written: string): number {
    const id = this.#forms.id(written);
    if (id === this.#formOf.length) {
      const word = written.toLowerCase();
      const isWord = WHOLE.test(written);
      this.#formOf.push({
        word: this.#words.id(word),
        stem: isWord ? this.#stems.id(stemOf(word)) : -1,
        classes: classesOf(written),
        rank: (isWord ? 1000 : 0) + Math.min(written.length, 999),
      });
    }
    return id;
  }

  /** The letters of a token within a longer word, with a dash where the word goes on; −1 where it has none. */
  #piece(text: string, starts: boolean, ends: boolean): number {
    const letters = text.trim().toLowerCase();
    return WHOLE.test(letters) ? this.#pieces.id(`${starts ? '' : '-'}${letters}${ends ? '' : '-'}`) : -1;
  }

  #pair(a: number, b: number): number {
    const key = a * 2 ** 26 + b;
    let id = this.#pairs.get(key);
    if (id === undefined) {
      id = this.#pairWords.length;
      this.#pairs.set(key, id);
      this.#pairWords.push([a, b]);
    }
    return id;
  }
}

function addClasses(kind: Kind, classes: number, add: (kind: Kind, value: number) => void): void {
  for (let i = 0; i < CLASSES.length; i++) if (classes & CLASSES[i]![1]) add(kind, i);
}

/** Facts of random places in the corpus: where each is true. */
export class PlaceIndex {
  readonly count: number;
  readonly #where = new Map<number, number[]>();

  constructor(places: readonly Float64Array[]) {
    this.count = places.length;
    places.forEach((facts, place) => {
      for (const fact of new Set(facts)) {
        const places = this.#where.get(fact);
        if (places === undefined) this.#where.set(fact, [place]);
        else places.push(place);
      }
    });
  }

  /** The places at which a fact is true, ascending. */
  where(fact: number): readonly number[] {
    return this.#where.get(fact) ?? NOWHERE;
  }
}

const NOWHERE: readonly number[] = [];
