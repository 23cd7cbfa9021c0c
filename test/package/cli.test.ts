import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cliOf, expectFailure, manyCommands } from '../helpers/cli.ts';
import { smallPackage } from './small-package.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-cli-'));
const study = join(folder, 'study.db');
const NEURONS = 256;
const programs = mkdtempSync(join(tmpdir(), 'polyseme-programs-'));
const MAIN = smallPackage(programs, NEURONS);
const { cli, shell } = cliOf([MAIN]);
let made: Awaited<ReturnType<typeof cli>>;
beforeAll(async () => {
  made = await cli([
    'run',
    '--layers',
    '1,3',
    '--contexts',
    '16',
    '--context',
    '64',
    '--examples',
    '9',
    '--out',
    study,
    '--json',
  ]);
});
afterAll(() => {
  for (const each of [folder, programs]) rmSync(each, { recursive: true, force: true });
});

const ESCAPE = String.fromCharCode(27);
const HASH = /^[0-9a-f]{64}$/;
const nullable = (type: string) => (value: unknown) => value === null || typeof value === type;

/** One JSON document and nothing else. */
function parse(stdout: string): unknown {
  expect(stdout).toMatch(/^[^\n]+\n$/);
  return JSON.parse(stdout);
}

const NUMBERS = [
  'maxActivation',
  'mean',
  'density',
  'maxDistance',
  'meanDistance',
  'intraClusterDistance',
  'interClusterDistance',
  'effectiveClusters',
  'largestShare',
  'silhouette',
  'featureCount',
  'effectiveFeatures',
  'separation',
  'strayShare',
  'nullDistance',
  'relativeDistance',
  'expert',
] as const;
const UNIT_FIELDS = ['bank', 'index', 'examples', 'clusters', 'verdict', ...NUMBERS].sort();

type Row = Record<string, unknown> & { bank: string; index: number; examples: number; clusters: number };

function checkUnit(unit: Row, more: string[] = []): void {
  expect(Object.keys(unit).sort()).toEqual([...UNIT_FIELDS, ...more].sort());
  expect(['mlp.1', 'mlp.3']).toContain(unit.bank);
  for (const key of ['index', 'examples', 'clusters']) expect(Number.isInteger(unit[key])).toBe(true);
  for (const key of NUMBERS) expect(unit[key], key).toSatisfy(nullable('number'));
}

