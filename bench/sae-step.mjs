// What L_N and L_R cost in an SAE training step: steps with them and without in turn, and the medians of the ratios round by
// round. Against PyTorch and SAELens: `npm run bench:peers -- --only c`.
//
//   node bench/sae-step.mjs [--arch relu --dim 768 --latents 24576 --batch 4096 --l0 50 --rounds 5]
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { createSaeTrainer } from '../dist/sae/trainer/trainer.js';
import { saeData } from './sae-data.mjs';

const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: 'relu' },
    dim: { type: 'string', default: '768' },
    latents: { type: 'string', default: '24576' },
    batch: { type: 'string', default: '4096' },
    l0: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
  },
});
const [d, latents, n, l0, rounds, threads] = ['dim', 'latents', 'batch', 'l0', 'rounds', 'threads'].map(
  (name) => Number(values[name]),
);

const { batch, initial } = saeData({ d, latents, n, l0 });
const options = {
  architecture: values.arch,
  width: d,
  latents,
  ...(values.arch === 'relu' || values.arch === 'jumprelu' ? { l1: 0.01 } : { k: l0 }),
  learningRate: 1e-5,
  initial,
  threads,
};
const GAMMA = 0.05;
const contestants = [];
const plain = await createSaeTrainer(options);
contestants.push({ name: 'polyseme', run: () => plain.step(batch) });
const embedding = await createSaeTrainer({ ...options, embeddingWeight: GAMMA });
contestants.push({ name: 'polyseme + L_N', run: () => embedding.step(batch) });
const residual = await createSaeTrainer({ ...options, residualWeight: 0.016 });
contestants.push({ name: 'polyseme + L_R', run: () => residual.step(batch) });

const times = new Map(contestants.map(({ name }) => [name, []]));
/** Processor time of all threads: it says the same while other work shares the machine. */
const cpu = new Map(contestants.map(({ name }) => [name, []]));
const last = new Map();
for (let round = -1; round < rounds; round++) {
  for (const { name, run } of contestants) {
    const start = performance.now();
    const used = process.cpuUsage();
    const seen = await run();
    const elapsed = performance.now() - start;
    const { user, system } = process.cpuUsage(used);
    if (round >= 0) times.get(name).push(elapsed);
    if (round >= 0) cpu.get(name).push(user + system);
    last.set(name, seen);
  }
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
console.log(`d ${d}, ${latents} latents, batch ${n}, ${threads} threads, ${rounds} rounds in turn, medians`);
for (const { name } of contestants) {
  const ms = median(times.get(name));
  const seen = last.get(name);
  console.log(
    `${name.padEnd(22)} ${ms.toFixed(0).padStart(6)} ms  ${(n / ms).toFixed(2).padStart(7)} k tokens/s  mse ${seen.mse.toFixed(3)}  L0 ${seen.l0.toFixed(1)}${seen.embedding ? `  L_N ${seen.embedding.toFixed(3)}` : ''}${seen.residual ? `  L_R ${seen.residual.toFixed(3)}` : ''}`,
  );
}
const ratio = (a, b) => median(times.get(a).map((time, i) => time / times.get(b)[i]));
for (const term of ['L_N', 'L_R']) {
  const [plain, own] = ['polyseme', `polyseme + ${term}`].map((name) => cpu.get(name));
  const work = median(plain.map((used, i) => used / own[i]));
  const speed = ratio('polyseme', `polyseme + ${term}`);
  console.log(
    `with ${term}             ${speed.toFixed(2)} × the speed without; by processor time ${work.toFixed(2)} ×`,
  );
}
console.log(`the encoder product alone is ${((2 * n * d * latents) / 1e9).toFixed(0)} GFLOP`);
console.log(`memory ${(process.memoryUsage().rss / 1e9).toFixed(2)} GB resident with all trainers`);
await plain.close();
await embedding.close();
await residual.close();
