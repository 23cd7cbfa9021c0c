// Arms of the question about L_R on vectors of known features.
import { join } from 'node:path';
import { createRandom } from '../../dist/base/random.js';
import { absorption, firing, inputDistances } from './firing.mjs';
import { kept } from './kept.mjs';
import { recovery } from './recovery.mjs';
import { createArm } from './residual-arm.mjs';
import { createTruth, STREAM } from './truth.mjs';

/** Figures of every (seed, set, arm) that there is time for, seeds first. */
export async function measureResidualToy({ seeds, sets, arms, ...plan }, folder, isTime) {
  const results = [];
  for (const seed of seeds) {
    for (const [set, { name, ...kind }] of sets.entries()) {
      for (const arm of arms) {
        const asked = { ...plan, ...kind, arm, seed };
        const path = join(folder, `toy-${set}-${arm.name.replaceAll(' ', '-')}-${seed}.json`);
        const figures = await kept(path, asked, () => (isTime() ? train(asked) : null));
        if (figures === null) return results;
        const { explainedVariance, f1, found } = figures;
        console.log(
          `${name}, ${arm.name}, seed ${seed}: variance explained ${explainedVariance.toFixed(3)}, F1 ${f1.toFixed(3)}, found ${found.toFixed(3)}`,
        );
        results.push({ set: name, arm: arm.name, seed, figures });
      }
    }
  }
  return results;
}

async function train({ batch, steps, evaluated, latents, arm, seed, ...kind }) {
  const truth = createTruth({ ...kind, seed });
  const trainer = await createArm(arm, { width: truth.dimension, latents, batch, steps, seed });
  try {
    const random = createRandom(seed, STREAM.training);
    let last;
    for (let step = 0; step < steps; step++) last = await trainer.step(truth.draw(batch, random).vectors);
    const sample = truth.draw(evaluated, createRandom(seed, STREAM.sample));
    const weights = trainer.weights();
    const fired = firing(weights, sample.vectors, arm.k);
    return {
      ...recovery(weights, truth, sample, arm.k),
      l0: fired.found.filter((j) => j >= 0).length / evaluated,
      absorption: absorption(fired, truth, sample),
      inputDistance: inputDistances(fired, sample.vectors, createRandom(seed, STREAM.firings)),
      // Of the control it would be another quantity.
      residualDistance: arm.withoutDirection ? null : last.meanResidualDistance,
    };
  } finally {
    await trainer.close();
  }
}
