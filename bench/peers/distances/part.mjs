// One unit's examples taken apart: embeddings, distances, average linkage, the cut at 0.5, metrics; unit after unit.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../../dist/base/random.js';
import { ratioOf } from '../summary.mjs';

const EXAMPLES = 64;
const WIDTH = 768;
const ALL = 36_864;
/** Units in the file, taken again and again. */
const DRAWN = 64;

export async function prepare({ dir, quick, python }) {
  const units = quick ? 512 : 2048;
  writePlanted(dir);
  const against = 'Polyseme';
  const here = import.meta.dirname;
  const one = { OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' };
  const peer = (name, what) => ({
    name,
    kind: 'peer',
    against,
    env: one,
    command: [python, join(here, 'peer.py'), dir, units, DRAWN, EXAMPLES, WIDTH, what],
  });
  const names = ['fastcluster on a BLAS product', 'SciPy pdist + linkage', 'NumPy + scikit-learn'];
  return {
    title: 'Distances, linkage, cut, metrics',
    work: `${units} units (a sample of ${ALL.toLocaleString('en-US')}) of ${EXAMPLES} examples × ${WIDTH}, with one to four planted features each, on one thread: embeddings h ⊙ w, all cosine distances, average linkage, the cut at 0.5, number of clusters and mean distances within and between them (peers: vectorised NumPy); Polyseme's metrics include the silhouette.`,
    amount: units,
    unit: 'units',
    contestants: [
      {
        name: against,
        kind: 'ours',
        command: [process.execPath, join(here, 'ours.mjs'), dir, units, DRAWN, EXAMPLES, WIDTH],
      },
      peer(names[0], 'fastcluster'),
      peer(names[1], 'scipy'),
      peer(names[2], 'sklearn'),
    ],
    agree: (answers) => agree(answers, against),
    aims: (ran) => [
      {
        text: `Polyseme ÷ ${names[0]}`,
        value: ratioOf(ran, against, names[0]),
        most: 1,
      },
    ],
  };
}

/** h of every unit around one to four centres, and its w. */
function writePlanted(dir) {
  const random = createRandom(5);
  const normal = () => random.next() + random.next() + random.next() - 1.5;
  const rows = new Float32Array(DRAWN * EXAMPLES * WIDTH);
  for (let unit = 0; unit < DRAWN; unit++) {
    const centres = Array.from({ length: 1 + (unit % 4) }, () =>
      Float32Array.from({ length: WIDTH }, normal),
    );
    for (let i = 0; i < EXAMPLES; i++) {
      const centre = centres[i % centres.length];
      for (let k = 0; k < WIDTH; k++) rows[(unit * EXAMPLES + i) * WIDTH + k] = centre[k] + 0.6 * normal();
    }
  }
  const weights = Float32Array.from({ length: DRAWN * WIDTH }, normal);
  writeFileSync(join(dir, 'inputs'), new Uint8Array(rows.buffer));
  writeFileSync(join(dir, 'weights'), new Uint8Array(weights.buffer));
}

function agree(answers, own) {
  const ours = answers[own];
  return Object.fromEntries(
    Object.entries(answers)
      .filter(([name]) => name !== own)
      .map(([name, theirs]) => {
        const same = theirs.clusters.filter((count, unit) => count === ours.clusters[unit]).length;
        const off = Math.max(
          ...['mean', 'within', 'between'].flatMap((key) =>
            theirs[key].map((value, unit) => Math.abs(value - (ours[key][unit] ?? 0))),
          ),
        );
        return [
          name,
          `clusters of ${same} of ${theirs.clusters.length} units the same, distances within ${off.toExponential(0)}`,
        ];
      }),
  );
}
