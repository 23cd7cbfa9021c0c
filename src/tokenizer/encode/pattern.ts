import { translateRegExp } from '../huggingface-tokenizers.ts';
import { unsupported } from './unsupported.ts';

/** A pattern of `tokenizer.json`: a text as it stands, or a regular expression of Oniguruma's. */
export interface Pattern {
  readonly String?: unknown;
  readonly Regex?: unknown;
}

/** A global JavaScript pattern with the same matches. */
export function compilePattern(pattern: Pattern | null | undefined, where: string): RegExp {
  if (typeof pattern?.String === 'string') return new RegExp(escapeRegExp(pattern.String), 'gu');
  if (typeof pattern?.Regex !== 'string')
    throw unsupported(where, 'has a pattern that is neither String nor Regex');
  try {
    return translateRegExp(pattern.Regex);
  } catch (error) {
    const what = `has the regular expression ${JSON.stringify(pattern.Regex)}, which JavaScript cannot express`;
    throw unsupported(where, `${what} (${(error as Error).message})`);
  }
}

export function escapeRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** How a text is cut at the matches of a pattern. */
export type Behavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous';

export const BEHAVIORS: readonly Behavior[] = [
  'Removed',
  'Isolated',
  'MergedWithPrevious',
  'MergedWithNext',
  'Contiguous',
];

interface Span {
  start: number;
  end: number;
  readonly match: boolean;
}

/** A function that cuts a text at the matches of `pattern`, or, inverted, at what lies between them. */
export function splitter(pattern: RegExp, behavior: Behavior, invert = false): (text: string) => string[] {
  return (text) => {
    if (behavior === 'Isolated' || invert) {
      // Most patterns match everything: then the matches are the pieces.
      const matches: readonly string[] = text.match(pattern) ?? [];
      let length = 0;
      for (let i = 0; i < matches.length; i++) length += matches[i]!.length;
      const whole = length === text.length && !matches.includes('');
      if ((whole && behavior === 'Isolated') || (invert && behavior === 'Removed'))
        return matches as string[];
    }
    return merge(spans(text, pattern, invert), behavior)
      .filter(({ start, end }) => start < end)
      .map(({ start, end }) => text.slice(start, end));
  };
}

function spans(text: string, pattern: RegExp, invert: boolean): Span[] {
  const found: Span[] = [];
  let at = 0;
  for (const { index, 0: match } of text.matchAll(pattern)) {
    if (index > at) found.push({ start: at, end: index, match: invert });
    at = index + match.length;
    found.push({ start: index, end: at, match: !invert });
  }
  if (at < text.length) found.push({ start: at, end: text.length, match: invert });
  return found;
}

function merge(all: Span[], behavior: Behavior): Span[] {
  if (behavior === 'Isolated') return all;
  if (behavior === 'Removed') return all.filter(({ match }) => !match);
  const backwards = behavior === 'MergedWithNext';
  const merged: Span[] = [];
  let previous = false;
  for (const span of backwards ? all.reverse() : all) {
    const last = merged.at(-1);
    const joins = behavior === 'Contiguous' ? span.match === previous : span.match && !previous;
    previous = span.match;
    if (!joins || last === undefined) merged.push({ ...span });
    else if (backwards) last.start = span.start;
    else last.end = span.end;
  }
  return backwards ? merged.reverse() : merged;
}
