import type { Passages } from './passages.ts';
import type { Term } from './query.ts';
import { searchWords } from './search-words.ts';

/** Levels: how a word matches, where the term is within it, its beginning, or it. */
const WITHIN = 1;
const BEGINNING = 2;
export const WHOLE = 4;

/** Levels as bits, each with the lower ones. */
const LEVEL_BITS = Uint8Array.of(0, 1, 3, 3, 7);

/** What a match is worth by its code, which is twice its level, and one more where a word at the peak is of it. */
export const EXACTNESS = Float64Array.from(
  { length: 2 * WHOLE + 2 },
  (_, code) => ((code >> 1) / WHOLE) * (code % 2 === 1 ? 1 : 1 / 2),
);

/** A term as it is looked for. */
interface Sought {
  /** Its words. */
  readonly length: number;
  /** Ascending places of its first word, of a term of whole words. */
  readonly places: Uint32Array;
  /** Levels by word, where parts of words are looked for. */
  readonly levels: Uint8Array | null;
}

/** Where in the text there is a match of at least a level: one bit a place, so that they stay near the processor. */
interface Marks {
  readonly within: Int32Array;
  readonly beginning: Int32Array;
  readonly whole: Int32Array;
}

/** How passages, and the names and words of features, have the terms of a query. */
export interface Matches {
  /** Of each example the code of its match (`EXACTNESS`), 0 where its passage lacks a term. */
  readonly codes: Uint8Array;
  /** Of each feature the level of its name and words. */
  readonly names: Uint8Array;
}

/** Matches all examples and features with a query. @param parts whether words that contain a term match it too */
export function matchTerms(passages: Passages, terms: readonly Term[], parts: boolean): Matches {
  const sought = terms.map((term) =>
    parts && !term.quoted && term.words.length === 1
      ? soughtParts(passages, term.words[0]!)
      : soughtPhrase(passages, term.words),
  );
  // The rarest first: fewer examples are left to look at.
  const frequency = ({ places, levels }: Sought): number =>
    levels === null ? places.length : passages.text.length;
  sought.sort((a, b) => frequency(a) - frequency(b));
  const codes = new Uint8Array(passages.first.length);
  const names = new Uint8Array(passages.featureSize.length);
  for (const [i, term] of sought.entries()) {
    if (frequency(term) === 0) break;
    matchExamples(passages, term.length, marksOf(passages, term), codes, i === 0);
    matchNames(passages, term, names, i === 0);
  }
  return { codes, names };
}

/** The level of a text that is not in the index; 0 where it lacks a term. */
export function textLevel(text: string, terms: readonly Term[], parts: boolean): number {
  const words = searchWords([text]).map((word) => word.text);
  const levelAt = ({ words: [first, ...rest], quoted }: Term, at: number): number => {
    if (words[at] === first) return rest.every((word, i) => words[at + 1 + i] === word) ? WHOLE : 0;
    const within = parts && !quoted && rest.length === 0 ? words[at]!.indexOf(first!) : -1;
    return within < 0 ? 0 : within === 0 ? BEGINNING : WITHIN;
  };
  const levels = terms.map((term) => Math.max(0, ...words.map((_, at) => levelAt(term, at))));
  return levels.length === 0 ? 0 : Math.min(...levels);
}

function soughtPhrase(passages: Passages, words: readonly string[]): Sought {
  const ids = words.map((word) => passages.word(word));
  const { length } = ids;
  if (ids.includes(-1)) return { length, places: new Uint32Array(0), levels: null };
  const places = ids.map((id) => passages.places(id));
  if (length === 1) return { length, places: places[0]!, levels: null };
  let rarest = 0;
  for (let i = 1; i < length; i++) if (places[i]!.length < places[rarest]!.length) rarest = i;
  const { text } = passages;
  const starts = places[rarest]!.filter((place) => ids.every((id, i) => text[place - rarest + i] === id));
  return { length, places: starts.map((place) => place - rarest), levels: null };
}

function soughtParts({ vocabulary }: Passages, part: string): Sought {
  const levels = new Uint8Array(vocabulary.length);
  let some = false;
  for (let word = 0; word < vocabulary.length; word++) {
    const at = vocabulary[word]!.indexOf(part);
    if (at < 0) continue;
    levels[word] = at > 0 ? WITHIN : vocabulary[word]!.length === part.length ? WHOLE : BEGINNING;
    some = true;
  }
  return { length: 1, places: new Uint32Array(0), levels: some ? levels : null };
}

