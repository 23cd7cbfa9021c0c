import { banksAnswer, metricsAnswer, unitRow } from '../../answers/lists.ts';
import type { StudySource } from '../../answers/served-study.ts';
import { tableQuery } from '../../answers/units-page.ts';
import { pack } from '../../base/pack.ts';
import { block, ROWS } from '../../contract/site.ts';
import { METRICS, WORD_COLUMNS } from '../../polysemy/column-lists.ts';
import { wordPlace } from '../../polysemy/order.ts';
import type { BlockWriter } from './blocks.ts';

/** What a column of words has for none. */
const NO_WORD = 255;

/** Writes the table of units: its rows in the order in which the study page lists them first, and its columns. */
export async function writeLists(
  source: StudySource,
  blocks: BlockWriter,
  onRows: (done: number) => void,
): Promise<void> {
  const { table } = source;
  const bank = table.bankOf(0, table.size);
  const order = table.select(tableQuery({ sort: 'verdict', order: 'desc' }));
  await blocks.json(block.banks, banksAnswer(source));
  await blocks.write(block.order, pack({ order, bank, index: table.index(0, table.size) }));
  const figures = metricsAnswer(source, undefined) as Record<string, Float32Array>;
  for (const metric of METRICS) {
    await blocks.write(block.column(metric), pack({ values: table.metric(metric, 0, table.size) }));
    await blocks.write(block.figure(metric), pack({ values: figures[metric]! }));
  }
  for (const name of WORD_COLUMNS) {
    const words = Array.from({ length: table.size }, (_, row) => table.summary(row)[name]);
    const places = Uint8Array.from(words, (word) => (word === null ? NO_WORD : wordPlace(name, word)));
    await blocks.write(block.column(name), pack({ places }));
  }
  for (let at = 0; at < order.length; at += ROWS) {
    const rows = Array.from(order.subarray(at, at + ROWS), (row) => unitRow(source, row));
    await blocks.json(block.rows(at / ROWS), rows);
    onRows(Math.min(order.length, at + ROWS));
  }
}
