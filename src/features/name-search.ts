import { KINDS, kindOf, type PlaceIndex } from './places.ts';

/** Random positions that count as much as all of a feature's examples, for each of these. */
const CORPUS_WEIGHT = 10;
/** Examples of the feature that each part of a pattern must hold for, where it has as many. */
const LEAST_EXAMPLES = 2;
/** What a further part must add to the score. */
const STEP = 0.03;
/** Alternatives of one part. */
const MOST_ALTERNATIVES = 4;
/** Facts that a search starts from. */
const STARTS = 6;
/** Scores that differ by less are equal. */
const EQUAL = 1e-9;

const WORD = KINDS.findIndex(({ name }) => name === 'word');
const CLASS = KINDS.findIndex(({ name }) => name === 'class');
const IS_CONTEXT = KINDS.map(({ role }) => role === 'context');
const FAMILIES = [...new Set(KINDS.map(({ family }) => family))];
/** By kind, the number of its family; −1 for none. */
const FAMILY = KINDS.map(({ family }) => (family === null ? -1 : FAMILIES.indexOf(family)));

/**
 * A pattern: one of some facts about the token itself, and one of some facts about its context; either may be empty, which
 * holds everywhere.
 */
export interface Pattern {
  readonly peak: readonly number[];
  readonly context: readonly number[];
}

/** A pattern with where it holds. */
export interface FoundPattern extends Pattern {
  /** Among the unit's examples: bit i of word i / 32. */
  readonly bits: Uint32Array;
  /** Among the random positions. */
  readonly places: Places;
  readonly score: number;
}

interface Places {
  readonly bits: Uint32Array;
  readonly count: number;
}

/** The facts of a unit's examples, and at which examples each is true: those that are true at two or more. */
export class UnitFacts {
  readonly count: number;
  readonly facts: Float64Array;
  readonly kinds: Uint8Array;
  readonly bits: readonly Uint32Array[];

  constructor(places: readonly Float64Array[]) {
    this.count = places.length;
    const ids = new Map<number, number>();
    const uses: number[] = [];
    const seen: number[] = [];
    const own = places.map((facts, place) =>
      Int32Array.from(facts, (fact) => {
        let id = ids.get(fact);
        if (id === undefined) {
          id = uses.length;
          ids.set(fact, id);
          uses.push(0);
          seen.push(-1);
        }
        if (seen[id] !== place) uses[id]!++;
        seen[id] = place;
        return id;
      }),
    );
    const kept = uses.map((count) => count >= LEAST_EXAMPLES);
    const bits = kept.map((keep) => (keep ? new Uint32Array((this.count + 31) >>> 5) : null));
    own.forEach((facts, place) => {
      for (const id of facts) {
        const of = bits[id];
        if (of) of[place >>> 5]! |= 1 << (place & 31);
      }
    });
    this.facts = Float64Array.from([...ids.keys()].filter((_, id) => kept[id]));
    this.kinds = Uint8Array.from(this.facts, kindOf);
    this.bits = bits.filter((of) => of !== null);
  }
}

/** A set of a unit's examples. */
export function exampleSet(count: number, members: Iterable<number>): Uint32Array {
  const bits = new Uint32Array((count + 31) >>> 5);
  for (const member of members) bits[member >>> 5]! |= 1 << (member & 31);
  return bits;
}

/** How many bits of two sets are the same. */
export function common(a: Uint32Array, b: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) count += ones(a[i]! & b[i]!);
  return count;
}

/**
 * The pattern that best tells some examples from others and from the corpus; null where none holds for two of them. The
 * score is F1 of holding for the examples `own`, where `others` and, for each of `own`, ten random positions count against it;
 * a further part must raise it by 0.03. Of equal scores the fact that is read first wins.
 */
