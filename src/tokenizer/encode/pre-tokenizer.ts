import { toByteCharacters } from './byte-characters.ts';
import { PUNCTUATION, WHITE, WORD } from './characters.ts';
import { BEHAVIORS, type Behavior, compilePattern, escapeRegExp, type Pattern, splitter } from './pattern.ts';
import { unsupported } from './unsupported.ts';

/** A step of `pre_tokenizer` in `tokenizer.json`. */
export interface PreTokenizerStep {
  readonly type?: string;
  readonly pretokenizers?: readonly PreTokenizerStep[];
  readonly pattern?: Pattern;
  readonly behavior?: string;
  readonly invert?: boolean;
  readonly individual_digits?: boolean;
  readonly delimiter?: string;
  readonly add_prefix_space?: boolean;
  readonly use_regex?: boolean;
  readonly replacement?: string;
  readonly prepend_scheme?: string;
  readonly split?: boolean;
  readonly length?: number;
}

/** Cuts a section of text into words. */
export interface PreTokenizer {
  /** @param first whether the section begins where the text begins */
  split(section: string, first: boolean): readonly string[];
  /** The word as the model sees it. */
  finish(word: string): string;
}

/** Cuts one piece further. */
type Step = (text: string, first: boolean) => readonly string[];

/** The pre-tokeniser of a tokenizer, with the same words as Python's. */
export function createPreTokenizer(root: PreTokenizerStep | null | undefined, path: string): PreTokenizer {
  const steps = flatten(root);
  // The last step's bytes are written only for words that the cache does not hold.
  const last = steps.at(-1);
  const bytesLast = last?.type === 'ByteLevel';
  const functions = steps.flatMap((step, i) => createStep(step, path, bytesLast && i === steps.length - 1));
  const finish = bytesLast ? toByteCharacters : (word: string) => word;
  const [head, ...tail] = functions;
  if (head === undefined) return { split: (section) => [section], finish };
  return {
    finish,
    split: (section, first) =>
      tail.reduce<readonly string[]>(
        (pieces, step) =>
          pieces.flatMap((piece, i) => step(piece, first && i === 0 && section.startsWith(piece))),
        head(section, first),
      ),
  };
}

function flatten(step: PreTokenizerStep | null | undefined): PreTokenizerStep[] {
  if (step == null) return [];
  return step.type === 'Sequence' ? (step.pretokenizers ?? []).flatMap(flatten) : [step];
}

/**
 * GPT-2's splitting into words. In Python's tokenizers `\s` is Unicode's White_Space; JavaScript's has U+FEFF more and
 * U+0085 less.
 */
const BYTE_LEVEL_PATTERN =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
const EACH_WHITE = new RegExp(WHITE, 'gu');
const EACH_PUNCTUATION = new RegExp(PUNCTUATION, 'gu');
const WORDS = new RegExp(`[${WORD}]+|[^${WORD}${WHITE}]+`, 'gu');

function createStep(step: PreTokenizerStep, path: string, bytesLater: boolean): Step[] {
  const where = `${path}: its pre_tokenizer ${step.type}`;
  switch (step.type) {
    case 'ByteLevel': {
      const { add_prefix_space: prefix = true, use_regex: words = true } = step;
      const steps: Step[] = [];
      if (prefix) steps.push((text) => [text.startsWith(' ') ? text : ` ${text}`]);
      if (words) steps.push((text) => text.match(BYTE_LEVEL_PATTERN) ?? []);
      if (!bytesLater) steps.push((text) => [toByteCharacters(text)]);
      return steps;
    }
    case 'Metaspace':
      return createMetaspace(step, where);
    case 'Split': {
      const pattern = compilePattern(step.pattern, where);
      return [splitter(pattern, behaviorOf(step, 'Removed', where), step.invert === true)];
    }
    case 'Whitespace':
      return [(text) => text.match(WORDS) ?? []];
    case 'WhitespaceSplit':
      return [splitter(EACH_WHITE, 'Removed')];
    case 'BertPreTokenizer':
      return [splitter(EACH_WHITE, 'Removed'), splitter(EACH_PUNCTUATION, 'Isolated')];
    case 'Punctuation':
      return [splitter(EACH_PUNCTUATION, behaviorOf(step, 'Isolated', where))];
    case 'Digits':
      return [splitter(/\p{N}/gu, step.individual_digits === true ? 'Isolated' : 'Contiguous')];
    case 'CharDelimiterSplit':
      return [splitter(new RegExp(escapeRegExp(step.delimiter ?? ''), 'gu'), 'Removed')];
    case 'FixedLength':
      return [createFixedLength(step.length ?? 5, where)];
    default:
      throw unsupported(where, 'is unknown here');
  }
}

function behaviorOf({ behavior }: PreTokenizerStep, absent: Behavior, where: string): Behavior {
  const found = BEHAVIORS.find((each) => each === (behavior ?? absent));
  if (found === undefined) throw unsupported(where, `has the behavior ${JSON.stringify(behavior)}`);
  return found;
}

const SCHEMES = ['always', 'first', 'never'];

function createMetaspace(step: PreTokenizerStep, where: string): Step[] {
  const { replacement = '▁', add_prefix_space: prefix = true, split = true } = step;
  const scheme = step.prepend_scheme ?? (prefix ? 'always' : 'never');
  if (!SCHEMES.includes(scheme)) throw unsupported(where, `has the prepend_scheme ${JSON.stringify(scheme)}`);
  const mark: Step = (text, first) => {
    const marked = text.replaceAll(' ', () => replacement);
    const prepends = scheme === 'always' || (scheme === 'first' && first);
    return [prepends && !marked.startsWith(replacement) ? replacement + marked : marked];
  };
  return split ? [mark, splitter(new RegExp(escapeRegExp(replacement), 'gu'), 'MergedWithNext')] : [mark];
}

function createFixedLength(length: number, where: string): Step {
  if (!Number.isSafeInteger(length) || length < 1) throw unsupported(where, `has the length ${length}`);
  const pattern = new RegExp(`[^]{1,${length}}`, 'gu');
  return (text) => text.match(pattern) ?? [];
}
