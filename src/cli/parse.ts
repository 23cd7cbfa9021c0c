import { InvalidArgumentError } from 'commander';

/** Parsers of values with a form of their own; what they refuse is wrong usage (exit 2). */

/** `0,2-5` → [0, 2, 3, 4, 5] */
export function layerList(text: string): number[] {
  const layers = text.split(',').flatMap((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || last < first || last > 10_000) {
      throw new InvalidArgumentError('It must list layers and ranges, such as 0,2-5.');
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  return [...new Set(layers)].sort((a, b) => a - b);
}

/** `mlp.2/137` → its bank and index; the name splits at the last slash. */
export function unitName(text: string): { bank: string; index: number } {
  const slash = text.lastIndexOf('/');
  const index = Number(text.slice(slash + 1));
  if (slash < 1 || !/^\d+$/.test(text.slice(slash + 1)) || !Number.isSafeInteger(index)) {
    throw new InvalidArgumentError('It must be BANK/INDEX, such as mlp.2/137.');
  }
  return { bank: text.slice(0, slash), index };
}

/** `3/64` → number 3 of 64 */
export function numberOf(text: string): { number: number; of: number } {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(text.trim());
  const [number, of] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && number >= 1 && number <= of) return { number, of };
  throw new InvalidArgumentError('It must be i/n, from 1/n to n/n, such as 3/64.');
}
