// One hostile model, corpus and folder, over every command: what is printed does nothing, and what is written is the true text.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { visible } from '../../src/base/visible.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { chatServer } from '../helpers/chat-server.ts';
import { compiled, type Ended, manyCommands, POLYSEME } from '../helpers/cli.ts';
import { allCommands } from '../helpers/commands.ts';
import { HOSTILE_NAME, HOSTILE_TOKENS, type HostileWorld, hostileWorld } from '../helpers/hostile.ts';
import { neuronpediaServer } from '../helpers/neuronpedia-server.ts';
import { end, freePort, hasRedis, startRedis } from '../helpers/queue-servers.mjs';
import { writeStudy } from '../helpers/written-study.ts';

const parent = mkdtempSync(join(tmpdir(), 'polyseme-hostile-text-'));
let world: HostileWorld;
/** A unit with several features, of the SAE with the hostile name. */
let unit: string;
const { cli, close } = manyCommands(compiled('src/cli/main.ts'));
afterAll(async () => {
  await close();
  rmSync(parent, { recursive: true, force: true });
});

/** That nothing but whole lines of text came out: no control, bidirectional or invisible character. */
function expectInert({ stdout, stderr }: Pick<Ended, 'stdout' | 'stderr'>): void {
  const text = (stdout + stderr).replaceAll('\n', '');
  expect(
    text.match(/[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}\u200b\u2060\ufeff\u{e0000}-\u{e007f}]/gu),
  ).toBeNull();
}

/** Runs a command that must end well. */
async function ended(args: readonly string[]): Promise<Ended> {
  const result = await cli(args);
  expect(result, args.slice(0, 2).join(' ')).toMatchObject({ code: 0 });
  expectInert(result);
  return result;
}

const at = (name: string) => join(world.folder, name);
const text = () => ['--model', world.model, '--data', world.data];
const sae = () => ['--sae', world.named];
const small = () => [...text(), '--context', '64', '--threads', '1'];

/** What the study itself has of the unit, through JSON. */
function trueUnit(): ReturnType<Study['unit']> {
  const study = openStudy(world.study);
  const slash = unit.lastIndexOf('/');
  const whole = study.unit(unit.slice(0, slash), Number(unit.slice(slash + 1)));
  study.close();
  return JSON.parse(JSON.stringify(whole));
}

/** Every text within a value. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

beforeAll(async () => {
  world = await hostileWorld(parent);
  const { stdout } = await ended([
    ...['run', ...small(), ...sae(), '--layers', '0', '--examples', '12'],
    ...['--out', world.study],
  ]);
  // What is to be typed is one word of a shell.
  expect(stdout).toMatch(/polyseme serve '[^']+' {2}\(or: polyseme units '[^']+' --limit 20\)/);
  const study = openStudy(world.study);
  const [most] = study.units({ bank: world.bank, sort: 'featureCount', descending: true, limit: 1 });
  study.close();
  unit = `${world.bank}/${most!.index}`;
});

/** Commands that print what a study or a model holds; `json` is whether they have tokens there. */
const PRINTS: readonly (readonly [name: string, args: () => string[], json?: 'tokens' | 'other'])[] = [
  ['info', () => ['info', world.study, '--verify'], 'other'],
  ['units', () => ['units', world.study], 'other'],
  ['unit', () => ['unit', world.study, unit, '--examples', '12', '--significance'], 'tokens'],
  ['search', () => ['search', world.study, 'war'], 'tokens'],
  [
    'probe',
    () => ['probe', world.study, `war ${HOSTILE_TOKENS[0]} "peace" \u202e`, '--threads', '1'],
    'tokens',
  ],
  ['neighbours', () => ['neighbours', world.study, unit, '--threads', '1'], 'other'],
  ['importance', () => ['importance', world.study, unit, ...sae(), '--threads', '1'], 'tokens'],
  [
    'ablate',
    () => ['ablate', world.study, unit, ...sae(), '--contexts', '10', '--no-controls', '--threads', '1'],
    'other',
  ],
  ['compare', () => ['compare', world.study, '--banks', `mlp.0,${world.bank}`, '--examples', '6'], 'other'],
  ['models inspect', () => ['models', 'inspect', world.model], 'other'],
  ['caches', () => ['caches', world.study], 'other'],
  ['sae eval', () => ['sae', 'eval', world.sae, ...small(), '--tokens', '400', '--no-polysemy'], 'other'],
  ['sae convert', () => ['sae', 'convert', world.sae, at('copied')]],
  [
    'sae cache',
    () => [
      'sae',
      'cache',
      ...small(),
      '--site',
      'blocks.0.hook_mlp_out',
      '--tokens',
      '600',
      '--out',
      at('cache'),
    ],
  ],
  [
    'sae train',
    () => [
      ...['sae', 'train', ...small(), '--site', 'blocks.0.hook_mlp_out', '--latents', '16', '--k', '4'],
      ...['--tokens', '600', '--eval-tokens', '0', '--batch', '200', '--out', at('trained')],
    ],
  ],
];

