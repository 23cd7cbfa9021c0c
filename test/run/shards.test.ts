import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { writeSealed } from '../../src/base/sealed-file.ts';
import { mergeShards, planRun, type RunOptions, runShard, runStudy } from '../../src/index.ts';
import { compiled } from '../helpers/cli.ts';
import { FAMILIES } from '../helpers/families.ts';
import { writePieces, writeSae } from '../helpers/frozen.mjs';
import { writeSmallFolio } from '../helpers/small-folio.ts';
import { tinyTokenizer } from '../helpers/tiny-checkpoint.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-shards-'));
const data = join(folder, 'pieces.jsonl');
const sae = [join(folder, 'topk')];
beforeAll(async () => {
  await writePieces(data);
  const at = { dIn: 256, modelName: 'folio-5m', hookName: 'blocks.0.hook_resid_post' };
  await writeSae(join(folder, 'topk'), { ...at, architecture: 'topk', k: 5, dSae: 48 }, { seed: 1 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Few units, so that splitting them takes no time. */
const PLAIN: RunOptions = {
  model: writeSmallFolio(join(folder, 'folio'), 64),
  data,
  layers: [],
  sae,
  context: 40,
  examples: 16,
  threads: 1,
};

let made = 0;
const file = (name: string): string => join(folder, `${made++}-${name}`);

/** Makes a study in shards; returns it, and what lay between. */
async function divided(options: RunOptions, shards: number, shares = 0) {
  const plan = file('plan');
  const { rounds } = await planRun({ ...options, plan, shards });
  let after: string | undefined;
  let parts: string[] = [];
  for (const kind of rounds) {
    parts = [];
    for (let shard = shards; shard >= 1; shard--) {
      const out = file(`${kind}-${shard}`);
      const part = await runShard({ plan, shard, after, out, threads: 1 });
      expect(part).toEqual({ kind, covers: [shard], of: shards });
      parts.push(out);
    }
    if (kind === 'rows') break;
    after = file(kind);
    await mergeShards({ parts, out: after });
  }
  const all = [after!, ...parts];
  for (let share = 1; share <= shares; share++) {
    const out = file(`units-${share}`);
    await mergeShards({ parts: [after!, ...parts], units: { share, of: shares }, out, threads: 1 });
    all.push(out);
  }
  const merged = await mergeShards({ parts: all, out: file('study.db'), threads: 1 });
  if (!('study' in merged)) throw new Error('no study');
  return merged.study;
}

const hashes = new Map<string, Promise<string | null>>();
/** The content hash of the undivided run. */
function whole(options: RunOptions): Promise<string | null> {
  const key = JSON.stringify(options);
  const known =
    hashes.get(key) ?? runStudy({ ...options, out: file('whole.db') }).then((info) => info.contentHash);
  hashes.set(key, known);
  return known;
}

describe('a run in shards has the content of the undivided run', () => {
  test.each([
    ['top, repeated documents, units in shares', {}, 2, 3],
    ['top over all positions, one shard', { sign: 'absolute', everyPosition: true }, 1, 0],
    ['fraction', { select: 'fraction', fraction: 0.4 }, 3, 0],
    [
      'the paper’s, two banks, one at once',
      { paper: true, sae: [...sae, `two=${sae[0]}`], layersAtOnce: 1 },
      2,
      2,
    ],
    ['quantiles, not as many a band', { select: 'quantiles', examples: 25, everyPosition: true }, 2, 0],
    ['random', { select: 'random', seed: 7, sinkMultiple: 2 }, 3, 0],
    ['contexts that are chosen', { contexts: 23, seed: 3, bos: 'yes' }, 3, 0],
    ['more shards than contexts', { contexts: 2 }, 3, 3],
    ['neurons', { layers: [1], sae: undefined, contexts: 12, examples: 4, features: 'cut' }, 2, 0],
  ] as [string, RunOptions, number, number][])('%s', async (_, options, shards, shares) => {
    const all = { ...PLAIN, ...options };
    const study = await divided(all, shards, shares);
    expect(study.contentHash).toBe(await whole(all));
  });

  test('without a plan, where no document is left out', async () => {
    const run: RunOptions = { ...PLAIN, keepDuplicates: true, contexts: 23, seed: 3 };
    const shards = [1, 2];
    const parts = async (kind: string, after?: string) => {
      const names = shards.map((shard) => file(`${kind}-${shard}`));
      for (const [i, out] of names.entries()) await runShard({ plan: run, shard: i + 1, of: 2, after, out });
      return names;
    };
    const examples = file('unplanned-examples');
    const first = await parts('unplanned');
    await mergeShards({ parts: first, out: examples });
    const rows = await parts('unplanned-rows', examples);
    const merged = await mergeShards({ parts: [examples, ...rows], out: file('unplanned.db') });
    expect('study' in merged && merged.study.contentHash).toBe(await whole(run));
    // The plan is that of the run, and nothing of it is left.
    const plan = file('planned');
    await planRun({ ...run, plan, shards: 2 });
    const planned = file('planned-1');
    await runShard({ plan, shard: 1, out: planned });
    expect(readFileSync(planned).equals(readFileSync(first[0]!))).toBe(true);
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
    for (const wrong of [{ plan: PLAIN, of: 2 }, { plan: run }]) {
      await expect(runShard({ ...wrong, shard: 1, out: file('nothing') })).rejects.toThrow(
        /option shard needs option plan, .* or option keepDuplicates/,
      );
    }
  });

  test('a mixture of experts, whose statistics are over the tokens routed to each', async () => {
    const model = file('mixtral');
    cpSync(join(FAMILIES, 'mixtral'), model, { recursive: true });
    writeFileSync(join(model, 'tokenizer.json'), JSON.stringify(tinyTokenizer(32)));
    const random = createRandom(3);
    const letters = Array.from({ length: 900 }, () => String.fromCharCode(97 + random.integer(26)));
    const text = file('letters.txt');
    writeFileSync(text, letters.join(''));
    const options: RunOptions = { model, data: text, layers: [1], context: 24, examples: 6, threads: 1 };
    expect((await divided(options, 3, 2)).contentHash).toBe(await whole(options));
  });

  test('images, and their pictures', async () => {
    const options = { model: 'builtin:digits', layers: [0], contexts: 30, examples: 6, threads: 1 };
    const study = await divided(options, 3);
    expect(study.contentHash).toBe(await whole(options));
  });

  test('activations of one’s own', async () => {
    const activations = new URL('../fixtures/own-activations/hooks-gpt2', import.meta.url).pathname;
    const study = await divided({ activations, threads: 1 }, 2);
    expect(study.contentHash).toBe(await whole({ activations, threads: 1 }));
  });
});

describe('parts', () => {
  const plan = join(folder, 'parts.plan');
  const part = (name: string): string => join(folder, `parts-${name}`);
  beforeAll(async () => {
    await planRun({ ...PLAIN, plan, shards: 3 });
    for (const shard of [1, 2, 3]) await runShard({ plan, shard, out: part(`${shard}`) });
    await mergeShards({ parts: [part('1'), part('2'), part('3')], out: part('all') });
    for (const shard of [1, 2, 3]) {
      await runShard({ plan, shard, after: part('all'), out: part(`rows-${shard}`) });
    }
  });

  test('merged in another order and in groups give the same file', async () => {
    await mergeShards({ parts: [part('3'), part('1')], out: part('some') });
    await mergeShards({ parts: [part('2'), part('some')], out: part('again') });
    expect(readFileSync(part('again')).equals(readFileSync(part('all')))).toBe(true);
  });

  test('that are there are left as they are, also by a merge and a plan', async () => {
    const names = ['1', 'all', 'rows-2'].map(part).concat(plan);
    const before = names.map((name) => statSync(name).mtimeMs);
    await runShard({ plan, shard: 1, out: part('1') });
    await runShard({ plan, shard: 2, after: part('all'), out: part('rows-2') });
    await mergeShards({ parts: [part('2'), part('1'), part('3')], out: part('all') });
    await planRun({ ...PLAIN, plan, shards: 3 });
    expect(names.map((name) => statSync(name).mtimeMs)).toEqual(before);
  });

  test('hold about 20 bytes an example', async () => {
    const { size } = statSync(part('all'));
    const study = await mergeShards({
      parts: ['all', 'rows-1', 'rows-2', 'rows-3'].map(part),
      out: file('size.db'),
    });
    if (!('study' in study)) throw new Error('no study');
    // 150 random inputs, a sample of 2,000 positions of the text, and its words are of the whole part.
    const rest = 150 * (2 * 256 + 16) + 2000 * (20 + 4 * 41) + 12 * 2 ** 13 + 6 * 100 * 48;
    expect(size).toBeLessThan(24 * study.study.examples + rest + 20_000);
  });

  test('a killed shard leaves nothing behind that counts, and is run again', async () => {
    const out = part('killed');
    const child = spawn(process.execPath, [
      compiled('test/helpers/run-shard.mjs'),
      JSON.stringify({ plan, shard: 2, out, threads: 1 }),
    ]);
    const signal = await new Promise((resolve) => child.once('close', (_, how) => resolve(how)));
    expect(signal).toBe('SIGKILL');
    expect(existsSync(out)).toBe(false);
    await runShard({ plan, shard: 2, out });
    expect(readFileSync(out).equals(readFileSync(part('2')))).toBe(true);
  });

  test('a stopped shard leaves nothing behind', async () => {
    const stop = new AbortController();
    const out = part('stopped');
    const running = runShard({ plan, shard: 2, out, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(running).rejects.toMatchObject({ code: 'aborted' });
    expect(readdirSync(folder).filter((name) => name.includes('stopped'))).toEqual([]);
  });

  test.each([
    ['a missing shard', ['all', 'rows-1', 'rows-3'], /the rows lack shard 2 of 3/],
    [
      'a shard twice',
      ['1', '2', '1'],
      /parts-1 .*and .*parts-1 .*both have shard 1: leave one of them out; nothing was merged/,
    ],
    ['a merge and a part of it', ['all', '3'], /both have shard 3/],
    ['rows alone', ['rows-1', 'rows-2', 'rows-3'], /parts of different rounds/],
    ['examples that are not whole', ['1', 'rows-1', 'rows-2', 'rows-3'], /parts-1 lacks shards 2-3 of 3/],
    ['a file that is no part', ['1', '../corpus'], /no such file|is not a part/],
  ])('%s: named, and nothing is merged', async (_, names, message) => {
    const out = file('nothing');
    await expect(mergeShards({ parts: names.map(part), out })).rejects.toThrow(message);
    expect(existsSync(out)).toBe(false);
  });

  test('of another run, plan or examples are named', async () => {
    const other = file('other.plan');
    const same = file('same.plan');
    await planRun({ ...PLAIN, examples: 5, plan: other, shards: 3 });
    await planRun({ ...PLAIN, plan: same, shards: 4 });
    const [one, two] = [file('other-1'), file('same-1')];
    await runShard({ plan: other, shard: 1, out: one });
    await runShard({ plan: same, shard: 1, out: two });
    const out = file('nothing');
    await expect(mergeShards({ parts: [part('2'), one], out })).rejects.toThrow(
      /other-1 is of a plan with another model, data or options than .*parts-2: nothing was merged/,
    );
    await expect(mergeShards({ parts: [part('2'), two], out })).rejects.toThrow(/another number of shards/);
    await expect(runShard({ plan: other, shard: 1, after: part('all'), out })).rejects.toThrow(
      /a part of another plan/,
    );
    await expect(runShard({ plan, shard: 1, after: part('1'), out })).rejects.toThrow(/lacks shards 2-3/);
    await expect(runShard({ plan, shard: 4, out })).rejects.toThrow(/the plan has the shards 1 to 3/);
    await expect(runShard({ plan, shard: 1, of: 4, out })).rejects.toThrow(
      /shard is 1\/4: the plan has 3 shards/,
    );
    await expect(runShard({ plan, shard: 1, out: one })).rejects.toThrow(
      /holds examples of shard 1 of 3, not .* of this plan/,
    );
    await expect(planRun({ ...PLAIN, plan: other, shards: 3 })).rejects.toThrow(
      /plan of another run \(other options, model or data\)/,
    );
    await expect(runShard({ plan: part('1'), shard: 1, out })).rejects.toThrow(
      /is a part of a divided run, not its plan/,
    );
    await expect(runShard({ plan: data, shard: 1, out })).rejects.toThrow(/is not a plan of a divided run/);
    expect(existsSync(out)).toBe(false);
  });

  test('of a damaged file, or one of another version', async () => {
    const bytes = readFileSync(part('1'));
    const altered = file('altered');
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(altered, bytes);
    const out = file('nothing');
    await expect(mergeShards({ parts: [altered, part('2')], out })).rejects.toThrow(
      /altered is damaged: .*SHA-256 differs/,
    );
    await expect(runShard({ plan, shard: 1, out: altered })).rejects.toThrow(
      /altered is there and cannot be replaced unasked .*SHA-256 differs.*option overwrite/,
    );
    const newer = file('newer');
    await writeSealed(newer, { format: 2, kind: 'examples' }, []);
    await expect(mergeShards({ parts: [newer, part('2')], out })).rejects.toThrow(
      /has the format 2 of another version/,
    );
    expect(existsSync(out)).toBe(false);
  });

  test('that is to replace what is none is refused, also with overwrite', async () => {
    const thesis = file('thesis.txt');
    writeFileSync(thesis, 'mine');
    const message = /thesis\.txt is there, and is no plan or part/;
    const overwrite = true;
    await expect(planRun({ ...PLAIN, plan: thesis, shards: 2, overwrite })).rejects.toThrow(message);
    await expect(runShard({ plan, shard: 1, out: thesis, overwrite })).rejects.toThrow(message);
    await expect(mergeShards({ parts: [part('1'), part('2')], out: thesis, overwrite })).rejects.toThrow(
      message,
    );
    expect(readFileSync(thesis, 'utf8')).toBe('mine');
    // A damaged part is made again.
    const damaged = file('damaged');
    const whole = readFileSync(part('1'));
    writeFileSync(damaged, whole.subarray(0, whole.length >> 1));
    await runShard({ plan, shard: 1, out: damaged, overwrite });
    expect(readFileSync(damaged).equals(whole)).toBe(true);
    await expect(planRun({ ...PLAIN, plan: file('none/p'), shards: 2 })).rejects.toThrow(
      /^option plan .*there is no folder/,
    );
  });

  test('of a text that changed: the document is named', async () => {
    const text = readFileSync(data, 'utf8');
    try {
      writeFileSync(data, text.replaceAll('Congress', 'congress'));
      const shards = [1, 2, 3].map((shard) => runShard({ plan, shard, out: file('changed') }));
      const failed = (await Promise.allSettled(shards)).filter(({ status }) => status === 'rejected');
      expect(failed.map((result) => String((result as PromiseRejectedResult).reason))).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/pieces\.jsonl:\d+ piece \d+: its text is not what was planned/),
        ]),
      );
    } finally {
      writeFileSync(data, text);
    }
  });
});