describe('--json', () => {
  const checkInfo = (info: Record<string, unknown>) => {
    expect(Object.keys(info)).toEqual(
      expect.arrayContaining([
        'model',
        'data',
        'options',
        'banks',
        'contexts',
        'tokens',
        'examples',
        'status',
        'contentHash',
      ]),
    );
    expect(info['model']).toMatchObject({ source: 'builtin:folio-5m', architecture: 'gpt2' });
    expect(info['data']).toMatchObject({ source: 'builtin:sotu' });
    expect(info['options']).toMatchObject({
      layers: [1, 3],
      context: 64,
      contexts: 16,
      select: 'top',
      examples: 9,
      linkage: 'average',
      threshold: 0.5,
      layernorm: 'raw',
      seed: 0,
    });
    expect(info['banks']).toEqual([
      {
        name: 'mlp.1',
        kind: 'mlp',
        site: 'blocks.1.mlp.hook_in',
        units: NEURONS,
        width: 256,
        dead: expect.any(Number),
      },
      {
        name: 'mlp.3',
        kind: 'mlp',
        site: 'blocks.3.mlp.hook_in',
        units: NEURONS,
        width: 256,
        dead: expect.any(Number),
      },
    ]);
    expect(info).toMatchObject({ contexts: 16, status: 'complete' });
    expect(info['tokens']).toBeGreaterThan(900);
    expect(info['tokens']).toBeLessThanOrEqual(1024);
    expect(info['examples']).toBeGreaterThan(2 * NEURONS * 5);
    expect(info['contentHash']).toMatch(HASH);
  };

  test('run prints what info prints, and leaves one file', async () => {
    expect(made.code).toBe(0);
    const info = parse(made.stdout) as Record<string, unknown>;
    checkInfo(info);
    expect(readdirSync(folder)).toEqual(['study.db']);
    const { code, stdout, stderr } = await cli(['info', study, '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(parse(stdout)).toEqual(info);
  });

  test('units: every field, sorted, limited, by bank', async () => {
    const { code, stdout, stderr } = await cli(['units', study, '--sort', 'unit', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const document = parse(stdout) as { units: Row[] };
    expect(Object.keys(document)).toEqual(['units']);
    expect(document.units.length).toBe(2 * NEURONS);
    for (const unit of document.units) checkUnit(unit);
    expect(
      document.units.map(({ bank, index }) => `${bank}/${index}`).slice(NEURONS - 2, NEURONS + 2),
    ).toEqual(['mlp.1/254', 'mlp.1/255', 'mlp.3/0', 'mlp.3/1']);

    const sorted = async (...args: string[]) => {
      const ended = await cli(['units', study, '--json', ...args]);
      return (parse(ended.stdout) as { units: Row[] }).units;
    };
    // Without an order several things come first.
    const verdicts = (await sorted()).map((unit) => unit['verdict']);
    const several = verdicts.filter((verdict) => verdict === 'several').length;
    expect(several).toBeGreaterThan(0);
    expect(verdicts.lastIndexOf('several')).toBe(several - 1);
    const most = await sorted('--bank', 'mlp.3', '--sort', 'silhouette', '--desc', '--limit', '7');
    const own = document.units.filter(({ bank }) => bank === 'mlp.3');
    const expected = own
      .filter(({ silhouette }) => silhouette !== null)
      .sort((a, b) => (b['silhouette'] as number) - (a['silhouette'] as number) || a.index - b.index);
    expect(most).toEqual(expected.slice(0, 7));
    // Units without a number come last, whichever way.
    const none = own.filter(({ silhouette }) => silhouette === null).length;
    expect(none).toBeGreaterThan(0);
    for (const way of [[], ['--desc']]) {
      const all = await sorted('--bank', 'mlp.3', '--sort', 'silhouette', ...way);
      expect(all.slice(-none).every(({ silhouette }) => silhouette === null)).toBe(true);
      expect(all.slice(0, -none).every(({ silhouette }) => silhouette !== null)).toBe(true);
    }
  });

  test('unit: the same fields, the tree, the features with every example', async () => {
    const { code, stdout, stderr } = await cli(['unit', study, 'mlp.3/17', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const unit = parse(stdout) as Row & {
      merges: number[][];
      features: {
        id: number;
        size: number;
        words: string[];
        meanActivation: number;
        central: number;
        examples: {
          id: number;
          context: number;
          document: string;
          position: number;
          activation: number;
          tokens: string[];
          activations: number[];
        }[];
      }[];
    };
    checkUnit(unit, ['merges', 'features']);
    expect(unit.merges.length).toBe(unit.examples - 1);
    expect(unit.merges.every((row) => row.length === 4)).toBe(true);
    expect(unit.merges.at(-1)![3]).toBe(unit.examples);
    expect(unit.features.length).toBe(unit['featureCount']);
    const leaves = unit.features.flatMap(({ examples }) => examples.map(({ id }) => id));
    expect(leaves.sort((a, b) => a - b)).toEqual(Array.from({ length: unit.examples }, (_, i) => i));
    for (const feature of unit.features) {
      expect(Object.keys(feature).sort()).toEqual([
        'central',
        'examples',
        'id',
        'meanActivation',
        'name',
        'size',
        'words',
      ]);
      expect(feature.size).toBe(feature.examples.length);
      expect(feature.words.length).toBeLessThanOrEqual(5);
      expect(feature.examples.map(({ id }) => id)).toContain(feature.central);
      for (const example of feature.examples) {
        expect(Object.keys(example).sort()).toEqual(
          ['activation', 'activations', 'context', 'document', 'id', 'position', 'special', 'tokens'].sort(),
        );
        expect(example.activations.length).toBe(example.tokens.length);
        expect(example.tokens.length).toBeLessThanOrEqual(64);
        expect(example.document).toMatch(/^\d{4} \w/);
        expect(example.activations[example.position]).toBe(Math.max(...example.activations));
        expect(Math.abs(example.activations[example.position]! - example.activation)).toBeLessThan(
          1e-3 * example.activation,
        );
      }
    }
    const units = parse((await cli(['units', study, '--sort', 'unit', '--json'])).stdout) as { units: Row[] };
    const { merges: _, features: __, ...summary } = unit;
    expect(summary).toEqual(units.units[NEURONS + 17]);
  });

  test('export: a line a unit, as unit --json prints it; to a file, whole or not at all', async () => {
    const out = join(folder, 'units.jsonl');
    const ended = await cli(['export', study, '--format', 'jsonl', '--bank', 'mlp.3', '--out', out]);
    expect(ended).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^.*units\.jsonl: 256 units, [\d,]+ bytes\n$/),
      stderr: '',
    });
    expectFailure(
      await cli(['export', study, '--out', out]),
      /units\.jsonl is there already: .*\(--out\), or --overwrite/,
    );
    const [head, ...lines] = readFileSync(out, 'utf8').trimEnd().split('\n');
    expect(JSON.parse(head!)).toHaveProperty('study.contentHash');
    expect(lines.length).toBe(NEURONS);
    const { stdout } = await cli(['unit', study, 'mlp.3/5', '--json']);
    expect(JSON.parse(lines[5]!)).toMatchObject(JSON.parse(stdout)); // it has stars and notes beside
    rmSync(out);
    expectFailure(
      await cli(['export', study, '--out', join(folder, 'nowhere', 'x')]),
      /there is no folder .*nowhere/,
    );
    expectFailure(
      await cli(['export', study, '--bank', 'mlp.9']),
      /no bank mlp\.9 \(it has mlp\.1, mlp\.3\)/,
    );
    expect(readdirSync(folder)).toEqual(['study.db']);
  });
});

describe('for people', () => {
  test('info', async () => {
    const { code, stdout } = await cli(['info', study]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/complete/);
    expect(stdout).toMatch(/mlp\.1 +256 +\d+ +256 +clusters/);
  });
  test('units and unit', async () => {
    const units = await cli(['units', study, '--sort', 'clusters', '--desc', '--limit', '3']);
    expect(units.stdout.trimEnd().split('\n').length).toBe(4);
    const unit = await cli(['unit', study, 'mlp.1/3', '--examples', '1']);
    expect(unit.stdout).toMatch(/^mlp\.1\/3 {2}\d+ features? in 9 examples/);
    expect([units.code, unit.code]).toEqual([0, 0]);
  });
  test('run says where the study is, and what its units are', async () => {
    const { code, stdout, stderr } = await cli([
      'run',
      '--layers',
      '1,3',
      '--contexts',
      '16',
      '--context',
      '64',
      '--examples',
      '9',
      '--out',
      study,
    ]);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toContain(study);
    expect(stdout).toMatch(/mlp\.1 {2}[\d,]+ several things · [\d,]+ one thing · [\d,]+ scatter/);
    // Those of each bank that are several things, five at most.
    const { units } = parse((await cli(['units', study, '--json'])).stdout) as { units: Row[] };
    const shown = ['mlp.1', 'mlp.3'].map(
      (name) => units.filter(({ bank, verdict }) => bank === name && verdict === 'several').length,
    );
    expect(Math.max(...shown)).toBeGreaterThanOrEqual(5);
    const lines = stdout.match(/^ {2}mlp\.\d\/\d+ {2}\d+ features/gm);
    expect(lines).toHaveLength(shown.reduce((sum, count) => sum + Math.min(5, count), 0));
  });
  test('no escape codes where nobody sees colours; colours on a terminal, unless NO_COLOR', async () => {
    for (const command of [
      ['info', study],
      ['units', study, '--limit', '2'],
      ['unit', study, 'mlp.1/3'],
      ['--help'],
    ]) {
      const { stdout, stderr } = await cli(command);
      expect(stdout + stderr).not.toContain(ESCAPE);
    }
    let terminal = true;
    try {
      execFileSync('script', ['-qec', 'true', '/dev/null'], { stdio: 'ignore' });
    } catch {
      terminal = false;
    }
    if (!terminal) return;
    const on = (environment: string) =>
      shell(`${environment} script -qec "'${process.execPath}' '${MAIN}' unit '${study}' mlp.1/3" /dev/null`);
    expect((await on('TERM=xterm')).stdout).toContain(`${ESCAPE}[1m`);
    expect((await on('TERM=xterm NO_COLOR=1')).stdout).not.toContain(ESCAPE);
  });
  test('a reader that has seen enough ends it quietly', async () => {
    const { code, stdout, stderr } = await shell(
      `polyseme export '${study}' | head -1; echo "\${PIPESTATUS[0]}"; polyseme units '${study}' | head -1`,
    );
    expect(stderr).toBe('');
    expect(stdout.split('\n')[1]).toBe('0');
    expect(code).toBe(0);
  });
});

describe('help', () => {
  test('of the whole', async () => {
    const { code, stdout, stderr } = await cli(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of ['run', 'info', 'units', 'unit', 'export']) {
      expect(stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
    }
    expect((await cli([])).stdout).toBe(stdout);
  });
  test.each(['run', 'info', 'units', 'unit', 'export'])(
    'of %s: usage, options, an example',
    async (command) => {
      const { code, stdout, stderr } = await cli([command, '--help']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^Usage: polyseme ${command} \\[options\\]`));
      expect(stdout).toMatch(/\n {2}-h, --help/);
      expect(stdout).toMatch(/Examples?:\n {2}polyseme /);
    },
  );
  test('of run names every option of the contract', async () => {
    const { stdout } = await cli(['run', '--help']);
    const options =
      'model data out layers context contexts bos column select examples fraction sign every-position linkage threshold layernorm gated seed threads overwrite json';
    for (const option of options.split(' ')) expect(stdout).toContain(`--${option}`);
  });
  test('the version is the package’s', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect((await cli(['--version'])).stdout).toBe(`${version}\n`);
  });
});

describe('wrong usage ends with 2 and says what is wrong', () => {
  const { cli: many, close } = manyCommands(MAIN);
  afterAll(close);
  const cases: [string[], RegExp][] = [
    [['bogus'], /bogus/],
    [['run', '--bogus'], /--bogus/],
    [['run', 'extra'], /too many|arguments/],
    [['run', '--contexts', '0'], /--contexts.*at least 1/],
    [['run', '--contexts', 'ten'], /--contexts/],
    [['run', '--context', '1'], /--context/],
    [['run', '--layers', '3-1'], /--layers/],
    [['run', '--layers', 'all'], /--layers/],
    [['run', '--select', 'best'], /--select.*top/],
    [['run', '--fraction', '1.5'], /fraction/],
    [['run', '--fraction', '0'], /fraction/],
    [['run', '--threshold', '-1'], /threshold/],
    [['run', '--threshold', 'x'], /--threshold/],
    [['run', '--linkage', 'ward'], /--linkage.*average/],
    [['run', '--seed', '-1'], /seed/],
    [['run', '--seed', '4294967296'], /seed/],
    [['run', '--examples', '100001'], /examples/],
    [['run', '--out'], /--out/],
    [['info'], /STUDY/],
    [['units', 'x.db', '--sort', 'beauty'], /--sort.*clusters/],
    [['units', 'x.db', '--limit', '0'], /--limit/],
    [['unit', 'x.db'], /BANK\/INDEX/],
    [['unit', 'x.db', 'mlp.1'], /BANK\/INDEX/],
    [['export', 'x.db', '--format', 'xml'], /--format.*jsonl/],
  ];
  test.each(cases)('%j', async (args, pattern) => {
    const { code, stdout, stderr } = await many(args);
    expect(stderr).toMatch(/^error: /);
    expect(stderr).toMatch(pattern);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

test('--verbose shows where an error comes from', async () => {
  const { code, stderr } = await cli(['info', join(folder, 'none.db'), '--verbose']);
  expect(stderr).toMatch(/\n\s+at /);
  expect(code).toBe(1);
});
