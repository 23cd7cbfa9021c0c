import {
  copyFileSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { notesLine } from '../../src/explain/notes.ts';
import { jsonLines } from '../../src/export/jsonl.ts';
import { writeExport } from '../../src/export/out-file.ts';
import { writeParquet } from '../../src/export/parquet.ts';
import { html, unitHtml } from '../../src/export/unit-html.ts';
import { LISTED } from '../../src/polysemy/column-lists.ts';
import { appendNoteLine, notesPath } from '../../src/study/notes-file.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { writeStudy } from '../helpers/written-study.ts';

const HOSTILE = [
  '<script>alert(1)</script>',
  '\u202e',
  ' "quoted"',
  '\u0000',
  '=1+1',
  '\ud800',
  '&amp;',
  "'",
];
const NOTE = '</p><script>alert(2)</script> \u202e a note';
let folder: string;
let study: Study;
/** Ids of the features of mlp.0/3 that the note is on. */
let noted: number[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'polyseme-export-'));
  const path = join(folder, 'study.db');
  writeStudy({
    path,
    banks: [
      { name: 'mlp.0', units: 4 },
      { name: 'sae/a', units: 2 },
    ],
    // A dead unit, one of a single example, and others.
    examples: (unit) => [12, 0, 1, 30][unit]!,
    contexts: [HOSTILE, ['one', ' two', ' three'], ['\n', '</td>', 'é']],
    documents: ['<b>book</b>', 'plain', '\u001b[31m'],
    words: (unit, feature) => [`word${unit}.${feature}`, '<i>'],
    names: (_, feature) =>
      feature === 0 ? { text: '‹a› after "b"', precision: 0.5, recall: 0.75, falseAlarms: null } : null,
  });
  study = openStudy(path);
  const at = new Date(0).toISOString();
  const { features } = study.unit('mlp.0', 3);
  const { context, position } = features[1]!.examples[0]!;
  // The written study repeats its contexts: other features have an example at the same place.
  noted = features.flatMap(({ id, examples }) =>
    examples.some((one) => one.context === context && one.position === position) ? [id] : [],
  );
  for (const line of [
    { place: null, star: true, note: 'of the unit' },
    { place: { context, position }, star: false, note: NOTE },
  ]) {
    appendNoteLine(notesPath(path), notesLine({ kind: 'note', at, bank: 'mlp.0', index: 3, ...line }));
  }
});