describe('a terminal', () => {
  for (const [name, args, json] of PRINTS) {
    test(`${name}: what is foreign is seen, and does nothing`, async () => {
      await ended(args());
      if (json === undefined) return;
      const { stdout } = await ended([...args(), '--json']);
      const texts = textsOf(JSON.parse(stdout));
      if (json === 'tokens') expect(texts.some((one) => HOSTILE_TOKENS.includes(one))).toBe(true);
    });
  }

  test('JSON has the true text', async () => {
    const { stdout } = await ended(['unit', world.study, unit, '--json']);
    expect(JSON.parse(stdout)).toEqual(trueUnit());
  });

  test('name and intruders: what a language model answers does nothing either', async () => {
    await using chat = await chatServer(
      ({ number }) => `${number % 2} ${HOSTILE_TOKENS.slice(0, 12).join(' ')}`,
    );
    const namer = ['--namer', chat.url, '--namer-model', `m${HOSTILE_TOKENS[0]}`];
    for (const command of ['name', 'intruders']) {
      for (const json of [[], ['--json']]) await ended([command, world.study, unit, ...namer, ...json]);
    }
    expect(chat.asked.length).toBeGreaterThan(0);
  });

  test('merge: shards and their parts', async () => {
    const plan = at('plan');
    const shard = (...more: string[]) => ['run', '--plan', plan, '--shard', '1/1', '--threads', '1', ...more];
    await ended(['run', ...small(), '--layers', '0', '--examples', '4', '--plan', plan, '--shards', '1']);
    await ended(shard('--out', at('examples')));
    await ended(shard('--after', at('examples'), '--out', at('rows')));
    await ended(['merge', at('examples'), at('rows'), '--out', at('merged.db')]);
  });

  test('serve: its lines, and its end by SIGTERM', async () => {
    const child = spawn(process.execPath, [...POLYSEME, 'serve', world.study, '--port', '0'], {
      env: { ...process.env, NO_COLOR: '1' },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (piece) => {
        said += piece;
        if (/http:\/\/\S+/.test(said)) child.kill('SIGTERM');
      });
    }
    await once(child, 'close');
    expectInert({ stdout: said, stderr: '' });
    expect(said).toContain('http://127.0.0.1:');
  });

  test('worker: a queue that is not there', async () => {
    const args = ['worker', '--queue', 'redis://127.0.0.1:1', '--artefacts', at('artefacts')];
    const result = await cli(args);
    expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error: [^\n]*\n$/) });
    expectInert(result);
  });

  test.skipIf(!hasRedis)('worker, and run by a queue: their lines, and the same study', async () => {
    const port = await freePort();
    const redis = await startRedis(parent, port);
    const place = ['--queue', `redis://127.0.0.1:${port}`, '--artefacts', at('artefacts')];
    const worker = spawn(process.execPath, [...POLYSEME, 'worker', ...place, '--threads', '1'], {
      env: { ...process.env, NO_COLOR: '1' },
    });
    let said = '';
    for (const stream of [worker.stdout, worker.stderr]) {
      stream.setEncoding('utf8').on('data', (piece) => {
        said += piece;
      });
    }
    try {
      const run = ['run', ...small(), '--layers', '0', '--examples', '4'];
      await ended([...run, ...place, '--shards', '2', '--out', at('queued.db')]);
      await ended([...run, '--out', at('undivided.db')]);
      const [queued, undivided] = [at('queued.db'), at('undivided.db')].map((path) => {
        const study = openStudy(path);
        const { contentHash } = study.info();
        study.close();
        return contentHash;
      });
      expect(queued).toBe(undivided);
    } finally {
      await end(worker);
      await end(redis);
    }
    expect(said).toContain('done: ');
    expectInert({ stdout: said, stderr: '' });
  });

  test('errors are one line, whatever names they tell', async () => {
    const missing = at('missing');
    const broken = at('broken');
    writeFileSync(broken, HOSTILE_NAME);
    for (const args of [
      ['info', missing],
      ['info', broken],
      ['unit', world.study, `${world.bank}/99`],
      ['unit', world.study, `none${HOSTILE_NAME}/1`],
      ['units', world.study, '--bank', HOSTILE_NAME],
      ['run', '--data', missing, '--out', at('x.db')],
      ['run', '--model', missing, '--out', at('x.db')],
      ['info', missing, '--verbose'],
    ]) {
      const result = await cli(args);
      expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error: /) });
      if (!args.includes('--verbose')) expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
      expectInert(result);
    }
    const usage = await cli(['units', world.study, `--${HOSTILE_NAME}`]);
    expect(usage.code).toBe(2);
    expectInert(usage);
  });

  test('a study of somebody else’s, whose bank has a name that none may have, is refused', async () => {
    // As UTF-8 has them.
    const names = HOSTILE_TOKENS.map((token) => Buffer.from(token).toString());
    for (const name of names.filter((text) => visible(text) !== text)) {
      const path = join(parent, 'foreign.db');
      writeStudy({ path, banks: [{ name, units: 4 }], examples: () => 12, contexts: [['a', 'b']] });
      const result = await cli(['units', path]);
      expect(result).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^error: .* is damaged: its bank 0 is called .*\n$/),
      });
      expectInert(result);
    }
  });

  test('bytes are shown as the character that they spell, with the peak on it', async () => {
    const path = join(parent, 'bytes.db');
    const dash = ['<0xE2>', '<0x80>', '<0x94>', ' dash', '<0xE2>', `x${HOSTILE_TOKENS[0]}`];
    const bank = { name: 'mlp.0', units: 4 };
    writeStudy({ path, banks: [bank], examples: () => 12, contexts: [[' a', ' b'], dash] });
    const { stdout } = await ended(['unit', path, 'mlp.0/1', '--examples', '12']);
    expect(stdout).toContain('«—» dash<0xE2>x␛');
    expect(stdout).not.toContain('<0x80>');
  });

  test('completion: banks that a study has', async () => {
    const { stdout } = await cli(['complete', '--', 'units', world.study, '--bank', '']);
    expect(stdout).toContain('mlp.0\t');
    // A tab is between a value and its description.
    expectInert({ stdout: stdout.replaceAll('\t', ''), stderr: '' });
    await ended(['completion', 'bash']);
  });
});

