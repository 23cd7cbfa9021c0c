// Part a on a GPU: every unit's 64 strongest contexts, of all 36,864 neurons of a GPT-2-small-shaped model.
import { join } from 'node:path';
import { gpt2SmallShape } from '../../model.mjs';
import { graphicsCard } from '../gpu.mjs';
import { EXAMPLES, LENGTH, tokensFile } from '../harvest/contexts.mjs';
import { agree } from '../harvest/part.mjs';
import { ratioOf } from '../summary.mjs';

export async function prepare({ dir, quick, python, devices = ['webgpu', 'cuda'] }) {
  const card = await graphicsCard();
  if (card === null) return null;
  const count = quick ? 256 : 1024;
  const checkpoint = await gpt2SmallShape();
  const tokens = await tokensFile(dir, checkpoint, count);
  const here = join(import.meta.dirname, '..', 'harvest');
  const ours = (what, device) => [
    process.execPath,
    join(here, 'ours.mjs'),
    checkpoint,
    count,
    what,
    join(dir, `${what}-${device}`),
    device,
  ];
  const name = (device) => `harvest, top, ${device}`;
  const [against] = devices.map(name);
  const peer = 'transformers, forward hooks + top-k, cuda';
  return {
    title: 'Harvest on a GPU',
    work: `${count} contexts of ${LENGTH} tokens through 12 layers of 768 (random weights), float32 (no TF32); of each of 36,864 neurons the ${EXAMPLES} contexts that activate it most, in PyTorch chosen on the GPU. Polyseme keeps besides what part a says.`,
    card,
    clock: 'wall',
    amount: count * LENGTH,
    unit: 'tokens',
    contestants: [
      ...devices.flatMap((device) => [
        // A device that this machine's ONNX Runtime has not is named, like a peer that is missing.
        {
          name: `bare pass, ${device}`,
          kind: 'floor',
          optional: true,
          against,
          command: ours('bare', device),
        },
        { name: name(device), kind: 'ours', optional: true, against, command: ours('top', device) },
      ]),
      { name: 'harvest, top, cpu', kind: 'ours', against, command: ours('top', 'cpu') },
      {
        name: peer,
        kind: 'peer',
        against,
        command: [
          python,
          join(here, 'peer.py'),
          checkpoint,
          tokens,
          LENGTH,
          EXAMPLES,
          'hooks',
          join(dir, 'hooks'),
          'cuda',
        ],
      },
    ],
    agree: (answers) => agree(answers, against),
    aims: (ran) =>
      devices.map((device) => ({
        text: `${peer} ÷ ${name(device)}, by the clock`,
        value: ratioOf(ran, peer, name(device), '', 'wall'),
        least: 1,
      })),
  };
}
