import type { Example } from '../source/answers.ts';

/** Letters that names must have in common to be left out. */
const LEAST = 8;

/** How documents are called beside a passage: what all names begin with is left out; null where there is one document. */
export function documentNames(examples: readonly Example[]): ((name: string) => string) | null {
  const names = [...new Set(examples.map(({ document }) => document))];
  if (names.length < 2) return null;
  let shared = 0;
  while (names.every((name) => name[shared] !== undefined && name[shared] === names[0]![shared])) shared++;
  // Digits of a number are not cut apart.
  const start = /[\p{L}\p{N}]*$/u.exec(names[0]!.slice(0, shared))!.index;
  return start < LEAST ? (name) => name : (name) => `…${name.slice(start)}`;
}
