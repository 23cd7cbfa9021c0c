// Files that are not what a run wrote: refused or read in one line, never an end of the process.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { UsageError } from '../../src/errors.ts';
import { openStudy, type PolysemeError, redrawBanks } from '../../src/index.ts';
import { bankOptions } from '../../src/run/bank-options.ts';
import { verifyStudy } from '../../src/study/verify.ts';
import { cli, compiled, expectFailure } from '../helpers/cli.ts';
import { expectOneLine } from '../helpers/expect.ts';
import { writeSmallStudy } from '../helpers/written-study.ts';

const CHILD = compiled('test/helpers/read-studies.mjs');
const OLD = new URL('../fixtures/study/version-0.1.db', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'polyseme-damage-'));
const whole = join(folder, 'whole.db');
let made = 0;

beforeAll(() => {
  writeSmallStudy(whole);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A copy of the study, changed by SQL. */
function changed(...statements: readonly string[]): string {
  const path = join(folder, `${made++}.db`);
  copyFileSync(whole, path);
  const db = new Database(path);
  for (const sql of statements) db.exec(sql);
  db.close();
  return path;
}

const damaged = (work: () => unknown, pattern: RegExp): Promise<string> =>
  expectOneLine(async () => {
    try {
      await work();
    } catch (error) {
      expect((error as PolysemeError).code).toBe('damaged');
      throw error;
    }
  }, pattern);

function read(path: string, work: (study: ReturnType<typeof openStudy>) => unknown): unknown {
  const study = openStudy(path);
  try {
    return work(study);
  } finally {
    study.close();
  }
}

describe('a schema that is not ours is refused', () => {
  test.each([
    ['a view', ['CREATE VIEW v AS SELECT * FROM meta'], /a view "v"/],
    ['a trigger', ['CREATE TRIGGER t AFTER INSERT ON units BEGIN DELETE FROM meta; END'], /a trigger "t"/],
    ['a table more', ['CREATE TABLE more(a)'], /a table "more"/],
    ['an index', ['CREATE INDEX i ON units(mean)'], /a index "i"/],
    ['a virtual table', ['CREATE VIRTUAL TABLE f USING fts5(a)'], /a table "f/],
    ['no table of units', ['DROP TABLE units'], /no table units/],
    [
      'a generated column',
      ['DROP TABLE documents', 'CREATE TABLE documents(id INTEGER PRIMARY KEY, name AS (zeroblob(1e9)))'],
      /"documents" has more than plain columns/,
    ],
    [
      'a view in the place of a table',
      ['DROP TABLE tokens', "CREATE VIEW tokens AS SELECT 1 AS id, 'x' AS text"],
      /a view "tokens"/,
    ],
  ])('%s', async (_, statements, pattern) => {
    const path = changed(...statements);
    await damaged(() => openStudy(path), pattern);
  });

  test('and a study of the first layout opens', () => {
    expect(verifyStudy(OLD)).toEqual({
      units: 72,
      contentHash: read(OLD, (study) => study.info().contentHash),
    });
  });
});

describe('counts that nobody has are refused', () => {
  test.each([
    ['units', 'UPDATE banks SET units = 1e15', /has 1000000000000000 units \(limit/],
    ['dimension', 'UPDATE banks SET dimension = -1', /inputs of -1/],
    ['embedding', `UPDATE banks SET embedding = '{"kind":"gated"}'`, /unknown kind of embedding/],
    ['counts', `UPDATE meta SET value = '{"contexts":-1}' WHERE key = 'counts'`, /meta value counts/],
    ['options', `UPDATE meta SET value = '[]' WHERE key = 'options'`, /meta value options is \[\]/],
    ['JSON', `UPDATE meta SET value = '{' WHERE key = 'model'`, /not valid JSON/],
    ['UTF-8', `UPDATE meta SET value = CAST(x'22ff22' AS TEXT) WHERE key = 'model'`, /not valid UTF-8/],
  ])('%s', async (_, sql, pattern) => {
    const path = changed(sql);
    await damaged(() => read(path, (study) => study.info()), pattern);
  });
});

test('what was changed is found when it is read, and by a check of everything', async () => {
  expect(verifyStudy(whole).units).toBe(5);
  const flipped = `substr(X, 1, 200) || x'07' || substr(X, 202)`;
  const changes: [string, (study: ReturnType<typeof openStudy>) => unknown][] = [
    [
      "UPDATE units SET words = replace(words, 'word', 'WORD') WHERE bank = 0 AND idx = 1",
      (s) => s.unit('mlp.0', 1),
    ],
    ['UPDATE units SET mean = mean + 1e-9 WHERE bank = 0 AND idx = 1', (s) => s.unit('mlp.0', 1)],
    [
      `UPDATE details SET detail = CAST(${flipped.replaceAll('X', 'detail')} AS BLOB) WHERE bank = 0 AND idx = 1`,
      (s) => s.unit('mlp.0', 1),
    ],
    [
      `UPDATE inputs SET inputs = CAST(${flipped.replaceAll('X', 'inputs')} AS BLOB) WHERE bank = 0 AND idx = 1`,
      (s) => s.inputs('mlp.0', 1),
    ],
  ];
  for (const [sql, work] of changes) {
    const path = changed(sql);
    await damaged(() => read(path, work), /mlp\.0\/1 is damaged/);
    await damaged(() => verifyStudy(path), /mlp\.0\/1 of 5 units/);
    // The others are as they were.
    expect(read(path, (study) => study.unit('mlp.0', 2))).toMatchObject({ examples: 6 });
  }
  for (const sql of [
    "UPDATE documents SET name = 'another' WHERE id = 1",
    "UPDATE tokens SET text = 'x' WHERE id = 0",
    "UPDATE meta SET value = replace(value, '0.5', '0.6') WHERE key = 'options'",
    'DELETE FROM units WHERE bank = 1 AND idx = 1',
  ]) {
    await damaged(() => verifyStudy(changed(sql)), /is damaged/);
  }
});

test.each([
  ['a word', '{"separation":"0.45","scatter":0.81,"features":12}'],
  ['no number', '{"separation":0.45,"scatter":null,"features":12}'],
  ['one missing', '{"separation":0.45,"features":12}'],
  ['one that is unknown', '{"separation":0.45,"scatter":0.81,"features":12,"other":1}'],
  ['no whole number of features', '{"separation":0.45,"scatter":0.81,"features":1.5}'],
  ['one below zero', '{"separation":-1,"scatter":0.81,"features":12}'],
  ['a list', '[0.45,0.81,12]'],
  ['a number', '3'],
])('bounds of verdicts: %s is one line', async (_, bounds) => {
  const path = changed(
    `UPDATE meta SET value = json_set(value, '$.bounds', json('${bounds}')) WHERE key = 'options'`,
  );
  await damaged(() => openStudy(path), /its meta value options is/);
});

test('bounds of verdicts that are not there, or others than today’s, are no damage', () => {
  for (const sql of ["json_remove(value, '$.bounds')", "json_set(value, '$.bounds', json('null'))"]) {
    const path = changed(`UPDATE meta SET value = ${sql} WHERE key = 'options'`);
    expect(read(path, (study) => study.info().options['bounds'] ?? null)).toBe(null);
  }
  const other = { separation: 0.5, scatter: 0.9, features: 8 };
  const path = changed(
    `UPDATE meta SET value = json_set(value, '$.bounds', json('${JSON.stringify(other)}')) WHERE key = 'options'`,
  );
  expect(read(path, (study) => study.info().options['bounds'])).toEqual(other);
});

test('options that no run takes are the study’s fault, not wrong usage', async () => {
  const of = (name: string, value: string) =>
    changed(`UPDATE meta SET value = json_set(value, '$.${name}', json('${value}')) WHERE key = 'options'`);
  const refused = async (path: string, work: (study: ReturnType<typeof openStudy>) => unknown) => {
    await damaged(() => read(path, work), /^\S+\.db is damaged: option \w+ is /);
    await expect((async () => read(path, work))()).rejects.not.toBeInstanceOf(UsageError);
  };
  for (const value of ['5', '"<img>"', '{}']) {
    await refused(of('layernorm', value), bankOptions);
    await refused(of('gated', value), bankOptions);
  }
  for (const [name, value] of [
    ['context', '"x"'],
    ['column', '7'],
    ['threshold', '[]'],
  ] as const) {
    const study = openStudy(of(name, value));
    const banks = [0, 1].map((i) => ({ study, bank: study.info().banks[i]!.name }));
    const work = redrawBanks(banks, { sae: ['x=nowhere'], model: 'builtin:folio-5m' });
    await damaged(() => work, /^\S+\.db is damaged: option \w+ is /).finally(() => study.close());
    await expect(work).rejects.not.toBeInstanceOf(UsageError);
  }
});

test.each([
  '[]',
  '{"a":{"threshold":"1","positions":1}}',
  '{"a":{"threshold":1,"positions":-1}}',
  '{"a":null}',
])('sinks that are none: %s is one line', async (sinks) => {
  const path = changed(`INSERT OR REPLACE INTO meta VALUES ('sinks', '${sinks}')`);
  await damaged(() => openStudy(path), /its meta value sinks is/);
});

test('info --verify says so, or fails with the units that it found', async () => {
  const right = await cli(['info', whole, '--verify']);
  expect(right.code, right.stderr).toBe(0);
  expect(right.stdout).toMatch(/^verified +5 units, and everything together: as the run wrote them$/m);
  const wrong = changed('UPDATE units SET density = density / 2 WHERE bank = 1');
  expectFailure(await cli(['info', wrong, '--verify']), /is damaged: sae\/x\/0, sae\/x\/1 of 5 units/);
});

test('bytes changed anywhere end no process: every reading ends, or is one line', () => {
  const bytes = readFileSync(whole);
  const random = createRandom(7, 0);
  const paths = Array.from({ length: 150 }, (_, i) => {
    const path = join(folder, `bytes-${i}.db`);
    const copy = Buffer.from(bytes);
    // From one byte to a hundred, in one place or all over the file.
    const near = random.integer(copy.length);
    for (let changes = 1 + random.integer(i % 3 === 0 ? 100 : 4); changes > 0; changes--) {
      const at = i % 2 === 0 ? random.integer(copy.length) : (near + random.integer(64)) % copy.length;
      copy[at] = random.integer(256);
    }
    writeFileSync(path, copy);
    return path;
  });
  // Texts that are not UTF-8, in every column: what ended the process.
  const columns = {
    meta: 'value',
    banks: 'site',
    documents: 'name',
    tokens: 'text',
    units: 'words',
    contexts: 'tokens',
  };
  for (const [table, column] of Object.entries(columns)) {
    paths.push(changed(`UPDATE ${table} SET ${column} = CAST(x'ff4142' AS TEXT)`));
  }
  paths.push(changed(`UPDATE units SET mean = CAST(x'ff4142' AS TEXT)`));
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [CHILD, ...paths], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  const results = JSON.parse(stdout) as { path: string; odd: string[]; errors: string[] }[];
  expect(results).toHaveLength(paths.length);
  for (const { odd } of results) expect(odd).toEqual([]);
  // Of those with a text that is not UTF-8, each is said to be.
  for (const { errors } of results.slice(150)) expect(errors.join()).toMatch(/damaged/);
});
