import type { Passages } from './passages.ts';
import type { Term } from './query.ts';
import { searchWords } from './search-words.ts';

/** Levels: how a word matches, where the term is within it, its beginning, or it. */
const WITHIN = 1;
const BEGINNING = 2;
export const WHOLE = 4;

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

/** Examples whose passages have all terms, ascending, and the codes of their matches (`EXACTNESS`). */
export interface MatchedExamples {
  readonly example: Uint32Array;
  readonly code: Uint8Array;
}

/** How passages, and the names and words of features, have the terms of a query. */
export interface Matches {
  readonly examples: MatchedExamples;
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
  let examples: MatchedExamples | null = null;
  const names = new Uint8Array(passages.featureSize.length);
  for (const [i, term] of sought.entries()) {
    if (frequency(term) === 0) break;
    examples = matchExamples(passages, term.length, marksOf(passages, term), examples);
    matchNames(passages, term, names, i === 0);
  }
  return { examples: examples ?? { example: new Uint32Array(0), code: new Uint8Array(0) }, names };
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
  for (let place = 0; place < shown; place++) {
    const level = levels[text[place]!]!;
    // A level is one bit, and marks lower ones too.
    within[place >> 5]! |= (level > 0 ? 1 : 0) << place;
    beginning[place >> 5]! |= (level >> 1 > 0 ? 1 : 0) << place;
    whole[place >> 5]! |= (level >> 2) << place;
  }
  return { within, beginning, whole };
}

/** Those examples whose stretches have one more term. @param length its words @param among those that have the terms before */
function matchExamples(
  { first, before, peak, after }: Passages,
  length: number,
  { within, beginning, whole }: Marks,
  among: MatchedExamples | null,
): MatchedExamples {
  const isWhole = within === whole;
  const most = among === null ? first.length : among.example.length;
  const example = new Uint32Array(most);
  const codes = new Uint8Array(most);
  let count = 0;
  for (let i = 0; i < most; i++) {
    const at = among === null ? i : among.example[i]!;
    const start = first[at]!;
    const toPeak = before[at]!;
    const toEnd = toPeak + peak[at]!;
    // In how many places it may begin, so that it ends in the stretch.
    const room = toEnd + after[at]! - length + 1;
    const any = marked(within, start, room);
    const level = isWhole
      ? WHOLE * any
      : any + marked(beginning, start, room) + 2 * marked(whole, start, room);
    // Where it reaches the peak.
    const from = Math.max(0, toPeak - length + 1);
    const atPeak = marked(within, start + from, Math.min(toEnd, room) - from) & Number(toEnd > toPeak);
    const code = among === null ? 2 * WHOLE : among.code[i]!;
    // No branch: of frequent words it would be taken by chance, which costs more than all else.
    example[count] = at;
    codes[count] = 2 * Math.min(level, code >> 1) + ((code & 1) | atPeak);
    count += any;
  }
  return { example: example.slice(0, count), code: codes.slice(0, count) };
}

/** 1 where one of some places in a row is marked, else 0. */
function marked(marks: Int32Array, start: number, count: number): number {
  if (count > 32) return markedFar(marks, start, count);
  // Shifting by 32 would be shifting by nothing.
  const next =
    (marks[start >> 5]! >>> (start & 31)) | ((marks[(start >> 5) + 1]! << 1) << (31 - (start & 31)));
  const own = count > 0 ? next << (32 - count) : 0;
  return (own | -own) >>> 31;
}

function markedFar(marks: Int32Array, start: number, count: number): number {
  for (let place = start; place < start + count; place++) {
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
export function advance(values: Uint32Array, from: number, value: number): number {
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
