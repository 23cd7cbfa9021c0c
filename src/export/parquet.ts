import { existsSync } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { makeWhole } from '../base/files.ts';
import { checkAborted, type LongCall, type Progress } from '../base/progress.ts';
import { visibleJson } from '../base/visible.ts';
import { PolysemeError } from '../errors.ts';
import type { Study } from '../study/study.ts';
import { notedUnits } from './noted.ts';
import { columnValues, parquetSchema, type Row, TABLES, type Table } from './tables.ts';

/** How many units are written. */
export interface ExportProgress extends Progress {
  readonly stage: 'export' | 'upload';
  readonly unit: 'units';
}

/** Rows of a row group: a reader takes a group at a time. */
const GROUP = 8192;

/**
 * Writes a study as a folder of tables: `units.parquet`, `features.parquet`, `examples.parquet` (joined by `bank`, `unit` and
 * `feature`), and `study.json`, what `info` says of it. The folder appears whole or not at all.
 *
 * @param options.bank only the units of this bank
 * @throws PolysemeError where the folder is there already or cannot be written
 */
export async function writeParquet(
  study: Study,
  dir: string,
  { bank, onProgress, signal }: { readonly bank?: string } & LongCall<ExportProgress> = {},
): Promise<void> {
  if (existsSync(dir)) {
    throw new PolysemeError(
      `${dir} is there already: remove it, or choose another folder (option out)`,
      'exists',
    );
  }
  const units = study.units({ bank });
  const noted = notedUnits(study);
  await makeWhole(dir, async (folder) => {
    await mkdir(folder);
    await writeFile(join(folder, 'study.json'), `${visibleJson(study.info())}\n`);
    const tables = await Promise.all(TABLES.map((table) => openTable(table, folder, study)));
    try {
      for (const [done, unit] of units.entries()) {
        checkAborted(signal);
        const split = noted(unit.bank, unit.index);
        for (const table of tables) await table.add(split);
        onProgress?.({ stage: 'export', unit: 'units', done: done + 1, total: units.length });
      }
      for (const table of tables) await table.finish();
    } finally {
      for (const table of tables) await table.close();
    }
  });
}

/** A table's file, written a row group at a time. */
async function openTable(table: Table, folder: string, study: Study) {
  const file = await open(join(folder, `${table.name}.parquet`), 'wx');
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({
    writer: bytes,
    schema: parquetSchema(table),
    createdBy: 'polyseme',
    kvMetadata: [{ key: 'polyseme.study', value: JSON.stringify({ contentHash: study.info().contentHash }) }],
  });
  let rows: Row[] = [];
  /** Puts what is written so far into the file; the writer's offset goes on. */
  const flush = async () => {
    await file.writeFile(new Uint8Array(bytes.buffer, 0, bytes.index));
    bytes.index = 0;
  };
  const writeGroup = async () => {
    const columnData = Object.entries(table.columns).map(([name, kind]) => ({
      name,
      data: columnValues(rows, name, kind),
    }));
    await writer.write({ columnData, rowGroupSize: rows.length });
    rows = [];
    await flush();
  };
  return {
    async add(unit: Parameters<Table['rows']>[0]) {
      rows.push(...table.rows(unit));
      if (rows.length >= GROUP) await writeGroup();
    },
    async finish() {
      if (rows.length > 0) await writeGroup();
      writer.finish();
      await flush();
      await file.sync();
    },
    close: () => file.close(),
  };
}