function marksOf({ text, shown }: Passages, { places, levels }: Sought): Marks {
  // One more, so that there are two at every place.
  const bits = (): Int32Array => new Int32Array((shown >> 5) + 2);
  const whole = bits();
  if (levels === null) {
    for (const place of places) {
      if (place >= shown) break;
      whole[place >> 5]! |= 1 << place;
    }
    return { within: whole, beginning: whole, whole };
  }
  const [within, beginning] = [bits(), bits()];
  for (let start = 0; start < shown; start += 32) {
    const count = Math.min(32, shown - start);
    let [some, begun, same] = [0, 0, 0];
    for (let bit = 0; bit < count; bit++) {
      const marked = LEVEL_BITS[levels[text[start + bit]!]!]!;
      some |= (marked & 1) << bit;
      begun |= ((marked >> 1) & 1) << bit;
      same |= (marked >> 2) << bit;
    }
    within[start >> 5] = some;
    beginning[start >> 5] = begun;
    whole[start >> 5] = same;
  }
  return { within, beginning, whole };
}

/** Puts into the codes of all examples how their stretches have one more term. @param length its words */
function matchExamples(
  { first, before, peak, after }: Passages,
  length: number,
  marks: Marks,
  codes: Uint8Array,
  isFirst: boolean,
): void {
  const { within, beginning, whole } = marks;
  const isWhole = within === whole;
  const more = length - 1;
  // Whole numbers only, and no branches on what is found: of frequent words they would be taken by chance, which costs more
  // than all else.
  for (let at = 0; at < codes.length; at++) {
    if (!isFirst && codes[at] === 0) continue;
    const start = first[at]!;
    const toPeak = before[at]!;
    const toEnd = toPeak + peak[at]!;
    // In how many places it may begin, so that it ends in the stretch; and in which of these it reaches the peak.
    const room = toEnd + after[at]! - more;
    const reachEnd = Math.min(toEnd, room);
    const reach = toEnd === toPeak ? reachEnd : toPeak > more ? toPeak - more : 0;
    let code = 0;
    if (room > 31) code = codeAt(marks, start, room, reach, reachEnd);
    else if (room > 0) {
      // Shifted out is what lies after the stretch, then what lies outside the peak.
      const found = marksFrom(within, start) << (32 - room);
      const atPeak = isSome(((found << (room - reachEnd)) >>> (31 - reachEnd + reach)) >>> 1);
      if (isWhole) code = (isSome(found) << 3) | atPeak;
      else {
        const begun = marksFrom(beginning, start) << (32 - room);
        const same = marksFrom(whole, start) << (32 - room);
        code = ((isSome(found) + isSome(begun) + (isSome(same) << 1)) << 1) | atPeak;
      }
    }
    codes[at] = isFirst ? code : both(code, codes[at]!);
  }
}

/** The code of a stretch of any length. @param room see `matchExamples`, as `reach` and `reachEnd` */
function codeAt(
  { within, beginning, whole }: Marks,
  start: number,
  room: number,
  reach: number,
  reachEnd: number,
): number {
  const level =
    isMarked(within, start, start + room) +
    isMarked(beginning, start, start + room) +
    2 * isMarked(whole, start, start + room);
  return 2 * level + isMarked(within, start + reach, start + reachEnd);
}

/** The code of an example by those of two terms. */
function both(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : 2 * Math.min(a >> 1, b >> 1) + ((a | b) & 1);
}

/** The 32 marks from a place on. */
function marksFrom(marks: Int32Array, start: number): number {
  return (marks[start >> 5]! >>> (start & 31)) | ((marks[(start >> 5) + 1]! << 1) << (31 - (start & 31)));
}

/** 1 of any number but 0. */
function isSome(number: number): number {
  return (number | -number) >>> 31;
}

/** 1 where one of the places from one to before another is marked, else 0. */
function isMarked(marks: Int32Array, from: number, to: number): number {
  for (let place = from; place < to; place++) {
    if ((marks[place >> 5]! >>> (place & 31)) & 1) return 1;
  }
  return 0;
}

/** Puts into the levels of all features how their names and words have one more term. */
function matchNames(
  { text, nameStart }: Passages,
  { length, places, levels }: Sought,
  names: Uint8Array,
  isFirst: boolean,
): void {
  const best = isFirst ? names : new Uint8Array(names.length);
  if (levels === null) {
    let feature = 0;
    for (let i = advance(places, 0, nameStart[0]!); i < places.length; i++) {
      const place = places[i]!;
      feature = advance(nameStart, feature, place + 1) - 1;
      if (place + length <= nameStart[feature + 1]!) best[feature] = WHOLE;
    }
  } else {
    for (let feature = 0; feature < best.length; feature++) {
      const end = nameStart[feature + 1]!;
      let most = 0;
      for (let at = nameStart[feature]!; at < end; at++) most = Math.max(most, levels[text[at]!]!);
      best[feature] = most;
    }
  }
  if (!isFirst) for (let i = 0; i < names.length; i++) names[i] = Math.min(names[i]!, best[i]!);
}

/** The first index from `from` on, of ascending values, that holds `value` or more: by steps that double. */
function advance(values: Uint32Array, from: number, value: number): number {
  if (from >= values.length || values[from]! >= value) return from;
  let step = 1;
  while (from + step < values.length && values[from + step]! < value) step *= 2;
  let low = from + (step >> 1) + 1;
  let high = Math.min(from + step, values.length);
  if (step === 1) low = from + 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
