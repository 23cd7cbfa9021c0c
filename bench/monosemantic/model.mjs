// SAEs on a model's activations, evaluated and compared on text that they were not trained on.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../dist/base/random.js';
import { compareBanks, evaluateSae, loadModel, openStudy, runStudy, trainSae } from '../../dist/index.js';
import { splitText } from './held-out.mjs';
import { kept } from './kept.mjs';

const MODEL = 'builtin:folio-5m';
/** Text tokens of a context of 128. */
const TEXT = 127;
/** How a latent's examples are chosen: its strongest, and any that activate it. */
const SELECTIONS = ['top', 'random'];

/** Figures of every (site, γ, seed). */
export async function measureModel({ seeds, weights, model: plan }, folder) {
  const [text, heldOut] = await splitText(folder);
  const model = await loadModel(MODEL);
  const results = [];
  try {
    for (const site of plan.sites) {
      for (const seed of seeds) {
        const out = join(folder, `${site}-seed-${seed}`);
        const trained = await trainSae({
          model: MODEL,
          data: text,
          site,
          latents: plan.latents,
          k: [plan.k],
          embeddingWeight: weights,
          tokens: plan.tokens,
          batch: plan.batch,
          contexts: Math.ceil(plan.tokens / TEXT),
          seed,
          evalTokens: 0,
          out,
          onProgress: told(`${site}, seed ${seed}`),
        });
        const saes = trained.map(({ dir }, i) => ({ dir, weight: weights[i], name: `g${weights[i]}` }));
        const polysemy = {};
        for (const select of SELECTIONS) {
          polysemy[select] = await kept(`${out}-${select}.json`, plan, () =>
            measurePolysemy(saes, { ...plan, data: heldOut, select, out: `${out}-${select}.db` }),
          );
        }
        for (const { dir, weight, name } of saes) {
          const path = join(dir, 'held-out.json');
          const tokens = plan.evalTokens;
          const {
            sae: _,
            saebench,
            notes,
            ...evaluation
          } = await kept(path, [heldOut, tokens], () =>
            evaluateSae({ model, sae: dir, data: heldOut, tokens, polysemy: false }),
          );
          const { reconstruction, sparsity, crossEntropy } = evaluation;
          const figures = {
            explainedVariance: reconstruction.explainedVariance,
            crossEntropyRecovered: crossEntropy.recovered,
            l0: sparsity.l0,
            deadShare: sparsity.deadShare,
            ...Object.fromEntries(SELECTIONS.map((select) => [select, polysemy[select][name]])),
          };
          console.log(
            `${site}, γ ${weight}, seed ${seed}: variance explained ${figures.explainedVariance.toFixed(4)}, ` +
              `CE recovered ${figures.crossEntropyRecovered.toFixed(4)}, L0 ${figures.l0.toFixed(1)}, ` +
              `mean distance ${figures.random.meanDistance.toFixed(3)} (null ${figures.random.null.meanDistance.toFixed(3)})`,
          );
          results.push({ site, weight, seed, figures });
        }
      }
    }
  } finally {
    await model.close();
  }
  return results;
}

/** Means over the latents of each SAE, of each metric and its null, at equal numbers of examples. */
async function measurePolysemy(saes, { data, contexts, select, out, examples, units }) {
  await runStudy({
    model: MODEL,
    data,
    contexts,
    layers: [],
    sae: saes.map(({ name, dir }) => `${name}=${dir}`),
    select,
    examples: Math.ceil((4 * examples) / 3),
    out,
  });
  const study = openStudy(out);
  try {
    const banks = saes.map(({ name }) => `sae/${name}`);
    const compared = await compareBanks(study, { banks, examples, units, resamples: 1 });
    const found = compared.banks.map(({ name, metrics, compared: count, dead, belowNull }) => {
      const means = (of) =>
        Object.fromEntries(Object.entries(metrics).map(([metric, value]) => [metric, of(value).mean]));
      const own = {
        ...means((value) => value),
        effectiveWeights: effectiveWeights(study, name, examples, units),
      };
      const none = means((value) => value.null);
      return [name.slice('sae/'.length), { ...own, compared: count, dead, belowNull, null: none }];
    });
    return Object.fromEntries(found);
  } finally {
    study.close();
    for (const end of ['', '-wal', '-shm']) rmSync(out + end, { force: true });
  }
}

/**
 * Mean over latents of (Σw²)² / Σw⁴, the number of dimensions that w weighs: where it is small, h ⊙ w of any two
 * inputs are alike.
 */
function effectiveWeights(study, bank, examples, most) {
  const fit = [...study.units({ bank })]
    .filter((unit) => unit.examples >= examples)
    .map(({ index }) => index);
  const chosen = createRandom(0).shuffle(fit).slice(0, most);
  let sum = 0;
  for (const index of chosen) {
    const { weights } = study.inputs(bank, index);
    const [second, fourth] = [2, 4].map((power) => weights.reduce((total, w) => total + w ** power, 0));
    sum += second ** 2 / fourth;
  }
  return sum / chosen.length;
}

/** A line on each tenth of a training. */
function told(name) {
  let next = 0;
  return ({ stage, done, total }) => {
    if (stage !== 'train' || done < next * total) return;
    next = Math.floor((10 * done) / total + 1) / 10;
    console.log(`${name}: ${done} of ${total} tokens`);
  };
}
