import type { CsvValue } from '../../../src/base/csv.ts';
import { LISTED } from '../../../src/polysemy/column-lists.ts';
import type { UnitRow, Units } from '../source/answers.ts';
import { source } from '../source/chosen.ts';
import type { Params } from '../source/source.ts';
import { saveCsv } from '../ui/save-file.ts';

/** Saves all units of a query, in its order, page by page. */
export async function saveUnits(name: string, params: Params): Promise<void> {
  const rows: CsvValue[][] = [['unit', 'name', 'words', ...LISTED]];
  let cursor: string | undefined;
  do {
    const { units, next }: Units = await source().units({ ...params, limit: 1000, cursor });
    for (const unit of units) rows.push(unitCells(unit));
    cursor = next ?? undefined;
  } while (cursor !== undefined);
  saveCsv(name, rows);
}

function unitCells(unit: UnitRow): CsvValue[] {
  return [
    `${unit.bank}/${unit.index}`,
    unit.features[0]?.name?.text ?? '',
    unit.features[0]?.words.join(' ') ?? '',
    ...LISTED.map((name) => unit[name]),
  ];
}
