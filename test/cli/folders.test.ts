// Which folders the commands take that write several files: new, empty, or begun by the same command.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { saveSae } from '../../src/sae/save.ts';
import { cli } from '../helpers/cli.ts';
import { randomSae } from '../helpers/saes.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-folders-'));
const sae = join(folder, 'an-sae');
let model: string[];
beforeAll(async () => {
  model = ['--model', writeSmallFolio(join(folder, 'model'))];
  await saveSae(randomSae({ dIn: 16, dSae: 4 }), sae);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const site = ['--site', 'blocks.1.hook_resid_post', '--contexts', '4'];
const small = ['--latents', '16', '--k', '4', '--batch', '64', '--eval-tokens', '0', '--threads', '1'];
const commands: Record<string, (out: string) => string[]> = {
  'sae cache': (out) => ['sae', 'cache', ...model, ...site, '--tokens', '100', '--out', out],
  'sae train': (out) => ['sae', 'train', ...model, ...site, ...small, '--tokens', '128', '--out', out],
  'sae convert': (out) => ['sae', 'convert', sae, out],
};

describe.each(Object.keys(commands))('%s', (name) => {
  const args = commands[name]!;

  test('leaves a folder alone that holds other files, and names some', async () => {
    const out = mkdtempSync(join(folder, 'theirs-'));
    // What the command itself would write, and what it would not.
    for (const file of ['cfg.json', 'README.md', 'notes.txt', 'zebra'])
      writeFileSync(join(out, file), 'mine');
    expect(await cli(args(out))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^error: folder .*theirs-\w+ holds other files \(README\.md, cfg\.json, notes\.txt and 1 more\): choose another[^\n]*\n$/,
      ),
    });
    expect(readdirSync(out).sort()).toEqual(['README.md', 'cfg.json', 'notes.txt', 'zebra']);
    expect(readFileSync(join(out, 'cfg.json'), 'utf8')).toBe('mine');
  });

  test('takes an empty one, and is not written over by another command', async () => {
    const out = mkdtempSync(join(folder, 'empty-'));
    expect(await cli(args(out))).toMatchObject({ code: 0 });
    const made = readdirSync(out);
    for (const [other, of] of Object.entries(commands)) {
      if (other === name && other !== 'sae convert') continue;
      expect(await cli(of(out)), other).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('holds other files ('),
      });
    }
    expect(readdirSync(out)).toEqual(made);
  });

  test('takes one in which a killed command left its lock and half a file', async () => {
    const out = join(folder, `left-${name.slice(4)}`);
    mkdirSync(out);
    writeFileSync(join(out, 'polyseme.lock'), '');
    writeFileSync(join(out, '.run.json.elsewhere-1-0.incomplete'), 'half');
    expect(await cli(args(out))).toMatchObject({ code: 0 });
  });
});
