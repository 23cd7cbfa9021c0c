import type { BankVectors } from '../study/vectors-file.ts';
import type { NearRow } from './nearest.ts';

/** The contexts of some features, one a row: those of row r end at `contextEnds[r]`, each id once. */
export type ContextSets = Pick<BankVectors, 'contexts' | 'contextEnds'>;

/**
 * The features whose examples lie in the same contexts as given ones: Jaccard, the contexts of both over those of either.
 * Features without a common context are left out.
 * @param skip rows that are left out: those from `first` to before `end` of a table
 */
export function nearestByContexts(
  tables: readonly ContextSets[],
  ids: Uint32Array,
  limit: number,
  skip: { readonly table: number; readonly first: number; readonly end: number } | null,
): NearRow[] {
  const asked = new Uint8Array(ids.reduce((most, id) => Math.max(most, id + 1), 0));
  for (const id of ids) asked[id] = 1;
  const found: NearRow[] = [];
  tables.forEach(({ contexts, contextEnds }, table) => {
    let at = 0;
    for (let row = 0; row < contextEnds.length; row++) {
      const start = at;
      let common = 0;
      for (const end = contextEnds[row]!; at < end; at++) common += asked[contexts[at]!] ?? 0;
      if (common === 0 || (skip?.table === table && row >= skip.first && row < skip.end)) continue;
      found.push({ table, row, similarity: common / (at - start + ids.length - common) });
    }
  });
  return found
    .sort((a, b) => b.similarity - a.similarity || a.table - b.table || a.row - b.row)
    .slice(0, limit);
}
