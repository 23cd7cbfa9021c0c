// Average linkage of n points, from 20 to 20,000.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../../dist/base/random.js';
import { cosineDistances } from '../../../dist/embed/distances.js';
import { ratioOf } from '../summary.mjs';

const WIDTH = 16;
/** Points that one lap clusters in all, so that small trees are timed as well as large ones. */
const POINTS = 20_000;

export async function prepare({ dir, quick, python, progress }) {
  const sizes = quick ? [20, 200, 2000, 6000] : [20, 200, 2000, 6000, 20_000];
  const random = createRandom(9);
  for (const n of sizes) {
    progress(`distances of ${n} points`);
    const rows = Float32Array.from({ length: n * WIDTH }, () => random.next() - 0.4);
    writeFileSync(join(dir, String(n)), new Uint8Array(cosineDistances({ rows, count: n }).buffer));
  }
  const repeats = (n) => Math.max(1, Math.floor(Math.min(POINTS / n, 500)));
  const laps = sizes.map((n) => `${n}x${repeats(n)}`).join(',');
  const name = (n) => `n = ${n.toLocaleString('en-US')}`;
  const here = import.meta.dirname;
  const against = 'Polyseme';
  const peer = (who, what) => ({
    name: who,
    kind: 'peer',
    against,
    command: [python, join(here, 'peer.py'), dir, laps, what],
  });
  return {
    title: 'Linkage from 20 to 20,000 points',
    work: `Average linkage of n points by their cosine distances, ${sizes.map((n) => `${repeats(n)} of ${name(n)}`).join(', ')}; on one thread. Every tree is compared.`,
    amount: Object.fromEntries(sizes.map((n) => [name(n), n * repeats(n)])),
    unit: 'points',
    // One round at 20,000 points takes all the time there is.
    contestants: [
      { name: against, kind: 'ours', command: [process.execPath, join(here, 'ours.mjs'), dir, laps] },
      peer('fastcluster', 'fastcluster'),
      peer('SciPy', 'scipy'),
    ],
    agree: (answers) => agree(answers, against),
    aims: (ran, rows) => [
      {
        text: 'growth: exponent of n in processor time, from 2,000 points on',
        value: exponent(rows, against),
        most: 2.1,
      },
      ...sizes.map((n) => ({
        text: `Polyseme ÷ fastcluster, ${name(n)}`,
        value: ratioOf(ran, against, 'fastcluster', name(n)),
        most: 1,
      })),
    ],
  };
}

/** Slope of log(seconds of a tree) over log(n), by least squares. */
function exponent(rows, who) {
  const points = rows
    .filter(({ name }) => name === who)
    .map(({ lap, cpu }) => ({ n: Number(lap.replaceAll(/\D/g, '')), seconds: cpu.median }))
    .filter(({ n }) => n >= 2000)
    .map(({ n, seconds }) => [
      Math.log(n),
      Math.log(seconds / Math.max(1, Math.floor(Math.min(POINTS / n, 500)))),
    ]);
  const mean = (i) => points.reduce((sum, point) => sum + point[i], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const slope = (i) =>
    points.reduce((sum, point) => sum + (point[0] - x) * (point[i] - (i === 0 ? x : y)), 0);
  return slope(1) / slope(0);
}

function agree(answers, own) {
  return Object.fromEntries(
    Object.entries(answers)
      .filter(([name]) => name !== own)
      .map(([name, { sums }]) => {
        const off = Object.entries(sums).map(([n, sum]) => Math.abs(sum / answers[own].sums[n] - 1));
        return [name, `sums of heights within ${Math.max(...off).toExponential(0)}`];
      }),
  );
}
