import { WHITE, WORD } from './characters.ts';
import { type Normalize, trimmedLength } from './normalizer.ts';
import { escapeRegExp } from './pattern.ts';
import { unsupported } from './unsupported.ts';

/** An entry of `added_tokens` in `tokenizer.json`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Only where no letter, digit, mark or underscore stands beside it. */
  readonly single_word?: boolean;
  /** Takes the white space before, or after, along. */
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  /** Looked for in the normalised text; by default where it is not special. */
  readonly normalized?: boolean;
  readonly special?: boolean;
}

/** A part of a text: an added token, or normalised text. */
export interface Section {
  readonly text: string;
  /** The added token, or null. */
  readonly id: number | null;
  /** Whether it begins where the text begins. */
  readonly first: boolean;
}

/**
 * Cuts a text at its added tokens, as Python's tokenizers does: those that are looked for as they stand first; then
 * what is left is normalised, and the others are looked for in that.
 */
export function createSections(
  tokens: readonly AddedToken[],
  normalize: Normalize | null,
  path: string,
): (text: string) => Section[] {
  const isNormalized = (token: AddedToken) => token.normalized ?? !token.special;
  const present = tokens.filter(({ content }) => content !== '');
  const early = createFinder(
    present.filter((token) => !isNormalized(token)).map((token) => [token.content, token]),
  );
  const late = createFinder(
    present.filter(isNormalized).map((token) => {
      const content = normalize === null ? token.content : normalize(token.content);
      if (content !== '') return [content, token];
      throw unsupported(
        path,
        `has the added token ${JSON.stringify(token.content)}, of which its normalizer leaves nothing`,
      );
    }),
  );
  /** A normaliser that drops the first character moves the beginning. */
  const keepsStart = (text: string) =>
    normalize === null || normalize(String.fromCodePoint(text.codePointAt(0)!)) !== '';

  return (text) => {
    const sections: Section[] = [];
    for (const part of early(text)) {
      if (part.token !== null) {
        sections.push({ text: part.text, id: part.token.id, first: false });
        continue;
      }
      const normal = normalize === null ? part.text : normalize(part.text);
      for (const { text, token, start } of late(normal)) {
        const first = part.start === 0 && start === 0 && keepsStart(part.text);
        sections.push({ text, id: token === null ? null : token.id, first });
      }
    }
    return sections;
  };
}

interface Part {
  readonly text: string;
  readonly token: AddedToken | null;
  readonly start: number;
}

/** Finds the leftmost, and there the longest, of the contents; parts without text are left out. */
function createFinder(entries: readonly (readonly [string, AddedToken])[]): (text: string) => Part[] {
  const byContent = new Map(entries);
  if (byContent.size === 0) return (text) => (text === '' ? [] : [{ text, token: null, start: 0 }]);
  const contents = [...byContent.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(contents.map(escapeRegExp).join('|'), 'g');

  return (text) => {
    const parts: Part[] = [];
    const push = (start: number, end: number, token: AddedToken | null) => {
      if (start < end) parts.push({ text: text.slice(start, end), token, start });
    };
    let done = 0;
    for (const { index, 0: match } of text.matchAll(pattern)) {
      const token = byContent.get(match)!;
      let start = index;
      let end = index + match.length;
      if (token.single_word && (isWordAt(text, end) || isWordBefore(text, start))) continue;
      if (token.lstrip) start = Math.max(trimmedLength(text, start), done);
      if (token.rstrip) end = skipWhite(text, end);
      push(done, start, null);
      push(start, end, token);
      done = end;
    }
    push(done, text.length, null);
    return parts;
  };
}

const IS_WORD = new RegExp(`^[${WORD}]`, 'u');
const ENDS_WITH_WORD = new RegExp(`[${WORD}]$`, 'u');
const NEXT_WHITE = new RegExp(`${WHITE}*`, 'uy');

function isWordAt(text: string, at: number): boolean {
  return IS_WORD.test(text.slice(at, at + 2));
}

function isWordBefore(text: string, at: number): boolean {
  return ENDS_WITH_WORD.test(text.slice(Math.max(0, at - 2), at));
}

function skipWhite(text: string, from: number): number {
  NEXT_WHITE.lastIndex = from;
  NEXT_WHITE.test(text);
  return NEXT_WHITE.lastIndex;
}