afterAll(() => {
  study?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The rows of a query, as JSON values. */
async function query(sql: string): Promise<Record<string, unknown>[]> {
  const connection = await (await DuckDBInstance.create()).connect();
  const reader = await connection.runAndReadAll(sql);
  return reader.getRowObjectsJson() as Record<string, unknown>[];
}

test('JSON lines: the study, then each unit as it is', () => {
  const lines = [...jsonLines(study)]
    .join('')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.length).toBe(7);
  expect(lines[0]).toEqual({ study: JSON.parse(JSON.stringify(study.info())) });
  const unit = JSON.parse(JSON.stringify(study.unit('mlp.0', 3)));
  const { star, note, features, ...rest } = lines[4];
  expect(rest).toEqual({ ...unit, features: undefined });
  expect([star, note]).toEqual([true, 'of the unit']);
  expect(features).toEqual(
    unit.features.map((feature: object, id: number) => ({
      ...feature,
      star: false,
      note: noted.includes(id) ? NOTE : '',
    })),
  );
  expect(lines[1]).toMatchObject({ star: false, note: '' });
  expect([...jsonLines(study, 'sae/a')].join('').trimEnd().split('\n').length).toBe(3);
  expect(() => [...jsonLines(study, 'mlp.9')]).toThrow(/no bank mlp\.9/);
});

test('Parquet: another reader finds every unit, feature and example, lists and hostile text included', async () => {
  const dir = join(folder, 'tables');
  const seen: number[] = [];
  await writeParquet(study, dir, { onProgress: ({ done }) => seen.push(done) });
  expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
  expect(readdirSync(dir).sort()).toEqual([
    'examples.parquet',
    'features.parquet',
    'study.json',
    'units.parquet',
  ]);
  expect(JSON.parse(readFileSync(join(dir, 'study.json'), 'utf8')).contentHash).toBe(
    study.info().contentHash,
  );

  const units = await query(`SELECT * FROM '${dir}/units.parquet'`);
  expect(units.map(({ bank, unit }) => `${bank}/${unit}`)).toEqual([
    ...[0, 1, 2, 3].map((i) => `mlp.0/${i}`),
    'sae/a/0',
    'sae/a/1',
  ]);
  for (const [i, row] of units.entries()) {
    const unit = study.units()[i]!;
    for (const name of LISTED) {
      const value = row[name];
      if (typeof unit[name] === 'number') expect(Number(value)).toBe(unit[name]);
      else expect(value).toBe(unit[name]);
    }
  }

  const { features } = study.unit('mlp.0', 3);
  const rows = await query(
    `SELECT * FROM '${dir}/features.parquet' WHERE bank = 'mlp.0' AND unit = 3 ORDER BY feature`,
  );
  expect(rows.length).toBe(features.length);
  expect(rows[0]).toMatchObject({ name: '‹a› after "b"', precision: 0.5, recall: 0.75, falseAlarms: null });
  expect(rows.map(({ words }) => words)).toEqual(features.map(({ words }) => [...words]));
  expect(rows.map(({ note }) => note)).toEqual(features.map(({ id }) => (noted.includes(id) ? NOTE : '')));
  expect(units.map(({ star }) => star)).toEqual([false, false, false, true, false, false]);

  const examples = await query(
    `SELECT * FROM '${dir}/examples.parquet' WHERE bank = 'mlp.0' AND unit = 3 ORDER BY example`,
  );
  const expected = features
    .flatMap(({ id, examples: of }) => of.map((example) => ({ ...example, feature: id })))
    .sort((a, b) => a.id - b.id);
  expect(examples.length).toBe(30);
  for (const [i, row] of examples.entries()) {
    const one = expected[i]!;
    // A half of a surrogate pair has no UTF-8.
    expect(row['tokens']).toEqual(one.tokens.map((token) => token.replace('\ud800', '\ufffd')));
    expect(row['activations']).toEqual(one.activations.map((value) => Math.fround(value)));
    expect(row['special']).toEqual(one.special.map(String));
    expect([row['document'], Number(row['feature']), Number(row['position'])]).toEqual([
      one.document,
      one.feature,
      one.position,
    ]);
    expect(row['activation']).toBe(Math.fround(one.activation));
  }
  // Joined, they are one study.
  const [joined] = await query(
    `SELECT count(*) AS n, sum(size) AS s FROM '${dir}/features.parquet' JOIN '${dir}/units.parquet' USING (bank, unit)`,
  );
  const sizes = study.units().map(({ bank, index }) => study.unit(bank, index).features);
  expect(Number(joined!['n'])).toBe(sizes.flat().length);
  expect(Number(joined!['s'])).toBe(sizes.flat().reduce((sum, { size }) => sum + size, 0));
});

test('Parquet: a bank alone; a stopped export leaves nothing; a folder that is there is not replaced', async () => {
  const dir = join(folder, 'stopped');
  const control = new AbortController();
  await expect(
    writeParquet(study, dir, {
      signal: control.signal,
      onProgress: ({ done }) => done === 2 && control.abort(),
    }),
  ).rejects.toMatchObject({ code: 'aborted' });
  expect(readdirSync(folder).filter((name) => name.includes('stopped'))).toEqual([]);
  await writeParquet(study, dir, { bank: 'sae/a' });
  expect((await query(`SELECT count(*) AS n FROM '${dir}/units.parquet'`))[0]!['n']).toBe('2');
  await expect(writeParquet(study, dir, { bank: 'mlp.0' })).rejects.toThrow(/stopped is there already/);
  expect((await query(`SELECT count(*) AS n FROM '${dir}/units.parquet'`))[0]!['n']).toBe('2');
});

test('HTML: a unit whole, and foreign text inert', () => {
  const page = unitHtml(study, 'mlp.0', 3);
  expect(page).toContain(study.info().contentHash);
  expect(page.match(/<section/g)!.length).toBe(study.unit('mlp.0', 3).features.length);
  expect(page.match(/<td class="before">/g)!.length).toBe(30);
  expect(page.match(/<path d="M[\d.]+ [\d.]+V/g)!.length).toBe(29);
  expect(page).not.toMatch(/<script|<b>book|<i>|<\/td>'/);
  for (const hidden of ['\u202e', '\u0000', '\u001b', '\ud800']) expect(page).not.toContain(hidden);
  expect(page).toContain(html('<script>alert(1)</script>'));
  expect(page).toContain('<p class="note">★ <bdi>of the unit</bdi></p>');
  expect(page).toContain(`<p class="note"><bdi>${html(NOTE)}</bdi></p>`);
  for (const index of [1, 2]) expect(unitHtml(study, 'mlp.0', index)).toContain(`<h1>mlp.0/${index}</h1>`);
  expect(html('<a href="\'">&')).toBe('&#60;a href=&#34;&#39;&#34;&#62;&#38;');
});

/** Writes some JSON lines there. */
const exported = (out: string, overwrite?: boolean) =>
  writeExport(study, out, jsonLines(study, 'sae/a'), { overwrite });

test('a file: what is there is replaced only when asked for, and where an export made it', async () => {
  const out = join(folder, 'lines.jsonl');
  const lines = [...jsonLines(study, 'sae/a')].join('');
  expect(await exported(out)).toBe(Buffer.byteLength(lines));
  expect(readFileSync(out, 'utf8')).toBe(lines);
  await expect(exported(out)).rejects.toMatchObject({ code: 'exists', message: /already: .*overwrite/ });
  // A page of a unit may take the place of lines, and lines that of a page.
  const page = unitHtml(study, 'mlp.0', 3);
  await writeExport(study, out, [page], { overwrite: true });
  expect(readFileSync(out, 'utf8')).toBe(page);
  await expect(exported(out)).rejects.toMatchObject({ code: 'exists', message: /already: .*overwrite/ });
  await exported(out, true);
  expect(readFileSync(out, 'utf8')).toBe(lines);
  // A link stays one, and what it leads to is replaced.
  const linked = join(folder, 'linked.jsonl');
  symlinkSync(out, linked);
  await expect(exported(linked)).rejects.toMatchObject({ code: 'exists' });
  await writeExport(study, linked, [page], { overwrite: true });
  expect(lstatSync(linked).isSymbolicLink()).toBe(true);
  expect(readFileSync(out, 'utf8')).toBe(page);
  // Nothing is lost in an empty file.
  const empty = join(folder, 'empty');
  writeFileSync(empty, '');
  await expect(exported(empty)).rejects.toMatchObject({ code: 'exists' });
  await exported(empty, true);
  expect(readFileSync(empty, 'utf8')).toBe(lines);
});

test('a file: the study, another study, a foreign file, a folder, a device and a dead link are never replaced', async () => {
  const at = (name: string) => join(folder, name);
  copyFileSync(study.path, at('copy.db'));
  linkSync(study.path, at('same.db'));
  symlinkSync(study.path, at('link.db'));
  symlinkSync(at('nothing'), at('dead'));
  writeFileSync(at('thesis.txt'), 'mine');
  const before = readdirSync(folder);
  const bytes = readFileSync(study.path);
  for (const overwrite of [false, true]) {
    for (const [out, message] of [
      [study.path, /is the study that is exported/],
      [at('same.db'), /is the study that is exported/],
      [at('link.db'), /is the study that is exported/],
      [at('copy.db'), /no file that an export made/],
      [at('thesis.txt'), /no file that an export made/],
      [at('dead'), /link to a file that is not there/],
      [folder, /is a folder/],
      ['/dev/null', /a device or a pipe: leave out option out/],
      [at('none/lines.jsonl'), /there is no folder .*none/],
    ] as const) {
      await expect(exported(out, overwrite), out).rejects.toThrow(message);
    }
  }
  expect(readdirSync(folder)).toEqual(before);
  expect(readFileSync(study.path)).toEqual(bytes);
  expect(readFileSync(at('copy.db'))).toEqual(bytes);
  expect(readFileSync(at('thesis.txt'), 'utf8')).toBe('mine');
  expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true);
});
