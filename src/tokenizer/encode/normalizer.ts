import { toByteCharacters } from './byte-characters.ts';
import { createCharacterMap } from './character-map.ts';
import {
  COMBINING,
  IDEOGRAPHS,
  lowerCase,
  NONSPACING,
  normalizeUnicode,
  REMOVED_BY_BERT,
  WHITE,
} from './characters.ts';
import { compilePattern, type Pattern } from './pattern.ts';
import { unsupported } from './unsupported.ts';

/** A step of `normalizer` in `tokenizer.json`. */
export interface NormalizerStep {
  readonly type?: string;
  readonly normalizers?: readonly NormalizerStep[];
  readonly pattern?: Pattern;
  readonly content?: string;
  readonly prepend?: string;
  readonly strip_left?: boolean;
  readonly strip_right?: boolean;
  readonly clean_text?: boolean;
  readonly handle_chinese_chars?: boolean;
  readonly strip_accents?: boolean | null;
  readonly lowercase?: boolean;
  readonly precompiled_charsmap?: string | null;
}

export type Normalize = (text: string) => string;

/** The normaliser of a tokenizer, character for character as Python's; null where it has none. */
export function createNormalizer(step: NormalizerStep | null | undefined, path: string): Normalize | null {
  if (step == null) return null;
  const where = `${path}: its normalizer ${step.type}`;
  switch (step.type) {
    case 'Sequence': {
      const steps = (step.normalizers ?? []).map((each) => createNormalizer(each, path));
      const present = steps.filter((each) => each !== null);
      return present.length === 0 ? null : (text) => present.reduce((done, each) => each(done), text);
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = step.type;
      return (text) => normalizeUnicode(text, form);
    }
    case 'Lowercase':
      return lowerCase;
    case 'Strip':
      return createStrip(step);
    case 'StripAccents':
      return (text) => text.replace(ALL_COMBINING, '');
    case 'Prepend': {
      const { prepend = '' } = step;
      return (text) => (text === '' ? '' : prepend + text);
    }
    case 'Replace': {
      const pattern = compilePattern(step.pattern, where);
      const { content = '' } = step;
      return (text) => text.replace(pattern, () => content);
    }
    case 'BertNormalizer':
      return createBertNormalizer(step);
    case 'Precompiled':
      return step.precompiled_charsmap ? createCharacterMap(step.precompiled_charsmap, where) : null;
    case 'Nmt':
      return (text) => text.replace(NMT_REMOVED, '').replace(NMT_SPACE, ' ');
    case 'ByteLevel':
      return toByteCharacters;
    default:
      throw unsupported(where, 'is unknown here');
  }
}

const ALL_COMBINING = new RegExp(COMBINING, 'gu');
const ALL_NONSPACING = new RegExp(NONSPACING, 'gu');
const ALL_REMOVED = new RegExp(REMOVED_BY_BERT, 'gu');
const ALL_WHITE = new RegExp(WHITE, 'gu');
const ALL_IDEOGRAPHS = new RegExp(`[${IDEOGRAPHS}]`, 'gu');
const LEADING = new RegExp(`^${WHITE}+`, 'u');
const NMT_REMOVED = /(?![\0\t\n\f\r\u0080-\u008e\u0090-\u009e])\p{Cc}/gu;
const NMT_SPACE = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

function createBertNormalizer(step: NormalizerStep): Normalize {
  const { clean_text = true, handle_chinese_chars = true, lowercase = true } = step;
  const stripAccents = step.strip_accents ?? lowercase;
  return (text) => {
    let done = text;
    if (clean_text) done = done.replace(ALL_REMOVED, '').replace(ALL_WHITE, ' ');
    if (handle_chinese_chars) done = done.replace(ALL_IDEOGRAPHS, ' $& ');
    if (stripAccents) done = normalizeUnicode(done, 'NFD').replace(ALL_NONSPACING, '');
    return lowercase ? lowerCase(done) : done;
  };
}

function createStrip({ strip_left: left = true, strip_right: right = true }: NormalizerStep): Normalize {
  return (text) => {
    const start = left ? text.replace(LEADING, '') : text;
    return right ? start.slice(0, trimmedLength(start)) : start;
  };
}

const IS_WHITE = new RegExp(`^${WHITE}$`, 'u');

/** Length of a text without the white space at its end; a pattern's search would be quadratic. */
export function trimmedLength(text: string, length = text.length): number {
  let end = length;
  while (end > 0 && IS_WHITE.test(text[end - 1]!)) end--;
  return end;
}