export function bestPattern(
  unit: UnitFacts,
  own: Uint32Array,
  others: Uint32Array,
  corpus: PlaceIndex,
): FoundPattern | null {
  const search = new Search(unit, own, others, corpus);
  let best: FoundPattern | null = null;
  const offer = (found: FoundPattern | null): void => {
    if (found !== null && (best === null || found.score > best.score)) best = found;
  };
  for (const start of search.starts()) {
    const wide = search.widened(start);
    for (const found of wide === start ? [start] : [start, wide]) {
      offer(found);
      const narrow = search.narrowed(found);
      if (narrow !== null) offer(search.widened(narrow, narrow.context.length === 1 ? 'context' : 'peak'));
    }
  }
  return search.withPeak(best);
}

type Role = 'peak' | 'context';

class Search {
  readonly #unit: UnitFacts;
  readonly #own: Uint32Array;
  readonly #others: Uint32Array;
  readonly #corpus: PlaceIndex;
  readonly #size: number;
  /** Facts that hold for enough of the examples, in the order in which they are read. */
  readonly #candidates: readonly number[];

  constructor(unit: UnitFacts, own: Uint32Array, others: Uint32Array, corpus: PlaceIndex) {
    this.#unit = unit;
    this.#own = own;
    this.#others = others;
    this.#corpus = corpus;
    this.#size = common(own, own);
    this.#candidates = Array.from(unit.facts.keys()).filter(
      (id) => common(unit.bits[id]!, own) >= LEAST_EXAMPLES,
    );
  }

  /** The best facts by themselves; of those that hold for the same examples the first. */
  starts(): FoundPattern[] {
    const found = this.#candidates.map((id) => {
      const bits = this.#unit.bits[id]!;
      const count = this.#corpus.where(this.#unit.facts[id]!).length;
      const score = this.#score(common(bits, this.#own), common(bits, this.#others), count);
      return { id, bits, score };
    });
    found.sort((a, b) => b.score - a.score || a.id - b.id);
    const starts: typeof found = [];
    for (const one of found) {
      if (starts.length === STARTS) break;
      const isSame = ({ bits }: { bits: Uint32Array }): boolean =>
        bits.every((word, i) => word === one.bits[i]);
      if (!starts.some((start) => start.score === one.score && isSame(start))) starts.push(one);
    }
    return starts.map(({ id, bits, score }) => {
      const fact = this.#unit.facts[id]!;
      const isPeak = !IS_CONTEXT[kindOf(fact)];
      return {
        peak: isPeak ? [fact] : [],
        context: isPeak ? [] : [fact],
        bits,
        places: this.#places(fact),
        score,
      };
    });
  }

  /** With alternatives to one of its parts, as long as they help. */
  widened(start: FoundPattern, role: Role = start.peak.length > 0 ? 'peak' : 'context'): FoundPattern {
    const family = FAMILY[kindOf(start[role][0]!)]!;
    if (family < 0) return start;
    const other = role === 'peak' ? start.context : start.peak;
    // What the other part holds for: an alternative counts only there.
    const within = other.length === 0 ? null : this.#union(other);
    let found = start;
    while (found[role].length < MOST_ALTERNATIVES) {
      const [bits, own, others] = [found.bits, this.#own, this.#others];
      const held = common(bits, own);
      let best = -1;
      let least = found.score + STEP - EQUAL;
      for (const id of this.#candidates) {
        if (FAMILY[this.#unit.kinds[id]!] !== family) continue;
        const more = this.#unit.bits[id]!;
        let right = 0;
        let wrong = 0;
        for (let i = 0; i < bits.length; i++) {
          const joined = bits[i]! | (within === null ? more[i]! : more[i]! & within.bits[i]!);
          right += ones(joined & own[i]!);
          wrong += ones(joined & others[i]!);
        }
        if (right - held < LEAST_EXAMPLES || this.#score(right, wrong, found.places.count) <= least) continue;
        const { count } = this.#joined(found.places, this.#unit.facts[id]!, within?.places);
        const score = this.#score(right, wrong, count);
        if (score <= least) continue;
        best = id;
        least = score + EQUAL;
      }
      if (best < 0) break;
      const fact = this.#unit.facts[best]!;
      const more = this.#unit.bits[best]!;
      found = {
        ...found,
        [role]: [...found[role], fact],
        bits: bits.map((word, i) => word | (within === null ? more[i]! : more[i]! & within.bits[i]!)),
        places: this.#joined(found.places, fact, within?.places),
        score: least - EQUAL,
      };
    }
    return found;
  }

  /** With the word or class of the token, where a pattern of its context alone holds for the same examples with it. */
  withPeak(found: FoundPattern | null): FoundPattern | null {
    if (found === null || found.peak.length > 0) return found;
    return this.narrowed(found, 0, (kind) => kind === WORD || kind === CLASS) ?? found;
  }

  /**
   * With one fact of the other role, where that helps.
   * @param step what it must add to the score
   */
  narrowed(
    start: FoundPattern,
    step = STEP,
    isWanted: (kind: number) => boolean = () => true,
  ): FoundPattern | null {
    const isContext = start.peak.length > 0;
    const [bits, own, others] = [start.bits, this.#own, this.#others];
    let best = -1;
    let least = start.score + step - EQUAL;
    for (const id of this.#candidates) {
      const kind = this.#unit.kinds[id]!;
      if (IS_CONTEXT[kind] !== isContext || !isWanted(kind)) continue;
      const more = this.#unit.bits[id]!;
      let right = 0;
      let wrong = 0;
      for (let i = 0; i < bits.length; i++) {
        const met = bits[i]! & more[i]!;
        right += ones(met & own[i]!);
        wrong += ones(met & others[i]!);
      }
      if (right < LEAST_EXAMPLES || this.#score(right, wrong, 0) <= least) continue;
      const score = this.#score(right, wrong, this.#met(start.places, this.#unit.facts[id]!));
      if (score <= least) continue;
      best = id;
      least = score + EQUAL;
    }
    if (best < 0) return null;
    const fact = this.#unit.facts[best]!;
    const more = this.#unit.bits[best]!;
    const met = this.#corpus.where(fact).filter((place) => isIn(start.places.bits, place));
    return {
      ...start,
      [isContext ? 'context' : 'peak']: [fact],
      bits: bits.map((word, i) => word & more[i]!),
      places: { bits: exampleSet(this.#corpus.count, met), count: met.length },
      score: least - EQUAL,
    };
  }

  /** @param right, wrong: examples of the feature, and others, that a pattern holds for; places: random positions */
  #score(right: number, wrong: number, places: number): number {
    const share = this.#corpus.count === 0 ? 0 : places / this.#corpus.count;
    return (2 * right) / (right + this.#size + wrong + CORPUS_WEIGHT * this.#size * share);
  }

  #union(facts: readonly number[]): { bits: Uint32Array; places: Places } {
    const bits = new Uint32Array((this.#unit.count + 31) >>> 5);
    let places: Places = { bits: new Uint32Array((this.#corpus.count + 31) >>> 5), count: 0 };
    for (const fact of facts) {
      const own = this.#unit.bits[this.#unit.facts.indexOf(fact)]!;
      own.forEach((word, i) => {
        bits[i]! |= word;
      });
      places = this.#joined(places, fact);
    }
    return { bits, places };
  }

  #places(fact: number): Places {
    const where = this.#corpus.where(fact);
    return { bits: exampleSet(this.#corpus.count, where), count: where.length };
  }

  /** Places with those of one fact more, as far as they lie `within` others. */
  #joined({ bits, count }: Places, fact: number, within?: Places): Places {
    const joined = bits.slice();
    let more = 0;
    for (const place of this.#corpus.where(fact)) {
      const [word, bit] = [place >>> 5, 1 << (place & 31)];
      if (joined[word]! & bit || (within !== undefined && !(within.bits[word]! & bit))) continue;
      joined[word]! |= bit;
      more++;
    }
    return { bits: joined, count: count + more };
  }

  /** At how many of some places a fact is true. */
  #met({ bits }: Places, fact: number): number {
    let count = 0;
    for (const place of this.#corpus.where(fact)) if (isIn(bits, place)) count++;
    return count;
  }
}

function isIn(bits: Uint32Array, i: number): boolean {
  return (bits[i >>> 5]! & (1 << (i & 31))) !== 0;
}

function ones(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
