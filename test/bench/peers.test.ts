import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contest } from '../../bench/peers/contest.mjs';
import { reported } from '../../bench/peers/pages/part.mjs';
import { ratioOf, summarise } from '../../bench/peers/summary.mjs';
import { figure, page, verdict } from '../../bench/peers/table.mjs';

const BENCH = join(import.meta.dirname, '../../bench');

/** A contestant of a few lines, which answers what it is told. */
function fake(name: string, kind: string, lines: string, more = {}) {
  const program = `
    const say = (value) => console.log(JSON.stringify(value));
    let round = 0;
    console.log('a library greets');
    ${lines}
    process.stdin.on('data', () => say(answer(round++)));
    process.stdin.on('end', () => process.exit());`;
  return { name, kind, command: [process.execPath, '-e', program], ...more };
}

const ours = fake(
  'ours',
  'ours',
  `say({ ready: true });
   const answer = (round) => ({ wall: 1, cpu: round + 1, peak: 2e9, found: 3 });`,
);
const peer = fake(
  'peer',
  'peer',
  `say({ ready: true, version: '1.2' });
   const answer = (round) => ({ wall: 4, cpu: 2 * (round + 1) * (round === 3 ? 4 : 1), peak: 5e8, found: 4 });`,
  { against: 'ours' },
);

describe('bench:peers', () => {
  it('runs contestants in turn, leaves the warm-up out, and says who cannot run', async () => {
    const log: string[] = [];
    const { ran, missing } = await contest(
      [
        ours,
        peer,
        fake('none', 'peer', `say({ missing: 'No module named x' }); const answer = () => null;`),
        fake('stops', 'peer', `say({ ready: true }); const answer = () => process.exit(3);`),
        fake('broken', 'peer', `console.error('no | such file'); process.exit(1);`),
      ],
      { rounds: 3, progress: (text: string) => log.push(text) },
    );
    expect(missing).toEqual([
      { name: 'none', why: 'No module named x' },
      { name: 'broken', why: 'broken ended: no | such file' },
      { name: 'stops', why: 'stops ended: no reason given' },
    ]);
    expect(log.filter((line) => line.includes('round')).map((line) => line.split(',')[0])).toEqual([
      'ours: round 1 of 3',
      'peer: round 1 of 3',
      'ours: round 2 of 3',
      'peer: round 2 of 3',
      'ours: round 3 of 3',
      'peer: round 3 of 3',
    ]);
    const agree = (answers: Record<string, { found: number }>) => ({
      peer: `off by ${answers['peer']!.found - answers['ours']!.found}`,
    });
    const rows = summarise({ amount: 8, unit: 'units', agree }, ran);
    expect(rows[0]).toMatchObject({
      who: 'ours',
      cpu: { median: 3, least: 2, most: 4 },
      ratio: null,
      agrees: null,
    });
    expect(rows[1]).toMatchObject({
      who: 'peer (1.2)',
      cpu: { median: 6, least: 4, most: 32 },
      ratio: { median: 2, least: 2, most: 8 },
      agrees: 'off by 1',
    });
    expect(ratioOf(ran, 'peer', 'ours')).toBe(2);
    expect(ratioOf(ran, 'none', 'ours')).toBeNull();
    const text = page({
      b: {
        title: 'Units',
        work: 'Eight units.',
        machine: 'a machine',
        date: '2026-01-01',
        rounds: 3,
        quick: true,
        load: 0.1,
        rows: [rows[0], { ...rows[1], ratio: { median: 0.5, least: 0.4, most: 0.6 } }],
        missing,
        aims: [{ text: 'ours ÷ peer', value: 2, most: 1 }],
      },
    });
    expect(text).toContain('| **b** | **ours** | 8 units/s | 3 (2–4) | 1 | 2 GB |  |  |');
    expect(text).toContain(
      '| **b** | peer (1.2) | 2 units/s | 6 (4–32) | 4 | 0.5 GB | 0.5 (0.4–0.6) × ours | off by 1 |',
    );
    expect(text).toContain('| **b** | broken | not run: broken ended: no \\| such file |');
    expect(text).toContain('Cheaper than Polyseme: peer (1.2) (0.5 × ours).');
    expect(text).toContain('3 rounds of the quick size, a machine, 2026-01-01, load average before it 0.1.');
    expect(text).toContain('- ours ÷ peer: 2 (aim ≤ 1: **missed**)');
  });

  it('times laps of a run', async () => {
    const lap = (cpu: number) => `{ cpu: ${cpu}, wall: 1 }`;
    const laps = (name: string, cpu: number, more = {}) =>
      fake(
        name,
        'ours',
        `say({ ready: true });
         const answer = () => ({ wall: 9, cpu: 9, peak: 1, laps: { small: ${lap(cpu)}, large: ${lap(4 * cpu)} } });`,
        more,
      );
    const { ran } = await contest([laps('a', 1), laps('b', 3, { against: 'a' })], {
      rounds: 1,
      warm: false,
      progress: () => {},
    });
    const rows = summarise({ amount: { small: 10, large: 20 }, unit: 'points', agree: () => ({}) }, ran);
    expect(rows.map(({ lap, amount, cpu, ratio }) => [lap, amount, cpu.median, ratio?.median])).toEqual([
      ['small', 10, 1, undefined],
      ['large', 20, 4, undefined],
      ['small', 10, 3, 3],
      ['large', 20, 12, 3],
    ]);
    expect(ratioOf(ran, 'b', 'a', 'large')).toBe(3);
  });

  it('reads the lines that other benchmarks report', () => {
    const text = [
      'unit requests at 500/s for 5 s, p95                     12.3 ms  (target ≤ 30: holds)',
      'received until then                                     1.25 MB',
      'harvest ÷ forward, top                                  1.31 ×  (target ≤ 1.25: MISSED)',
      'something else',
    ].join('\n');
    expect(reported(text)).toEqual([
      { name: 'unit requests at 500/s for 5 s, p95', value: 12.3, unit: 'ms', target: 30 },
      { name: 'received until then', value: 1.25, unit: 'MB', target: null },
      { name: 'harvest ÷ forward, top', value: 1.31, unit: '×', target: 1.25 },
    ]);
  });

  it('shows three digits, and aims both ways', () => {
    expect([0, 0.01234, 1.2345, 12.345, 123.45, 12_345].map(figure)).toEqual([
      '0',
      '0.012',
      '1.23',
      '12.3',
      '123',
      '12,345',
    ]);
    expect(verdict({ text: 'x', value: 5, least: 4 })).toBe('x: 5 (aim ≥ 4: holds)');
    expect(verdict({ text: 'x', value: null, least: 4 })).toBe('x: not measured');
  });

  it('made docs/benchmarks.md from its results', () => {
    const results = JSON.parse(readFileSync(join(BENCH, 'peers/results.json'), 'utf8'));
    expect(readFileSync(join(BENCH, '../docs/benchmarks.md'), 'utf8')).toBe(page(results));
  });
});
