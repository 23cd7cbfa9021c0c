// What a language model is asked, and how its answers are read: small models answer in many ways.

/** Tokens to each side of the peak that are shown. */
const AROUND = 16;

/** A passage as it is shown: what stands at the peak lies between « and ». */
export function passage(tokens: readonly string[], position: number): string {
  const part = (from: number, to: number): string =>
    tokens.slice(Math.max(0, from), Math.max(0, to)).join('').replaceAll(/\s+/g, ' ');
  const peak = tokens[position]!.replaceAll('\n', '↵');
  const space = /^ /.test(peak) ? ' ' : '';
  return `${part(position - AROUND, position)}${space}«${peak.trim()}»${part(position + 1, position + AROUND + 1)}`.trim();
}

function numbered(passages: readonly string[]): string {
  return passages.map((text, i) => `${i + 1}. ${text}`).join('\n');
}

/** Asks for a name of a feature. @param others of the unit's other features */
export function namePrompt(own: readonly string[], others: readonly string[]): string {
  const contrast =
    others.length === 0
      ? ''
      : `\n\nThese passages are of another kind, and the description must not fit them:\n\n${numbered(others)}`;
  return `In each of these passages one token is marked « ». A neuron responds to these tokens:\n\n${numbered(own)}${contrast}\n\nWhat do the marked tokens of the first list have in common, in themselves or in what stands around them? Answer with one short description of at most ten words, and nothing else.`;
}

/** Asks which passages a name is true of. */
export function detectPrompt(name: string, passages: readonly string[]): string {
  return `Description: ${name}\n\nIn each of these passages one token is marked « »:\n\n${numbered(passages)}\n\nFor which passages is the description true of the marked token? Answer with ${passages.length} numbers in one line, separated by commas: 1 where it is true, 0 where it is not. Nothing else.`;
}

/** Asks which passage is the intruder. */
export function intruderPrompt(passages: readonly string[]): string {
  return `In each of these passages one token is marked « ». In all but one of them the marked tokens are there for the same reason; one is an intruder:\n\n${numbered(passages)}\n\nWhich passage is the intruder? Answer with its number alone, from 1 to ${passages.length}.`;
}

/** Longest name, in characters. */
const LONGEST_NAME = 200;

/** The name in an answer; null where there is none. */
export function parseName(answer: string): string | null {
  const lines = answer
    .split('\n')
    .map((line) =>
      line
        .replaceAll(/[*_`#>]+/g, '')
        .replace(/^\s*(?:[-•]|\d+[.)])\s+/, '')
        .replace(/^\s*(?:description|name|answer)\s*:\s*/i, '')
        .replace(/^["“'‹«]+|["”'›»]+$/g, '')
        .trim(),
    )
    .filter((line) => /[\p{L}\p{N}]/u.test(line));
  // "Sure, here is a description:" and the like announce it.
  const name = lines.find((line) => !line.endsWith(':')) ?? null;
  if (name === null) return null;
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name.replace(/\.$/, '');
}

const YES = /^(?:1|yes|true)$/i;
const VERDICT = /\b(?:yes|true|no|false)\b|(?<![\d.])[01](?![\d.])/gi;

/**
 * The verdicts in an answer, one for each of `count` passages: a list (1, 0, 1), or a line for each ("2. yes"). Null for
 * those that it does not tell.
 */
export function parseVerdicts(answer: string, count: number): (boolean | null)[] {
  const verdicts: (boolean | null)[] = new Array(count).fill(null);
  const lines = [
    ...answer.matchAll(
      /(?:^|[\n,;{])\s*["']?(?:passage\s+)?(\d{1,3})["']?\s*[.):=-]+\s*["']?(yes|true|no|false|[01])\b/gi,
    ),
  ];
  const named = lines.filter(([, number]) => Number(number) >= 1 && Number(number) <= count);
  if (named.length > 0) {
    for (const [, number, verdict] of named) verdicts[Number(number) - 1] = YES.test(verdict!);
    return verdicts;
  }
  const found = answer.match(VERDICT) ?? [];
  // More or fewer than there are passages: which is which cannot be told.
  if (found.length === count)
    found.forEach((verdict, i) => {
      verdicts[i] = YES.test(verdict);
    });
  return verdicts;
}

/** The choice in an answer, from 0: the number that it begins with, or the only one; null where it names none of `count`. */
export function parseChoice(answer: string, count: number): number | null {
  const first =
    /^\W*(?:(?:the )?(?:intruder|answer|passage|number)[\s\w]{0,20}?\W{0,4})?(\d{1,3})(?![\d.]\d)/i.exec(
      answer,
    )?.[1];
  if (first !== undefined && Number(first) >= 1 && Number(first) <= count) return Number(first) - 1;
  const numbers = (answer.match(/(?<![\d.])\d{1,3}(?!\d)/g) ?? []).map(Number);
  const choices = new Set(numbers.filter((number) => number >= 1 && number <= count));
  return choices.size === 1 ? [...choices][0]! - 1 : null;
}
