import { copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import Database from 'libsql';
import { beforeAll, expect, test, vi } from 'vitest';
import type { Metric } from '../../src/polysemy/column-lists.ts';
import type { Column } from '../../src/polysemy/columns.ts';

// The table of metrics with two entries more: a number and a word, which older studies lack.
vi.mock(import('../../src/polysemy/columns.ts'), async (original) => {
  const entry = {
    meaning: 'Fox.',
    more: '',
    first: 'most',
    from: 'Hen.',
    source: 'Fable 1',
    nullable: true,
    brief: true,
  } as const;
  const kept = { compared: true, cut: false, stored: true, group: 'beside' } as const;
  const added: Record<string, Column> = {
    foxes: { ...entry, ...kept, title: 'Foxes', short: 'fox', type: 'integer', format: 'whole', place: 1 },
    den: {
      ...entry,
      ...kept,
      compared: false,
      title: 'Den',
      short: 'den',
      type: 'word',
      words: ['one', 'several'],
      format: 'word',
      place: 1.5,
    },
  };
  return { COLUMNS: { ...(await original()).COLUMNS, ...added } };
});

const { StudyWriter } = await import('../../src/study/writer.ts');
const { openStudy } = await import('../../src/study/open-study.ts');
const { createServer } = await import('../../src/server/api.ts');
const { LISTED, COMPARED } = await import('../../src/polysemy/column-lists.ts');
const { formatMetric, METRIC_LIST, metricInfo, WORD_LIST } = await import('../../web/src/ui/metric-info.ts');
const { COLUMNS } = await import('../../src/polysemy/columns.ts');
const { writeStudy } = await import('../helpers/written-study.ts');
const { metricsPage } = await import('../helpers/metrics-page.ts');
const { define } = await import('../../src/cli/units.ts');

const folder = mkdtempSync(join(tmpdir(), 'columns-'));
const path = join(folder, 'new.db');
const old = join(folder, 'old.db');
const foxes = 'foxes' as Metric;

beforeAll(() => {
  const { writeUnits } = StudyWriter.prototype;
  vi.spyOn(StudyWriter.prototype, 'writeUnits').mockImplementation(function (this: never, bank, records) {
    const computed = (index: number) => ({
      foxes: index === 2 ? null : index,
      den: index ? 'several' : 'one',
    });
    writeUnits.call(
      this,
      bank,
      records.map((record) => ({ ...record, metrics: { ...record.metrics, ...computed(record.index) } })),
    );
  });
  writeStudy({
    path,
    banks: [{ name: 'mlp.0', units: 4 }],
    examples: () => 6,
    contexts: [['a', 'b']],
  });
  vi.restoreAllMocks();
  copyFileSync(path, old);
  const db = new Database(old);
  for (const name of ['foxes', 'den', 'digest']) db.exec(`ALTER TABLE units DROP COLUMN ${name}`);
  db.close();
});

test('a study keeps a new column, sorts by it, and reads older studies, which lack it', () => {
  const study = openStudy(path);
  const units = study.units({ sort: foxes, descending: true });
  expect(units.map((unit) => [unit[foxes], (unit as unknown as { den: string }).den])).toEqual([
    [3, 'several'],
    [1, 'several'],
    [0, 'one'],
    [null, 'several'],
  ]);
  study.close();
  const older = openStudy(old);
  expect(older.units({ sort: foxes })).toHaveLength(4);
  expect(older.units()[0]).toMatchObject({ foxes: null, den: null, examples: 6 });
  expect(older.unit('mlp.0', 1)).toMatchObject({ foxes: null, den: null });
  older.close();
});

test('the API answers with it, sorts, filters, ranks and describes it', async () => {
  const study = openStudy(path);
  const server = createServer(study);
  const get = async <Answer>(address: string) =>
    (await server.fetch(new Request(`http://localhost${address}`))).json() as Promise<Answer>;
  const { units } = await get<{ units: { foxes: number; den: string }[] }>(
    '/api/units?sort=foxes&order=desc&max.foxes=1',
  );
  expect(units.map(({ foxes, den }) => [foxes, den])).toEqual([
    [1, 'several'],
    [0, 'one'],
  ]);
  expect((await get<{ ranks: { foxes: object } }>('/api/units/mlp.0/3')).ranks.foxes).toEqual({
    rank: 1,
    of: 3,
    ties: 1,
  });
  expect(
    (await get<{ banks: [{ summary: { foxes: object } }] }>('/api/banks')).banks[0].summary.foxes,
  ).toMatchObject({ count: 3, max: 3 });
  expect((await get<{ metrics: string[] }>('/api/study')).metrics).toContain('foxes');
  type Document = { components: { schemas: { UnitRow: { properties: object } } } };
  const { properties } = (await get<Document>('/openapi.json')).components.schemas.UnitRow;
  expect(properties).toMatchObject({
    foxes: { description: 'Fox. (Fable 1)' },
    den: { description: 'Fox. (Fable 1)' },
  });
  study.close();
});

test('comparisons have it, the explorer lists it, and the page of metrics describes it', () => {
  expect(COMPARED).toContain('foxes');
  expect(LISTED.slice(0, 2)).toEqual(['foxes', 'den']);
  expect(METRIC_LIST[0]).toMatchObject({ name: 'Foxes', short: 'fox', sentence: 'Fox.', whole: true });
  expect(WORD_LIST).toContainEqual(expect.objectContaining({ name: 'den', title: 'Den' }));
  expect(formatMetric(foxes, 12345)).toBe('12,345');
  expect(metricInfo(foxes).first).toBe('most');
  expect(metricsPage(COLUMNS)).toContain('| `den`');
});

test('`polyseme units` takes it, shows it and explains it', async () => {
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
  try {
    const command = new Command('units').exitOverride();
    define(command);
    command.outputHelp();
    await command.parseAsync([path, '--sort', 'foxes', '--desc', '--limit', '1'], { from: 'user' });
  } finally {
    write.mockRestore();
  }
  const output = lines.join('');
  expect(output).toMatch(/^ {2}foxes +Fox\.$/m);
  expect(output).toMatch(/unit +fox +den/);
  expect(output).toMatch(/mlp\.0\/3 +3 +several/);
});
