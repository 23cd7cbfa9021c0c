import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStudy } from '../../src/study/open-study.ts';
import { cli, type Ended } from '../helpers/cli.ts';
import { writeStudy } from '../helpers/written-study.ts';

/** Clears the screen, sets a title, is C1's form of the same, reverses the order of what follows, hides, ends a line. */
const BAD = '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202egpj\u2066\u200b\u0085';
const dir = mkdtempSync(join(tmpdir(), 'polyseme-foreign-'));
/** A file name can hold anything but NUL and a slash. */
const path = join(dir, `study${BAD}\n.db`);
const BANKS = [`sae/a${BAD}`, `sae/b\r\n${BAD}`];

beforeAll(() => {
  writeStudy({
    path,
    banks: BANKS.map((name) => ({ name, units: 4 })),
    examples: () => 12,
    contexts: [
      [' a', BAD, ' b\0', '\r', '\n', '\t'],
      ['<0xE2>', '<0x80>', '<0x94>', ' dash', '<0xE2>', `x${BAD}`],
      ['\ud800', `\0${BAD}`, ' end'],
    ],
    documents: [`one${BAD}`, 'two\nlines\r', `three\0${BAD}`],
    words: (unit, feature) => [`w${unit}-${feature}`, BAD, '\u001b[31m', 'nul\0', '\u202e'],
  });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** That nothing but whole lines of text comes out: no control, bidirectional or invisible character. */
function expectInert({ stdout, stderr }: Ended): void {
  const rest = (stdout + stderr).replaceAll('\n', '');
  expect(rest.match(/[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}\u200b\u2060\ufeff]/gu)).toBeNull();
}

describe('foreign text in a terminal', () => {
  for (const [name, args] of [
    ['info', ['info', path]],
    ['units', ['units', path, '--sort', 'clusters', '--desc']],
    ['unit', ['unit', path, `${BANKS[0]}/1`, '--examples', '12']],
    ['compare', ['compare', path, '--banks', BANKS.join(','), '--examples', '8']],
    ['unit --json', ['unit', path, `${BANKS[1]}/2`, '--json']],
    ['info --json', ['info', path, '--json']],
    ['export', ['export', path]],
  ] as const) {
    test(`${name}: is seen, and does nothing`, async () => {
      const ended = await cli(args, { env: { NO_COLOR: '1' } });
      expect(ended.stderr.replace(/^.*units.*\n/gm, '')).toBe('');
      expect(ended.code).toBe(0);
      expectInert(ended);
      if (!/json|export/.test(name)) expect(ended.stdout).toContain('␛[2J');
    });
  }

  test('JSON is the study’s own text all the same', async () => {
    const { stdout } = await cli(['unit', path, `${BANKS[1]}/2`, '--json']);
    const study = openStudy(path);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(study.unit(BANKS[1]!, 2))));
    study.close();
  });

  test('bytes are shown as the character that they spell, with the peak on it', async () => {
    const { stdout } = await cli(['unit', path, `${BANKS[0]}/1`, '--examples', '12'], {
      env: { NO_COLOR: '1' },
    });
    expect(stdout).toContain('— dash<0xE2>x␛');
    expect(stdout).not.toContain('<0x80>');
  });

  test('errors are one line, whatever names they tell', async () => {
    const missing = join(dir, `no\n${BAD}`);
    const broken = join(dir, `broken${BAD}`);
    writeFileSync(broken, BAD);
    const sound = join(dir, 'sound.db');
    copyFileSync(path, sound);
    for (const args of [
      ['info', missing],
      ['info', broken],
      ['unit', path, `${BANKS[0]}/99`],
      ['unit', path, `none${BAD}/1`],
      ['units', sound, '--bank', BAD],
      ['run', '--data', missing, '--out', join(dir, 'x.db')],
      ['run', '--model', missing, '--out', join(dir, 'x.db')],
      ['info', missing, '--verbose'],
    ]) {
      const ended = await cli(args);
      expect(ended.code).toBe(1);
      expect(ended.stderr).toMatch(/^error: /);
      if (!args.includes('--verbose')) expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
      expectInert(ended);
    }
    const usage = await cli(['units', path, `--${BAD}`]);
    expect(usage.code).toBe(2);
    expectInert(usage);
  });

  test('a run over hostile files ends in a summary that does nothing', async () => {
    const data = join(dir, 'data');
    mkdirSync(data);
    const text = 'The war of the world and the peace of the people. '.repeat(8);
    for (let i = 0; i < 4; i++) {
      writeFileSync(join(data, `file${BAD}${i}.txt`), text.replaceAll('war', ` ${BAD}${BAD} `));
    }
    const out = join(dir, `made${BAD}.db`);
    const ended = await cli(['run', '--data', data, '--layers', '0', '--context', '32', '--out', out], {
      env: { NO_COLOR: '1' },
    });
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('What the units are');
    expectInert(ended);
  });
});
