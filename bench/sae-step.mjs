// One SAE training step against PyTorch on the same shapes, data and cores, step by step in turn.
//
//   node bench/sae-step.mjs [--arch relu --dim 768 --latents 24576 --batch 4096 --l0 50 --rounds 5 --python PATH]
//
// Also what L_N and L_R cost: steps with them and without in turn, and the medians of the ratios round by round.
// PATH is a Python with bench/peers/requirements.txt installed; without it only this package is timed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createSaeTrainer } from '../dist/sae/trainer/trainer.js';

const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: 'relu' },
    dim: { type: 'string', default: '768' },
    latents: { type: 'string', default: '24576' },
    batch: { type: 'string', default: '4096' },
    l0: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
    python: { type: 'string' },
  },
});
const [d, latents, n, l0, rounds, threads] = ['dim', 'latents', 'batch', 'l0', 'rounds', 'threads'].map(
  (name) => Number(values[name]),
);

const { batch, initial } = makeData();
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
const peer = values.python ? startPython(values.python) : undefined;
if (peer) {
  contestants.push({ name: 'torch', run: () => peer.step('plain') });
  contestants.push({ name: 'torch + L_N dense', run: () => peer.step('dense') });
  contestants.push({ name: 'torch + L_N gathered', run: () => peer.step('gathered') });
  await peer.ready;
}

const times = new Map(contestants.map(({ name }) => [name, []]));
/** Processor time of all threads: it says the same while other work shares the machine. */
const cpu = new Map(contestants.map(({ name }) => [name, []]));
const last = new Map();
for (let round = -1; round < rounds; round++) {
  for (const { name, run } of contestants) {
    const start = performance.now();
    const used = process.cpuUsage();
    const seen = await run();
    const elapsed = seen.seconds === undefined ? performance.now() - start : seen.seconds * 1000;
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
if (peer) {
  console.log(`without L_N          ${ratio('torch', 'polyseme').toFixed(2)} × PyTorch`);
  console.log(`with L_N, dense      ${ratio('torch + L_N dense', 'polyseme + L_N').toFixed(2)} × PyTorch`);
  console.log(`with L_N, gathered   ${ratio('torch + L_N gathered', 'polyseme + L_N').toFixed(2)} × PyTorch`);
}
console.log(`the encoder product alone is ${((2 * n * d * latents) / 1e9).toFixed(0)} GFLOP`);
console.log(`memory ${(process.memoryUsage().rss / 1e9).toFixed(2)} GB resident with all trainers`);
await plain.close();
await embedding.close();
await residual.close();
peer?.close();

/** Unit-variance inputs and unit encoder columns, with a bias that leaves about l0 latents active. */
function makeData() {
  let seed = 1;
  const uniform = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed + 0.5) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const batch = Float32Array.from({ length: n * d }, normal);
  const W_dec = Float32Array.from({ length: latents * d }, () => normal() / Math.sqrt(d));
  const W_enc = new Float32Array(d * latents);
  for (let j = 0; j < latents; j++) for (let k = 0; k < d; k++) W_enc[k * latents + j] = W_dec[j * d + k];
  const b_enc = new Float32Array(latents).fill(-quantile(1 - l0 / latents));
  return { batch, initial: { W_enc, b_enc, W_dec: W_dec.map((w) => 0.3 * w), b_dec: new Float32Array(d) } };
}

/** Of the standard normal distribution, by bisection of its tail integral. */
function quantile(p) {
  let [low, high] = [-8, 8];
  const tail = (x) => {
    let sum = 0;
    for (let t = x; t < 10; t += 1e-3) sum += Math.exp((-t * t) / 2) * 1e-3;
    return sum / Math.sqrt(2 * Math.PI);
  };
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (tail(middle) > 1 - p) low = middle;
    else high = middle;
  }
  return low;
}

/** The PyTorch script, told by lines of standard input which step to make; it answers a line of JSON each. */
function startPython(python) {
  const dir = mkdtempSync(join(tmpdir(), 'polyseme-bench-'));
  for (const [name, array] of Object.entries({ batch, ...initial })) {
    writeFileSync(join(dir, name), new Uint8Array(array.buffer));
  }
  const script = fileURLToPath(new URL('peers/sae_step.py', import.meta.url));
  const args = [script, dir, d, latents, n, 0.01, options.learningRate, GAMMA, threads].map(String);
  const child = spawn(python, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const next = async () => JSON.parse((await once(lines, 'line'))[0]);
  return {
    ready: next(),
    step(kind) {
      child.stdin.write(`${kind}\n`);
      return next();
    },
    close() {
      child.stdin.end();
      rmSync(dir, { recursive: true });
    },
  };
}
