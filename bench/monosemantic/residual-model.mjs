// Arms of the question about L_R on activations of folio-5m.
import { join } from 'node:path';
import { streamActivations } from '../../dist/activations/stream.js';
import { createRandom } from '../../dist/base/random.js';
import { evaluateSae, loadModel } from '../../dist/index.js';
import { firing, inputDistances } from './firing.mjs';
import { splitText } from './held-out.mjs';
import { kept } from './kept.mjs';
import { createArm } from './residual-arm.mjs';
import { STREAM } from './truth.mjs';

const MODEL = 'builtin:folio-5m';
/** Text tokens of a context of 128. */
const TEXT = 127;

/** Figures of every (seed, site, arm) that there is time for, seeds first. */
export async function measureResidualModel({ seeds, sites, arms, ...plan }, folder, isTime) {
  const [text, heldOut] = await splitText(folder);
  const model = await loadModel(MODEL);
  const read = new Map();
  const vectorsOf = async (site, corpus, count) => {
    const key = `${site} ${corpus}`;
    if (!read.has(key)) read.set(key, await readVectors(model, site, corpus, count));
    return read.get(key);
  };
  const results = [];
  try {
    for (const seed of seeds) {
      for (const site of sites) {
        for (const arm of arms) {
          const asked = { ...plan, site, arm, seed };
          const path = join(folder, `${site}-${arm.name.replaceAll(' ', '-')}-${seed}.json`);
          const figures = await kept(path, asked, async () => {
            if (!isTime()) return null;
            const vectors = await vectorsOf(site, text, plan.vectors);
            const own = await vectorsOf(site, heldOut, plan.heldOut);
            return train(asked, { model, vectors, own, heldOut });
          });
          if (figures === null) return results;
          const { explainedVariance, crossEntropyRecovered, inputDistance } = figures;
          console.log(
            `${site}, ${arm.name}, seed ${seed}: variance explained ${explainedVariance.toFixed(4)}, ` +
              `CE recovered ${crossEntropyRecovered.toFixed(4)}, distance of inputs ${inputDistance.strongest.toFixed(3)}`,
          );
          results.push({ set: site, arm: arm.name, seed, figures });
        }
      }
    }
  } finally {
    await model.close();
  }
  return results;
}

/** `count` vectors of contexts spread over a corpus, side by side. */
async function readVectors(model, site, corpus, count) {
  const source = await streamActivations({ model, corpus, site, contexts: Math.ceil((1.1 * count) / TEXT) });
  const found = new Float32Array(count * source.width);
  let at = 0;
  try {
    for await (const { vectors } of source.pass(0)) {
      const part = vectors.subarray(0, found.length - at);
      found.set(part, at);
      at += part.length;
      if (at === found.length) break;
    }
  } finally {
    await source.close();
  }
  return found.subarray(0, at);
}

async function train(
  { site, arm, seed, latents, batch, steps, evalTokens },
  { model, vectors, own, heldOut },
) {
  const { width } = model.config;
  const trainer = await createArm(arm, { width, latents, batch, steps, seed });
  try {
    const random = createRandom(seed, STREAM.training);
    const count = vectors.length / width;
    const chosen = new Float32Array(batch * width);
    let last;
    for (let step = 0; step < steps; step++) {
      for (let b = 0; b < batch; b++) {
        const t = random.integer(count);
        chosen.set(vectors.subarray(t * width, (t + 1) * width), b * width);
      }
      last = await trainer.step(chosen);
    }
    const sae = trainer.sae({ hook_name: site, model_name: MODEL, context_size: 128, prepend_bos: true });
    const { reconstruction, sparsity, crossEntropy } = await evaluateSae({
      model,
      sae,
      data: heldOut,
      tokens: evalTokens,
      polysemy: false,
    });
    return {
      explainedVariance: reconstruction.explainedVariance,
      crossEntropyRecovered: crossEntropy.recovered,
      l0: sparsity.l0,
      deadShare: sparsity.deadShare,
      inputDistance: inputDistances(
        firing(trainer.weights(), own, arm.k),
        own,
        createRandom(seed, STREAM.firings),
      ),
      // Of the control it would be another quantity.
      residualDistance: arm.withoutDirection ? null : last.meanResidualDistance,
    };
  } finally {
    await trainer.close();
  }
}
