import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createServer } from '../../src/server/api.ts';
import { startServer } from '../../src/server/server.ts';
import { openStudy } from '../../src/study/open-study.ts';
import { apiClient } from '../helpers/api-client.ts';
import { cli } from '../helpers/cli.ts';
import { writeStudy } from '../helpers/written-study.ts';
import { evaluation, logLine, writeLog, writeRun } from '../helpers/written-training.ts';

let root: string;
let dir: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'polyseme-trainings-'));
  dir = join(root, 'runs');
  mkdirSync(dir);
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(root, { recursive: true, force: true });
});

const open = () => apiClient(createServer(null, { trainings: dir, webRoot: join(root, 'none') }));
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
/** As if nothing had been written for so many seconds. */
function age(seconds: number, ...paths: string[]): void {
  const then = Date.now() / 1000 - seconds;
  for (const path of paths) utimesSync(path, then, then);
}

describe('GET /api/trainings', () => {
  it('says how far a training has come, and when it will be done', async () => {
    const one = join(dir, 'one');
    writeRun(one, { latents: 32, learningRate: 0.001, contexts: 7 });
    writeLog(one, 1, 40);
    const api = await open();
    const { folder, trainings, unreadable, complete } = await api.get('/api/trainings');
    expect([folder, trainings.length, unreadable, complete]).toEqual(['runs', 1, [], true]);
    const [training] = trainings;
    expect(training).toMatchObject({
      name: 'one',
      group: null,
      steps: 100,
      step: 40,
      state: 'training',
      skipped: 0,
      evaluation: null,
      last: { step: 40, tokens: 4000, loss: 2.5, l0: 8, tokensPerSecond: 1000, gradientNorm: null },
      settings: {
        architecture: 'topk',
        model: 'builtin:folio-5m',
        site: 'blocks.2.hook_resid_post',
        latents: 32,
        k: 8,
        l1: null,
        embeddingWeight: 0,
        residualWeight: 0,
        learningRate: 0.001,
        contexts: 7,
        batch: 100,
        tokens: 10_000,
      },
    });
    // 6,000 tokens are left at 1,000 a second, less the time since the last line.
    expect(training.secondsLeft).toBeLessThanOrEqual(6);
    expect(training.secondsLeft).toBeGreaterThan(0);
    expect(Math.abs(Date.parse(training.updated) - Date.now())).toBeLessThan(5000);
    expect(JSON.stringify(trainings)).not.toContain(root);
  });

  it('tells training, evaluating, stopped, diverged and done apart', async () => {
    const state = async () => (await api.get('/api/trainings')).trainings[0].state;
    const log = join(dir, 'log.jsonl');
    writeRun(dir);
    const api = await open();
    expect(await state()).toBe('training');
    writeLog(dir, 1, 3);
    age(45, dir, log, join(dir, 'run.json'));
    expect(await state()).toBe('training');
    age(61, log);
    age(61, dir, join(dir, 'run.json'));
    expect(await state()).toBe('stopped');
    // A line takes 10 s: a minute without one is nothing.
    writeLog(dir, 4, 4, () => ({ tokensPerSecond: 10 }));
    age(90, dir, log, join(dir, 'run.json'));
    expect(await state()).toBe('training');
    age(101, dir, log, join(dir, 'run.json'));
    expect(await state()).toBe('stopped');
    // A checkpoint is a sign of life.
    mkdirSync(join(dir, 'checkpoints'));
    expect(await state()).toBe('training');
    writeLog(dir, 5, 100);
    age(300, log, join(dir, 'run.json'), join(dir, 'checkpoints'), dir);
    expect(await state()).toBe('evaluating');
    age(601, log, join(dir, 'run.json'), join(dir, 'checkpoints'), dir);
    expect(await state()).toBe('stopped');
    writeRun(dir, {}, null, 'step 7: mse is NaN');
    expect((await api.get('/api/trainings')).trainings[0]).toMatchObject({
      state: 'diverged',
      diverged: 'step 7: mse is NaN',
      secondsLeft: null,
    });
    writeRun(dir, {}, { '': evaluation(0.75) });
    const [done] = (await api.get('/api/trainings')).trainings;
    expect(done).toMatchObject({ name: 'runs', state: 'done', secondsLeft: null, step: 100 });
    expect(done.evaluation).toEqual({
      tokens: 500,
      explainedVariance: 0.75,
      l0: 8,
      deadShare: 0.1,
      crossEntropyRecovered: 0.9,
    });
  });

  it('lists every SAE of a sweep, and trainings that come later, in natural order', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const api = await open();
    const list = async () => (await api.get('/api/trainings')).trainings;
    expect(await list()).toEqual([]);
    const sweep = join(dir, 'a', 'sweep');
    writeRun(sweep, { k: [4, 16], embeddingWeight: [0, 0.3] });
    for (const member of ['k-4_embedding-0', 'k-16_embedding-0.3']) writeLog(join(sweep, member), 1, 5);
    writeRun(join(dir, 'b10'), { architecture: 'relu', k: undefined, l1: [2] });
    writeRun(join(dir, 'b9'), { residualWeight: [0.016] });
    // Too deep, a folder of checkpoints, and one that is hidden.
    for (const other of ['x/y/z/deep', 'checkpoints', '.hidden']) writeRun(join(dir, other));
    // Folders are looked for again after a second, or after twenty times as long as the last look took.
    expect(await list()).toEqual([]);
    vi.advanceTimersByTime(60_000);
    const trainings = await list();
    expect(trainings.map(({ name }: { name: string }) => name)).toEqual([
      'a/sweep/k-4_embedding-0',
      'a/sweep/k-4_embedding-0.3',
      'a/sweep/k-16_embedding-0',
      'a/sweep/k-16_embedding-0.3',
      'b9',
      'b10',
    ]);
    expect(trainings.map(({ step }: { step: number }) => step)).toEqual([5, 0, 0, 5, 0, 0]);
    expect(trainings[1]).toMatchObject({
      group: 'a/sweep',
      settings: { k: 4, embeddingWeight: 0.3, residualWeight: 0 },
      last: null,
    });
    expect(trainings[4].settings.residualWeight).toBe(0.016);
    expect(trainings[5]).toMatchObject({ group: null, settings: { k: null, l1: 2 } });
    // The number of latents is in the log where the options leave it to the default.
    expect(trainings[0].settings.latents).toBe(64);
    rmSync(sweep, { recursive: true });
    expect((await api.get('/api/trainings')).trainings).toHaveLength(2);
  });

  it('gives the folder’s own training its name, whatever lies below', async () => {
    writeRun(dir);
    writeRun(join(dir, 'runs'));
    const { trainings } = await (await open()).get('/api/trainings');
    expect(trainings.map(({ name }: { name: string }) => name)).toEqual(['.', 'runs']);
  });
});

