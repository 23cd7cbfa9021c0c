// Trains SAEs on the processor and on WebGPU, in a process whose environment has a GPU: prints the figures of every step, and
// how far the states are apart in the end.
import { createSaeTrainer } from '../../src/sae/trainer/trainer.ts';
import { makeBatch, makeWeights } from '../sae/trainer/reference.ts';

/** Starting weights; `twins`: the second half of the encoder repeats the first, so that every score comes twice. */
function weightsOf({ width, latents }, { twins = false, lower = 0 }) {
  const weights = makeWeights(3, width, latents);
  weights.b_enc = weights.b_enc.map((value) => value - lower);
  if (!twins) return weights;
  const half = latents / 2;
  for (let j = 0; j < half; j++) {
    for (let i = 0; i < width; i++) weights.W_enc[i * latents + half + j] = weights.W_enc[i * latents + j];
    weights.b_enc[half + j] = weights.b_enc[j];
  }
  return weights;
}

/** Largest |difference| / max(1, |value|) of two states, by array. */
function apart(one, other) {
  return Object.fromEntries(
    Object.entries(one.arrays).map(([name, values]) => [
      name,
      values.reduce((most, value, i) => {
        const difference = Math.abs(value - other.arrays[name][i]) / Math.max(1, Math.abs(value));
        return Math.max(most, difference);
      }, 0),
    ]),
  );
}

const found = {};
for (const [name, one] of Object.entries(JSON.parse(process.argv[2]))) {
  const { tokens, taken, start = {}, resume = true, ...options } = one;
  const initial = weightsOf(options, start);
  const [cpu, gpu] = [
    await createSaeTrainer({ ...options, initial, threads: 2 }),
    await createSaeTrainer({ ...options, initial, device: 'webgpu' }),
  ];
  const steps = [];
  for (let step = 0; step < taken; step++) {
    const batch = makeBatch(100 + step, tokens, options.width);
    steps.push([await cpu.step(batch), await gpu.step(batch)]);
  }
  let isRefused = false;
  try {
    gpu.state();
  } catch {
    isRefused = true;
  }
  await gpu.settle();
  const state = gpu.state();
  const resumed = [];
  if (resume) {
    // Put back, the next step begins with the host's weights.
    const batch = makeBatch(99, tokens, options.width);
    resumed.push((await gpu.step(batch)).loss);
    gpu.restore(state);
    resumed.push((await gpu.step(batch)).loss);
  }
  found[name] = { steps, apart: apart(cpu.state(), state), isRefused, resumed };
  await cpu.close();
  await gpu.close();
}
console.log(JSON.stringify(found));
