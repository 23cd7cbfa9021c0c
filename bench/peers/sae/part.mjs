// A training step of a ReLU SAE on vectors at hand, with and without L_N.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { saeData } from '../../sae-data.mjs';
import { ratioOf } from '../summary.mjs';

const [L1, RATE, GAMMA] = [0.01, 1e-5, 0.05];

export async function prepare({ dir, quick, python }) {
  const d = 768;
  const latents = quick ? 12_288 : 24_576;
  const n = quick ? 2048 : 4096;
  const { batch, initial } = saeData({ d, latents, n, l0: 50 });
  for (const [name, array] of Object.entries({ batch, ...initial })) {
    writeFileSync(join(dir, name), new Uint8Array(array.buffer));
  }
  const here = import.meta.dirname;
  const args = [dir, d, latents, n, L1, RATE, GAMMA];
  const ours = (name, kind) => ({
    name,
    kind: 'ours',
    command: [process.execPath, join(here, 'ours.mjs'), ...args, kind],
  });
  const peer = (name, kind, against) => ({
    name,
    kind: 'peer',
    against,
    command: [python, join(here, 'peer.py'), ...args, kind],
  });
  const [plain, embedding] = ['Polyseme', 'Polyseme with L_N'];
  const [dense, lens] = ['dense PyTorch', 'SAELens'];
  return {
    title: 'A training step of an SAE',
    work: `A ReLU SAE of ${d} × ${latents.toLocaleString('en-US')}, a batch of ${n.toLocaleString('en-US')} tokens with about 50 active latents each: loss, gradient, Adam. L_N: the neuron-embedding term, in PyTorch by dense products over all tokens and latents, and gathering active pairs; SAELens has none.`,
    amount: n,
    unit: 'tokens',
    contestants: [
      ours(plain, 'plain'),
      peer(dense, 'plain', plain),
      peer(lens, 'sae_lens', plain),
      { ...ours(embedding, 'embedding'), against: plain },
      peer('dense PyTorch with L_N by dense products', 'dense', embedding),
      peer('dense PyTorch with L_N gathered', 'gathered', embedding),
    ],
    agree: (answers) => agree(answers, plain, embedding),
    aims: (ran) => [
      { text: `${dense} ÷ Polyseme`, value: ratioOf(ran, dense, plain), least: 5 },
      { text: `${lens} ÷ Polyseme`, value: ratioOf(ran, lens, plain), least: 2 },
    ],
  };
}

/** Losses of the first step that counts, relative to ours. */
function agree(answers, plain, embedding) {
  return Object.fromEntries(
    Object.entries(answers)
      .filter(([name]) => name !== plain)
      .map(([name, { mse, sparsity, embedding: term, l0 }]) => {
        const ours = answers[term > 0 ? embedding : plain];
        const off = Math.max(
          Math.abs(mse / ours.mse - 1),
          Math.abs(sparsity / ours.sparsity - 1),
          term > 0 ? Math.abs(term / ours.embedding - 1) : 0,
        );
        return [name, `losses within ${off.toExponential(0)}, L0 ${l0.toFixed(1)}`];
      }),
  );
}
