import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moves } from '../../bench/doubling/table.mjs';
import type { Redrawn } from '../../src/compare/redraw.ts';
import { redrawBanks } from '../../src/evaluate/redraw-study.ts';
import { evaluateSae, loadModel, openStudy, runStudy, type Study } from '../../src/index.ts';
import { POLYSEME } from '../helpers/cli.ts';
import { randomSae, savedSae } from '../helpers/saes.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-redraw-'));
const path = join(folder, 'study.db');
const other = join(folder, 'other.db');
const model = await loadModel('builtin:folio-5m');
const sae = randomSae(
  { architecture: 'topk', k: 6, dIn: 256, dSae: 40, hookName: 'blocks.1.hook_resid_post', prependBos: false },
  { seed: 5 },
);
let at = '';
let study: Study;
/** Few units and examples: what matters is where they come from. */
const SMALL = { model, tokens: 3000, examples: 4, units: 12 };
beforeAll(async () => {
  at = await savedSae(sae, 'latents');
  const options = { model, contexts: 20, context: 40, examples: 6 };
  await runStudy({ ...options, out: path, layers: [0, 1], sae: [at] });
  await runStudy({ ...options, out: other, layers: [1], threshold: 0.4 });
  study = openStudy(path);
});
afterAll(async () => {
  study.close();
  await model.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('banks of a study, drawn anew', () => {
  test('have equal numbers of examples from equal text, and a verdict only outside the noise', async () => {
    const found = await redrawBanks(
      [
        { study, bank: 'mlp.1' },
        { study, bank: 'sae/latents', name: 'its latents' },
      ],
      { ...SMALL, sae: [`latents=${at}`] },
    );
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
    expect(found).toMatchObject({ seeds: 5, examples: 4, linkage: 'average', threshold: 0.5 });
    expect(found.tokens).toBeGreaterThanOrEqual(2900);
    expect(found.banks.map(({ name, units, compared }) => [name, units, compared])).toEqual([
      ['mlp.1', 1024, 12],
      ['its latents', 40, 12],
    ]);
    for (const { compared, units, leftOut, metrics } of found.banks) {
      expect(compared + leftOut.reduce((sum, { units }) => sum + units, 0)).toBe(units);
      expect(metrics.meanDistance.noise).toBeGreaterThan(0);
      expect(metrics.meanDistance.draws).toHaveLength(5);
    }
    for (const { difference, reliable, verdict } of found.differences) {
      expect(verdict === null).toBe(Math.abs(difference) <= reliable);
    }
  });

  test('are those that an evaluation of the SAE draws', async () => {
    const options = { model, tokens: 3000, seed: 4 };
    const { polysemy, notes } = await evaluateSae({
      ...options,
      sae,
      data: 'builtin:sotu',
      context: 40,
      examples: 3,
    });
    expect(notes).toEqual([]);
    const banks = [
      { study, bank: 'mlp.1' },
      { study, bank: 'sae/latents' },
    ];
    const found = await redrawBanks(banks, { ...options, examples: 3, sae: [`latents=${at}`] });
    expect(polysemy).toEqual(found);
  });

  test('get no other verdict from twice the text', async () => {
    const banks = [
      { study, bank: 'mlp.1' },
      { study, bank: 'sae/latents' },
    ];
    const draw = (tokens: number, seed: number) =>
      redrawBanks(banks, { model, tokens, seed, examples: 8, units: 40, sae: [`latents=${at}`] });
    const found = [await draw(4000, 1), await draw(8000, 2)];
    // There are verdicts that could have moved.
    for (const { differences } of found) {
      expect(differences.filter(({ verdict }) => verdict !== null).length).toBeGreaterThan(2);
    }
    const moved: { reversed: boolean; inside: boolean }[] = moves(found);
    expect(moved).toHaveLength(found[0]!.differences.length);
    expect(moved.filter(({ reversed }) => reversed)).toEqual([]);
    expect(moved.filter(({ inside }) => !inside)).toEqual([]);
  });

  test('what cannot be redrawn is one line', async () => {
    const redraw = (banks: string[], more = {}) =>
      redrawBanks(
        banks.map((bank) => ({ study, bank })),
        { ...SMALL, ...more },
      );
    await expect(redraw(['mlp.0'])).rejects.toThrow('name two or more banks');
    await expect(redraw(['mlp.0', 'mlp.0'])).rejects.toThrow(/are one bank, mlp.0, of one model/);
    await expect(redraw(['mlp.0', 'mlp.3'])).rejects.toThrow(/has no bank mlp.3 \(it has mlp.0, mlp.1, /);
    await expect(redraw(['mlp.0', 'sae/latents'])).rejects.toThrow(
      /to redraw sae\/latents, say where its SAE lies: option sae latents=PATH/,
    );
    const another = await savedSae(
      randomSae({ dIn: 256, dSae: 40, hookName: 'blocks.1.hook_resid_post' }, { seed: 6 }),
      'latents',
    );
    await expect(redraw(['mlp.0', 'sae/latents'], { sae: [`latents=${another}`] })).rejects.toThrow(
      /the SAE of sae\/latents is not the one of its study: .*sha256/,
    );
    await expect(redraw(['mlp.0', 'mlp.1'], { seeds: 4 })).rejects.toThrow(/seeds is 4; .* at least 5/);
    await expect(redraw(['mlp.0', 'mlp.1'], { tokens: 40 })).rejects.toThrow(
      /in each of 5 parts of the text/,
    );
    const strange = openStudy(other);
    await expect(
      redrawBanks(
        [
          { study, bank: 'mlp.0' },
          { study: strange, bank: 'mlp.1', name: 'other.db:mlp.1' },
        ],
        SMALL,
      ),
    ).rejects.toThrow(/mlp.0 was made with threshold 0.5 and other.db:mlp.1 with threshold 0.4/);
    strange.close();
  });
});

describe('from the command line', () => {
  const call = (...args: string[]) =>
    promisify(execFile)(process.execPath, [...POLYSEME, 'compare', ...args]);

  test('one study or several, drawn anew', async () => {
    const small = ['--redraw', '--tokens', '2000', '--examples', '3', '--units', '6'];
    const json = JSON.parse(
      (await call(`${path}:mlp.0`, `${path}:mlp.1`, ...small, '--json')).stdout,
    ) as Redrawn;
    expect(json.banks.map(({ name }) => name)).toEqual([`${path}:mlp.0`, `${path}:mlp.1`]);
    const { stdout } = await call(path, '--banks', 'mlp.0,mlp.1', ...small);
    expect(stdout).toContain('5 draws of 3 examples of each unit');
    expect(stdout).toContain('not drawn');
    expect(stdout).toMatch(/no ranking: they differ by [\d.]+ \(reliable from [\d.]+\)/);
  });

  test('what is wrong is one line', async () => {
    const failure = async (...args: string[]) => {
      const { stderr, code, stdout } = await call(...args).catch((error) => error);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^error: [^\n]*\n/);
      return stderr as string;
    };
    expect(await failure(path)).toContain('names no bank: write FILE:BANK, or give --banks');
    expect(await failure(path, '--banks', 'mlp.0,mlp.1', '--tokens', '500')).toContain(
      '--tokens means nothing without --redraw',
    );
  });
});
