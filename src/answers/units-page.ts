import { hashText } from '../base/hash.ts';
import type { UnitsQuery } from '../contract/queries.ts';
import type { RandomAnswer, UnitsAnswer } from '../contract/unit-answers.ts';
import { METRICS, WORD_COLUMNS } from '../polysemy/column-lists.ts';
import type { ListedUnits, TableQuery } from './listed-units.ts';
import { HttpProblem } from './problem.ts';

/** What a query of the API asks of the table, but for its words, which a search answers. */
export function tableQuery(query: Omit<UnitsQuery, 'limit'>): TableQuery {
  const { bank, expert, sort, order } = query;
  const ranges = METRICS.map((metric) => ({
    metric,
    min: query[`min.${metric}`],
    max: query[`max.${metric}`],
  })).filter(({ min, max }) => min !== undefined || max !== undefined);
  if (expert !== undefined) ranges.push({ metric: 'expert', min: expert, max: expert });
  const words = WORD_COLUMNS.flatMap((name) => {
    const word = query[name];
    return word === undefined ? [] : [{ name, word }];
  });
  return { bank, sort, descending: order === 'desc', ranges, words };
}

/**
 * The rows of one page of the units that a query chooses.
 * @param select the rows that are chosen; `key` names what is asked
 */
export function unitsPage(
  query: UnitsQuery,
  select: (chosen: TableQuery, key: string) => Uint32Array,
): { readonly rows: Uint32Array } & Pick<UnitsAnswer, 'next' | 'total'> {
  const { limit, cursor, offset } = query;
  if (cursor !== undefined && offset !== undefined) {
    throw new HttpProblem(400, 'query parameters cursor and offset exclude each other');
  }
  const chosen = tableQuery(query);
  const key = JSON.stringify([chosen, query.q]);
  const digest = [key, `${key} again`].map((text) => hashText(text).toString(36)).join('');
  const first = cursor === undefined ? (offset ?? 0) : offsetOf(cursor, digest);
  const rows = select(chosen, key);
  const last = first + limit;
  return {
    rows: rows.subarray(first, last),
    next: last < rows.length ? `${last}.${digest}` : null,
    total: rows.length,
  };
}

function offsetOf(cursor: string, digest: string): number {
  const match = /^(\d{1,9})\.([\w-]+)$/.exec(cursor);
  if (match?.[2] !== digest) {
    throw new HttpProblem(
      400,
      `query parameter cursor is ${JSON.stringify(cursor)}: it must be \`next\` of a page of the same query`,
    );
  }
  return Number(match[1]);
}

/** A unit by chance: one with examples, where there is one. */
export function randomUnit(table: ListedUnits, bank: string | undefined): RandomAnswer {
  const { start, end } = bank === undefined ? { start: 0, end: table.size } : table.bank(bank);
  if (start === end) throw new HttpProblem(404, 'there is no unit in the study yet');
  const examples = table.metric('examples', start, end);
  const alive = Uint32Array.from(examples.keys()).filter((row) => examples[row]! > 0);
  const pick = Math.random();
  return table.name(
    start + (alive.length > 0 ? alive[Math.floor(pick * alive.length)]! : Math.floor(pick * (end - start))),
  );
}
