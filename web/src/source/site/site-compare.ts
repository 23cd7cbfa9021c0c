import { noBank } from '../../../../src/answers/problem.ts';
import { comparisonOf, matchedNumber } from '../../../../src/compare/compare-banks.ts';
import type { Measured } from '../../../../src/compare/measure-bank.ts';
import { MATCHED_UNITS } from '../../../../src/contract/constants.ts';
import { block, type SiteCompare, type SiteHead } from '../../../../src/contract/site.ts';
import { eachCompared } from '../../../../src/polysemy/column-lists.ts';
import type { Comparison, LinkageMethod, MatchedComparison } from '../answers.ts';
import type { SiteFiles } from './site-files.ts';
import type { SiteTable } from './site-table.ts';

/** Banks side by side, as the study holds them. */
export async function siteComparison(
  files: SiteFiles,
  head: SiteHead,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<Comparison> {
  const ids = names.map((name) => bankId(head, name));
  const { banks, counts } = await files.json<SiteCompare>(block.compare, signal);
  const live = new Set(ids.flatMap((id) => counts[id]!));
  live.delete(0);
  return { matched: live.size <= 1, banks: ids.map((id) => banks[id]!) };
}

/** Banks side by side at equal numbers of examples: from units that were split anew when the site was made. */
export async function siteMatched(
  files: SiteFiles,
  head: SiteHead,
  table: SiteTable,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<MatchedComparison> {
  const ids = names.map((name) => bankId(head, name));
  const [listed, { chosen }] = await Promise.all([
    table.table(['examples']),
    files.json<SiteCompare>(block.compare, signal),
  ]);
  const sources = ids.map((id) => {
    const { name, units } = head.study.banks[id]!;
    const { start, end } = listed.bank(name);
    const counts = new Uint32Array(units);
    const examples = listed.metric('examples', start, end);
    listed.index(start, end).forEach((index, i) => {
      counts[index] = examples[i]!;
    });
    const how = chosen[id] ?? null;
    return { name, counts, ...(how === null ? {} : { chosen: how }) };
  });
  const examples = matchedNumber(sources);
  const found = await files.arrays<Record<string, Float64Array | Uint32Array>>(
    block.matched(examples),
    signal,
  );
  const measured = ids.map((id, i): Measured => {
    const [compared, tooFew] = found[`units_${id}`]!;
    return {
      source: sources[i]!,
      compared: compared!,
      tooFew: tooFew!,
      own: eachCompared((metric) => found[`own_${id}_${metric}`] as Float64Array),
      null: eachCompared((metric) => found[`null_${id}_${metric}`] as Float64Array),
    };
  });
  const { linkage, threshold } = head.study.options as { linkage: LinkageMethod; threshold: number };
  const comparison = comparisonOf(measured, { linkage, threshold }, { examples, seed: 0 });
  return { ...comparison, linkage, mostUnits: MATCHED_UNITS } as unknown as MatchedComparison;
}

function bankId({ study: { banks } }: SiteHead, name: string): number {
  const id = banks.findIndex((bank) => bank.name === name);
  if (id >= 0) return id;
  throw noBank(
    name,
    banks.map((bank) => bank.name),
  );
}
