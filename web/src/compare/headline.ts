import type { ComparedMetric } from '../../../src/polysemy/column-lists.ts';
import type { Bank, MatchedComparison } from '../source/answers.ts';

/** The calibrated measure of how many things a unit is; where features are a cut, their number. */
const MEASURES: readonly ComparedMetric[] = ['effectiveFeatures', 'effectiveClusters'];

/** The answer of a comparison of two banks in a sentence, with its interval; null where there is none to give. */
export function headline({ banks, differences, examples }: MatchedComparison): string | null {
  const found = MEASURES.map((measure) => differences.find(({ metric }) => metric === measure)).find(
    (difference) => difference !== undefined,
  );
  if (found === undefined || banks.length !== 2) return null;
  const { superiority, superiorityInterval, differs } = found;
  const [a, b] = found.banks;
  const less = superiority < 0.5;
  const [share, low, high] = less
    ? [1 - superiority, 1 - superiorityInterval[1], 1 - superiorityInterval[0]]
    : [superiority, ...superiorityInterval];
  const percent = (value: number): string => String(Math.round(100 * value));
  const interval = `${percent(share!)} % [${percent(low!)}, ${percent(high!)}]`;
  const pairs = `of pairs of units at ${examples} examples each`;
  if (differs === null) {
    return `Units of ${less ? b : a} have more features than those of ${less ? a : b} in ${interval} ${pairs}. This does not say which are more polysemantic, as their examples were not drawn alike (below).`;
  }
  if (!differs)
    return `No clear difference: units of ${a} have more features than those of ${b} in ${percent(superiority)} % [${superiorityInterval.map(percent).join(', ')}] ${pairs}.`;
  return `Units of ${a} are ${less ? 'less' : 'more'} polysemantic than those of ${b} in ${interval} ${pairs}.`;
}

/** The pair that is compared where none is asked for: an SAE and the layer that it reads, else the first and the last bank. */
export function firstPair(banks: readonly Pick<Bank, 'name' | 'kind' | 'site'>[]): string[] {
  const layer = (site: string): string | undefined => /^blocks\.\d+\./.exec(site)?.[0];
  for (const sae of banks) {
    if (sae.kind !== 'sae') continue;
    const read = banks.find(({ kind, site }) => kind === 'mlp' && layer(site) === layer(sae.site));
    if (read !== undefined) return [read.name, sae.name];
  }
  const names = [banks[0], banks.at(-1)].flatMap((bank) => (bank === undefined ? [] : [bank.name]));
  return [...new Set(names)];
}
