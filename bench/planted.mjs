// Are features found that are known to be there? Units planted on activations of folio-5m, on synthetic inputs and on
// toy data, each a sum of directions of known features; what every rule makes of them. Bounds are chosen on one half of
// the units and reported on the other. Writes docs/validity.md's tables and bench/planted/results.json.
//
//   node bench/planted.mjs [--folder bench/.cache/planted] [--quick]
//
// Killed and typed again, it goes on. `npm run format` then lays the tables out. --quick: a small run of everything,
// which writes into the folder only.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '../dist/base/random.js';
import { kept, writeJson } from './monosemantic/kept.mjs';
import { measureUnit } from './planted/measure.mjs';
import { realSource } from './planted/real.mjs';
import { settle } from './planted/settle.mjs';
import { syntheticSource, toySource } from './planted/synthetic.mjs';
import { figures, writeTables } from './planted/tables.mjs';

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: join(import.meta.dirname, '.cache', 'planted') },
    quick: { type: 'boolean', default: false },
  },
});
const { quick } = values;
const folder = join(values.folder, quick ? 'quick' : 'whole');
mkdirSync(folder, { recursive: true });

const plan = {
  seed: 1,
  real: {
    model: 'builtin:folio-5m',
    data: 'builtin:sotu',
    contexts: quick ? 200 : 1500,
    context: 128,
    /** Planted examples stand at this position of their context, or later. */
    from: 64,
    layers: [0, 1, 2, 3],
    probes: ['lda', 'mean'],
    examples: quick ? [16, 64] : [16, 32, 64, 128, 256, 512],
    features: [1, 2, 3, 5],
    /** Tried where there are examples enough, so that the range of k is put to a test. */
    manyFeatures: quick ? [] : [8, 10],
    repeats: quick ? 2 : 3,
    /** Units of one feature, and scatter, are as many as these times the repeats: bounds are as good as they are many. */
    single: quick ? 1 : 3,
  },
  synthetic: {
    dimension: 256,
    background: 2000,
    active: 20,
    cells: (quick ? [0, 0.6] : [0, 0.3, 0.6, 0.9]).flatMap((rho) =>
      (quick ? [0.6, 0.2] : [0.6, 0.4, 0.3, 0.2, 0.1]).map((p) => ({ rho, p })),
    ),
    repeats: quick ? 1 : 4,
  },
  toy: {
    vectors: quick ? 4000 : 20_000,
    kinds: {
      flat: { dimension: 64, features: 256, active: 5 },
      hierarchical: { dimension: 64, features: 128, parents: 32, active: 3 },
      pairs: { dimension: 64, features: 256, active: 4 },
      synth: { dimension: 64, features: 1344, active: 64, roots: 8 },
    },
    repeats: quick ? 2 : 8,
  },
};

/** From this many examples on a feature that is ten times rarer is still a feature. */
const FEWEST_UNEQUAL = 64;

function realUnits({ probes, examples, features, manyFeatures, repeats, single }) {
  const units = [];
  for (const probe of probes) {
    for (const n of examples) {
      for (const k of [...features, ...(n >= 128 ? manyFeatures : []), 'scatter']) {
        const ratios = typeof k === 'number' && k > 1 && k <= 5 && n >= FEWEST_UNEQUAL ? [1, 10] : [1];
        for (const ratio of ratios) {
          const times = repeats * (k === 1 || (k === 'scatter' && n <= 256) ? single : 1);
          for (let r = 0; r < times; r++) units.push({ probe, n, k, ratio });
        }
      }
    }
  }
  // One token type at any position, to show what that does.
  for (const probe of probes) {
    for (let r = 0; r < repeats * single; r++) units.push({ probe, n: 128, k: 1, ratio: 1, early: true });
  }
  return units;
}

const simpleUnits = (examples, repeats) =>
  examples.flatMap((n) =>
    [1, 2, 3, 5, 'scatter'].flatMap((k) => Array.from({ length: repeats }, () => ({ n, k, ratio: 1 }))),
  );

/** Measures the units of one source, both halves, unless they are kept already. */
async function measureSource(name, about, key, open, units, withZ) {
  return kept(join(folder, `${name}.json`), { ...key, units: units.length }, async () => {
    const started = performance.now();
    const source = await open();
    const measured = [];
    let missing = 0;
    for (const half of [0, 1]) {
      units.forEach((unit, i) => {
        const planted = source.plant({ ...unit, half }, createRandom(plan.seed, 1000 + 2 * i + half));
        if (planted === null) missing++;
        else
          measured.push({
            ...about,
            ...unit,
            half,
            ...measureUnit(planted, source, withZ(unit, half)),
          });
      });
    }
    const minutes = ((performance.now() - started) / 60_000).toFixed(1);
    console.log(`${name}: ${measured.length} units, ${missing} not to be had, ${minutes} minutes`);
    return measured;
  });
}

const never = () => false;
const units = [];
for (const layer of plan.real.layers) {
  const found = await measureSource(
    `layer-${layer}`,
    { layer },
    { plan: plan.real, seed: plan.seed, layer },
    () => realSource({ ...plan.real, seed: plan.seed }, layer),
    realUnits(plan.real),
    ({ n, k }, half) => half === 1 && n === 64 && (k === 'scatter' || k <= 5),
  );
  units.push(...found.map((unit) => ({ group: unit.early ? 'early' : 'real', ...unit })));
}
for (const [i, cell] of plan.synthetic.cells.entries()) {
  const found = await measureSource(
    `synthetic-${cell.rho}-${cell.p}`,
    { group: 'synthetic', ...cell },
    { plan: plan.synthetic, seed: plan.seed },
    () => syntheticSource({ ...plan.synthetic, seed: plan.seed + i }, cell),
    simpleUnits([64], plan.synthetic.repeats),
    never,
  );
  units.push(...found);
}
for (const [kind, shape] of Object.entries(plan.toy.kinds)) {
  const found = await measureSource(
    `toy-${kind}`,
    { group: 'toy', kind },
    { plan: plan.toy, seed: plan.seed },
    () => toySource({ ...shape, kind, vectors: plan.toy.vectors, seed: plan.seed }),
    simpleUnits([64, 256], plan.toy.repeats),
    never,
  );
  units.push(...found);
}

const chosenOn = units.filter(({ half }) => half === 0);
const report = units.filter(({ half }) => half === 1);
const bounds = settle(chosenOn, 'centred');
const pooled = (representation, layer) =>
  figures(
    report.filter((unit) => unit.group === 'real' && (layer === null || unit.layer === layer)),
    representation,
    'average',
    'half',
    bounds,
  ).ari;
const gains = [null, ...plan.real.layers].map((layer) => pooled('centred', layer) - pooled('raw', layer));
const center = gains[0] >= 0 && Math.min(...gains) >= -0.08 ? 'mean' : 'none';
console.log(
  `ARI of the cut at 0.5, centred less raw: all ${gains[0].toFixed(3)}, layers ${gains
    .slice(1)
    .map((g) => g.toFixed(3))
    .join(', ')} → --center ${center}`,
);
console.log(`bounds: separation ${bounds.separation}, scatter ${bounds.scatter}, k up to ${bounds.most}`);

const results = { plan, bounds, center, gains, settledRaw: settle(chosenOn, 'raw'), units };
const place = quick ? folder : join(import.meta.dirname, 'planted');
writeJson(join(place, 'results.json'), { plan, bounds, center, gains, settledRaw: results.settledRaw });
const page = quick ? null : join(import.meta.dirname, '..', 'docs', 'validity.md');
console.log(writeTables({ plan, bounds, report }, page));
