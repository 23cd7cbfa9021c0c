// Does residual alignment (L_R) bring an SAE's latents nearer to one feature each, and is it worth what it costs in
// variance explained? SAEs with L_R, with L_N, with L_R's control without direction and with a lower k, on vectors of known
// features and on two sites of folio-5m. Writes the tables of docs/monosemantic.md, docs/images/residual-alignment.png and
// bench/monosemantic/residual.json.
//
//   node bench/residual-alignment.mjs [--toy-seeds 5] [--model-seeds 5] [--minutes 90] [--small] [--folder DIR] [--quick]
//
// After so many minutes (two fifths of them for known features) no further SAE is begun, and only seeds that are whole are
// reported. Killed and typed again, it goes
// on. --small: less training on the model, for a machine that is shared. `npm run format` then lays the tables out. --quick: a small run of everything, which writes into the folder only.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeJson } from './monosemantic/kept.mjs';
import { measureResidualModel } from './monosemantic/residual-model.mjs';
import { drawResidualPlot } from './monosemantic/residual-plot.mjs';
import { writeResidualTables } from './monosemantic/residual-tables.mjs';
import { measureResidualToy } from './monosemantic/residual-toy.mjs';

const { values } = parseArgs({
  options: {
    'toy-seeds': { type: 'string', default: '5' },
    'model-seeds': { type: 'string', default: '5' },
    minutes: { type: 'string', default: '90' },
    folder: { type: 'string', default: join(import.meta.dirname, '.cache', 'residual-alignment') },
    small: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
});
const { quick, small } = values;
const folder = join(values.folder, quick ? 'quick' : 'whole');
mkdirSync(folder, { recursive: true });
const seeds = (count) => Array.from({ length: quick ? 2 : Number(count) }, (_, seed) => seed);

/** What is asked. The first arm is what the others are held against; those that only lower k give the curve of k alone. */
const plan = {
  toy: {
    seeds: seeds(values['toy-seeds']),
    /** `active`: features of a vector, of which parents bring 0.75 of a child, and pairs 0.6 of a partner: about 5 in all. */
    sets: [
      {
        name: 'hierarchical: 32 parents, 96 children',
        kind: 'hierarchical',
        features: 128,
        parents: 32,
        active: 3,
      },
      { name: 'correlated: 128 pairs', kind: 'pairs', features: 256, active: 3 },
      { name: 'flat: 256 features', kind: 'flat', features: 256, active: 5 },
    ],
    dimension: 64,
    latents: 128,
    batch: 128,
    steps: quick ? 50 : 1200,
    evaluated: quick ? 1000 : 10_000,
    arms: arms(5, [4, 3]),
  },
  model: {
    seeds: seeds(values['model-seeds']),
    sites: ['blocks.2.hook_resid_post', 'blocks.2.mlp.hook_in'],
    latents: quick ? 128 : 512,
    batch: 256,
    steps: quick ? 20 : small ? 500 : 1200,
    /** Vectors that are trained on, again and again, and held-out ones whose distances are measured. */
    vectors: quick ? 5000 : small ? 60_000 : 118_000,
    heldOut: quick ? 2000 : small ? 8000 : 16_000,
    evalTokens: quick ? 1000 : small ? 6000 : 10_000,
    arms: arms(12, [10, 8]),
  },
};

function arms(k, lower) {
  return [
    { name: `k ${k}`, k },
    ...lower.map((less) => ({ name: `k ${less}`, k: less })),
    { name: 'L_N 1', k, embeddingWeight: 1 },
    { name: 'control 0.047', k, residualWeight: 0.047, withoutDirection: true },
    { name: 'L_R 0.016', k, residualWeight: 0.016 },
    { name: 'L_R 0.047', k, residualWeight: 0.047 },
    { name: 'L_R 0.14', k, residualWeight: 0.14 },
  ];
}

const started = performance.now();
/** Whether less than this share of the time is over. */
const isBefore = (share) => () => performance.now() - started < share * 60_000 * Number(values.minutes);
const results = {
  plan,
  toy: await measureResidualToy(plan.toy, folder, isBefore(0.4)),
  model: await measureResidualModel(plan.model, folder, isBefore(1)),
};
const docs = join(import.meta.dirname, '..', 'docs');
writeJson(
  quick ? join(folder, 'results.json') : join(import.meta.dirname, 'monosemantic', 'residual.json'),
  results,
);
writeResidualTables(results, quick ? null : join(docs, 'monosemantic.md'));
await drawResidualPlot(
  results,
  quick ? join(folder, 'plot.png') : join(docs, 'images', 'residual-alignment.png'),
);
