// A training step of a top-k SAE on a GPU.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { saeData } from '../../sae-data.mjs';
import { graphicsCard } from '../gpu.mjs';
import { ratioOf } from '../summary.mjs';

const [K, RATE, GAMMA, STEPS] = [50, 1e-5, 0.05, 10];

export async function prepare({ dir, quick, python }) {
  const card = await graphicsCard();
  if (card === null) return null;
  const d = 768;
  const latents = quick ? 12_288 : 24_576;
  const n = quick ? 2048 : 4096;
  const { batch, initial } = saeData({ d, latents, n, l0: K });
  for (const [name, array] of Object.entries({ batch, ...initial })) {
    writeFileSync(join(dir, name), new Uint8Array(array.buffer));
  }
  const here = import.meta.dirname;
  const args = [dir, d, latents, n, K, RATE, GAMMA];
  const ours = (kind) => [process.execPath, join(here, 'ours.mjs'), ...args, kind, 'webgpu'];
  const peer = (name, kind, against) => ({
    name,
    kind: 'peer',
    against,
    command: [python, join(here, 'peer.py'), ...args, kind],
  });
  const [plain, embedding] = ['Polyseme, WebGPU', 'Polyseme, WebGPU, with L_N'];
  const [dense, withTerm] = ['PyTorch, dense decoder', 'PyTorch with L_N'];
  return {
    title: 'A training step of an SAE on a GPU',
    work: `A top-k SAE of ${d} × ${latents.toLocaleString('en-US')} with k = ${K}, ${STEPS} steps of ${n.toLocaleString('en-US')} tokens: loss, gradient, Adam, in float32 (no TF32).`,
    card,
    clock: 'wall',
    amount: STEPS * n,
    unit: 'tokens',
    contestants: [
      { name: plain, kind: 'ours', command: ours('plain') },
      peer(dense, 'dense', plain),
      peer('PyTorch, gathered decoder', 'gathered', plain),
      { name: embedding, kind: 'ours', against: plain, command: ours('embedding') },
      peer(withTerm, 'embedding', embedding),
    ],
    agree: (answers) => agree(answers, plain, embedding),
    aims: (ran) => [
      {
        text: `${dense} ÷ Polyseme, by the clock`,
        value: ratioOf(ran, dense, plain, '', 'wall'),
        least: 0.5,
      },
      {
        text: `${withTerm} ÷ Polyseme with L_N, by the clock`,
        value: ratioOf(ran, withTerm, embedding, '', 'wall'),
        least: 0.5,
      },
    ],
  };
}

/** Losses of the last step of the first round that counts, relative to ours. */
function agree(answers, plain, embedding) {
  return Object.fromEntries(
    Object.entries(answers).map(([name, { mse, embedding: term }]) => {
      const ours = answers[term > 0 ? embedding : plain];
      const off = Math.max(Math.abs(mse / ours.mse - 1), term > 0 ? Math.abs(term / ours.embedding - 1) : 0);
      return [name, `losses within ${off.toExponential(0)}`];
    }),
  );
}