describe('GET /api/trainings/log', () => {
  it('gives what is new since a step', async () => {
    writeRun(dir);
    writeLog(dir, 1, 20);
    const api = await open();
    const all = await api.get('/api/trainings/log?name=runs');
    expect(all).toMatchObject({ name: 'runs', thinned: false, cut: false, skipped: 0 });
    expect(all.step).toEqual(range(1, 20));
    expect(all.tokens[19]).toBe(2000);
    expect(all.figures.explainedVariance.slice(0, 3)).toEqual([0, 0.5, 0.6667]);
    expect(all.figures.gradientNorm).toEqual(new Array(20).fill(null));
    // Half a line is none yet.
    const next = logLine(21);
    appendFileSync(join(dir, 'log.jsonl'), next.slice(0, 30));
    expect((await api.get('/api/trainings/log?name=runs&after=18')).step).toEqual([19, 20]);
    appendFileSync(join(dir, 'log.jsonl'), next.slice(30));
    writeLog(dir, 22, 25);
    const more = await api.get('/api/trainings/log?name=runs&after=20');
    expect(more.step).toEqual([21, 22, 23, 24, 25]);
    expect(more.epoch).toBe(all.epoch);
    expect((await api.get('/api/trainings/log?name=runs&after=25')).step).toEqual([]);
    const { headers } = await api.fetch('/api/trainings/log?name=runs');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('begins another epoch where lines were taken back', async () => {
    writeRun(dir);
    writeLog(dir, 1, 30);
    const api = await open();
    const epochs = [(await api.get('/api/trainings/log?name=runs')).epoch];
    const changed = async (steps: number[]) => {
      const answer = await api.get('/api/trainings/log?name=runs');
      expect(answer.step).toEqual(steps);
      epochs.push(answer.epoch);
      const [{ epoch, step }] = (await api.get('/api/trainings')).trainings;
      expect([epoch, step]).toEqual([answer.epoch, steps.at(-1) ?? 0]);
    };
    // Cut back whole, as a training that goes on does, and grown past the old end before anybody looked.
    const other = join(root, 'other');
    writeLog(other, 1, 10);
    writeLog(other, 11, 40, () => ({ loss: 7 }));
    renameSync(join(other, 'log.jsonl'), join(dir, 'log.jsonl'));
    await changed(range(1, 40));
    // The same in place.
    writeFileSync(
      join(dir, 'log.jsonl'),
      range(1, 50)
        .map((step) => logLine(step, { loss: 1 }))
        .join(''),
    );
    await changed(range(1, 50));
    writeFileSync(join(dir, 'log.jsonl'), logLine(1));
    await changed([1]);
    // Steps done again after those that they replace.
    writeLog(dir, 2, 9);
    writeLog(dir, 5, 6, () => ({ loss: 3 }));
    await changed(range(1, 6));
    rmSync(join(dir, 'log.jsonl'));
    await changed([]);
    expect(new Set(epochs).size).toBe(epochs.length);
  });

  it('thins a long log evenly, and says so', async () => {
    writeRun(dir, { tokens: 5_000_000 });
    writeLog(dir, 1, 40_000);
    const api = await open();
    const { step, thinned, figures } = await api.get('/api/trainings/log?name=runs');
    expect([step.length, figures.loss.length, thinned]).toEqual([1000, 1000, true]);
    expect(step.at(-1)).toBe(40_000);
    const gaps = step.slice(1).map((each: number, i: number) => each - step[i]);
    expect(Math.min(...gaps)).toBeGreaterThan(30);
    expect(Math.max(...gaps)).toBeLessThan(50);
    const [training] = (await api.get('/api/trainings')).trainings;
    expect(training).toMatchObject({ step: 40_000, last: { step: 40_000 } });
    writeLog(dir, 40_001, 40_001);
    expect((await api.get('/api/trainings/log?name=runs&after=40000')).step).toEqual([40_001]);
  });

  it('refuses names and steps that it does not know', async () => {
    writeRun(dir);
    writeRun(join(root, 'outside'));
    writeLog(join(root, 'outside'), 1, 3);
    const api = await open();
    for (const name of [
      '../outside',
      '..%2Foutside',
      '/etc',
      'runs/..',
      'runs/../../outside',
      '%00',
      '__proto__',
    ]) {
      const { status, detail } = await api.problem(`/api/trainings/log?name=${name}`);
      expect([name, status]).toEqual([name, 404]);
      expect(detail).toContain('there is no training');
    }
    for (const query of ['', '?name=', '?name=runs&after=-1', '?name=runs&after=x', '?name=runs&more=1']) {
      expect((await api.problem(`/api/trainings/log${query}`)).status).toBe(400);
    }
  });
});

describe('hostile folders', () => {
  it('skips and counts lines that are no lines of a log', async () => {
    const path = join(dir, 'log.jsonl');
    writeRun(dir);
    const bad = [
      '{"step": 5',
      '[]',
      'null',
      '7',
      '"text"',
      '\u0000\ufffd',
      logLine(5, { step: -1 }).trim(),
      logLine(5, { step: 1.5 }).trim(),
      logLine(5, { step: '5' }).trim(),
      logLine(5, { tokens: null }).trim(),
      logLine(5, { loss: null }).trim(),
      logLine(5, { l0: '<b>8</b>' }).trim(),
      logLine(5, { mse: { toString: 1 } }).trim(),
      `{"pad":"${'x'.repeat(70_000)}",${logLine(5).slice(1).trim()}`,
    ];
    writeFileSync(path, `${logLine(1)}${bad.join('\n')}\n\n  \n`);
    appendFileSync(path, Buffer.from([0xff, 0xfe, 0x0a]));
    writeLog(dir, 6, 6, () => ({ sparsity: null, l0: 1e300, extra: 'fine' }));
    appendFileSync(path, 'x'.repeat(3_000_000));
    const api = await open();
    const log = await api.get('/api/trainings/log?name=runs');
    expect(log.step).toEqual([1, 6]);
    expect(log.skipped).toBe(bad.length + 1);
    expect([log.figures.sparsity, log.figures.l0]).toEqual([
      [3, null],
      [8, null],
    ]);
    expect((await api.get('/api/trainings')).trainings[0].skipped).toBe(bad.length + 1);
    // The endless line ends at last.
    appendFileSync(path, `\n${logLine(7)}`);
    expect((await api.get('/api/trainings/log?name=runs')).step).toEqual([1, 6, 7]);
  });

  it('names folders whose run.json it cannot read, and shows the others', async () => {
    const cases: Record<string, string> = {
      text: 'not JSON',
      empty: '',
      other: '{"name": "a package"}',
      version: '{"version": 2, "options": {}, "result": null}',
      kind: '{"version":1,"options":{"architecture":"<script>","embeddingWeight":[0],"tokens":1,"batch":1},"result":null}',
      sweep: JSON.stringify({
        version: 1,
        options: {
          architecture: 'topk',
          k: range(1, 64),
          embeddingWeight: range(1, 64),
          tokens: 10,
          batch: 1,
        },
        result: null,
      }),
      twice:
        '{"version":1,"options":{"architecture":"topk","k":[4,4],"embeddingWeight":[0],"tokens":1,"batch":1},"result":null}',
      large: ' '.repeat(9 << 20),
    };
    for (const [name, text] of Object.entries(cases)) {
      mkdirSync(join(dir, name));
      writeFileSync(join(dir, name, 'run.json'), text);
    }
    mkdirSync(join(dir, 'folder', 'run.json'), { recursive: true });
    writeRun(join(dir, 'good'), { site: 5, seed: 'x', logEvery: -1, latents: 'many' }, { '': null });
    writeLog(join(dir, 'good'), 1, 3);
    const { trainings, unreadable } = await (await open()).get('/api/trainings');
    expect(trainings.map(({ name }: { name: string }) => name)).toEqual(['good']);
    expect(trainings[0]).toMatchObject({
      state: 'done',
      settings: { site: null, seed: null },
      evaluation: null,
    });
    expect(unreadable.map(({ name }: { name: string }) => name).sort()).toEqual(Object.keys(cases).sort());
    expect(JSON.stringify(unreadable)).not.toContain(root);
  });

  it('follows no link out of the folder', async () => {
    const outside = join(root, 'outside');
    writeRun(outside);
    writeLog(outside, 1, 3);
    writeLog(join(outside, 'k-4'), 1, 3);
    symlinkSync(outside, join(dir, 'linked'));
    mkdirSync(join(dir, 'run'));
    symlinkSync(join(outside, 'run.json'), join(dir, 'run', 'run.json'));
    writeRun(join(dir, 'log'));
    symlinkSync(join(outside, 'log.jsonl'), join(dir, 'log', 'log.jsonl'));
    writeRun(join(dir, 'sweep'), { k: [4, 8] });
    symlinkSync(join(outside, 'k-4'), join(dir, 'sweep', 'k-4'));
    const api = await open();
    const { trainings } = await api.get('/api/trainings');
    expect(trainings.map(({ name, step }: { name: string; step: number }) => [name, step])).toEqual([
      ['log', 0],
      ['sweep/k-4', 0],
      ['sweep/k-8', 0],
    ]);
    for (const name of ['log', 'sweep/k-4']) {
      expect((await api.get(`/api/trainings/log?name=${name}`)).step).toEqual([]);
    }
  });

  it('looks through so many folders and shows so many trainings, and says that there are more', async () => {
    for (let i = 0; i < 140; i++) writeRun(join(dir, `run ${i}`), { k: [2, 4, 8] });
    const api = await open();
    const { trainings, complete } = await api.get('/api/trainings');
    expect([trainings.length, complete]).toEqual([256, false]);
  });
});

describe('what is served', () => {
  it('is a study, trainings, or both', async () => {
    const path = join(root, 'study.db');
    writeStudy({ path, banks: [{ name: 'mlp.0', units: 2 }], examples: () => 3, contexts: [[' a', ' b']] });
    const study = openStudy(path);
    const webRoot = join(root, 'none');
    try {
      const alone = await open();
      expect(await alone.get('/api/served')).toEqual({ study: false, trainings: true, queue: false });
      expect(await alone.get('/healthz')).toEqual({ status: 'ok' });
      for (const at of ['/api/study', '/api/units?sort=clusters', '/api/units/mlp.0/1', '/api/random']) {
        const { status, detail } = await alone.problem(at);
        expect(status).toBe(404);
        expect(detail).toMatch(/^no study is served here.*polyseme serve STUDY/);
      }
      const both = await apiClient(createServer(study, { trainings: dir, webRoot }));
      expect(await both.get('/api/served')).toEqual({ study: true, trainings: true, queue: false });
      expect((await both.get('/api/trainings')).trainings).toEqual([]);
      expect((await both.get('/api/study')).name).toBe('study.db');
      const plain = await apiClient(createServer(study, { webRoot }));
      expect(await plain.get('/api/served')).toEqual({ study: true, trainings: false, queue: false });
      expect((await plain.problem('/api/trainings')).detail).toMatch(/no trainings.*option trainings/);
    } finally {
      study.close();
    }
    expect(() => createServer(null, { webRoot })).toThrow('nothing to serve');
  });

  it('is served without a study by startServer, and refused where there is no such folder', async () => {
    const server = await startServer(null, { trainings: dir, port: 0 });
    expect(await (await fetch(`${server.url}/api/trainings`)).json()).toMatchObject({ folder: 'runs' });
    await server.close();
    const none = join(root, 'nowhere');
    await expect(startServer(null, { trainings: none, port: 0 })).rejects.toThrow('no such folder');
    writeFileSync(none, '');
    await expect(startServer(null, { trainings: none, port: 0 })).rejects.toThrow('not a folder');
    await expect(startServer(null)).rejects.toThrow('nothing to serve');
  });

  it('is asked for on the command line', async () => {
    const neither = await cli(['serve']);
    expect([neither.code, neither.stdout]).toEqual([2, '']);
    expect(neither.stderr).toContain('give a STUDY, --trainings DIR or --queue URL');
    const missing = await cli(['serve', '--trainings', join(root, 'nowhere')]);
    expect([missing.code, missing.stdout]).toEqual([1, '']);
    expect(missing.stderr).toMatch(/^error: .*no such folder.*\n$/);
  });
});