describe('a file', () => {
  test('JSON lines have the true text', async () => {
    await ended(['export', world.study, '--out', at('study.jsonl')]);
    const lines = readFileSync(at('study.jsonl'), 'utf8').trimEnd().split('\n');
    const own = lines.map((line) => JSON.parse(line)).find(({ bank, index }) => `${bank}/${index}` === unit);
    const { features } = trueUnit();
    expect(own.features.map(({ examples }: { examples: unknown[] }) => examples.length)).toEqual(
      features.map(({ examples }) => examples.length),
    );
    expect(textsOf(own)).toEqual(expect.arrayContaining(textsOf(features)));
  });

  test('Parquet has the true text, as another reader finds it', async () => {
    await ended(['export', world.study, '--format', 'parquet', '--out', at('tables')]);
    const connection = await (await DuckDBInstance.create()).connect();
    const quoted = `'${at('tables/examples.parquet').replaceAll("'", "''")}'`;
    const rows = (
      await connection.runAndReadAll(`SELECT bank, unit, tokens FROM read_parquet(${quoted})`)
    ).getRowObjectsJson();
    const own = rows.filter(({ bank, unit: index }) => `${bank}/${index}` === unit);
    // UTF-8 has no halves of surrogate pairs.
    const expected = trueUnit().features.flatMap(({ examples }) =>
      examples.map(({ tokens }) => JSON.stringify(tokens.map((token) => Buffer.from(token).toString()))),
    );
    expect(own.map(({ tokens }) => JSON.stringify(tokens)).sort()).toEqual(expected.sort());
  });

  test('a page of one unit has no element of a token’s', async () => {
    await ended(['export', world.study, '--format', 'html', '--unit', unit, '--out', at('unit.html')]);
    const page = readFileSync(at('unit.html'), 'utf8');
    expect(page).not.toMatch(/<script|<img|href="?javascript/i);
    expect(page).not.toMatch(/\p{Bidi_Control}|(?![\n\t\r])\p{Cc}/u);
    expect(page).toContain('&#60;img src=x onerror=alert(1)&#62;');
  });

  test('a site', async () => {
    await ended(['export', world.study, '--format', 'site', '--out', at('site')]);
  });

  test('an upload to Neuronpedia is what it takes, and has the true text', async () => {
    await using server = await neuronpediaServer();
    await ended([
      'export',
      world.study,
      '--format',
      'neuronpedia',
      '--to',
      server.url,
      '--model-id',
      'odd',
      '--no-names',
    ]);
    expect(textsOf([...server.features.values()]).some((one) => HOSTILE_TOKENS.includes(one))).toBe(true);
  });
});

test('every command is among these', async () => {
  const named = new Set([
    ...PRINTS.map(([name]) => name),
    ...['run', 'merge', 'worker', 'serve', 'name', 'intruders', 'export', 'completion'],
    // Their own text only.
    ...['sae', 'models'],
  ]);
  expect([...(await allCommands()).keys()].filter((name) => !named.has(name))).toEqual([]);
});
