// Every unit's 64 strongest contexts, of all 36,864 neurons of a GPT-2-small-shaped model.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gpt2SmallShape } from '../../model.mjs';
import { ratioOf } from '../summary.mjs';
import { EXAMPLES, LENGTH, tokensFile } from './contexts.mjs';

/** Largest relative difference of an activation between two float32 implementations. */
const TOLERANCE = 1e-3;

export async function prepare({ dir, quick, python }) {
  const count = quick ? 96 : 256;
  const checkpoint = await gpt2SmallShape();
  const tokens = await tokensFile(dir, checkpoint, count);
  const here = import.meta.dirname;
  const ours = (what) => [process.execPath, join(here, 'ours.mjs'), checkpoint, count, what, join(dir, what)];
  const peer = (what) => [
    python,
    join(here, 'peer.py'),
    checkpoint,
    tokens,
    LENGTH,
    EXAMPLES,
    what,
    join(dir, what),
  ];
  const harvests = ['top', 'fraction', 'quantiles'];
  const against = 'harvest, top';
  return {
    title: 'Harvest',
    work: `${count} contexts of ${LENGTH} tokens through 12 layers of 768 (random weights); of each of 36,864 neurons the ${EXAMPLES} contexts that activate it most. Polyseme keeps besides: exact statistics, histograms, the inputs h and the activations over the context of every example. \`fraction\` and \`quantiles\` read the text twice. While units fill up nearly every context brings new examples: the ratio to the bare pass falls as the text grows. Which library multiplies matrices faster is a matter of the machine: on two cores of an AMD EPYC, on 26 November 2026 and with the build of then, the bare pass took 27.6 processor seconds, TransformerLens 1.83 × and forward hooks 1.75 × that of harvest, top.`,
    amount: count * LENGTH,
    unit: 'tokens',
    warm: false,
    contestants: [
      { name: 'bare pass', kind: 'floor', against, command: ours('bare') },
      ...harvests.map((select) => ({
        name: `harvest, ${select}`,
        kind: 'ours',
        against: 'bare pass',
        command: ours(select),
      })),
      {
        name: 'TransformerLens run_with_cache + top-k',
        kind: 'peer',
        against,
        command: peer('transformer_lens'),
      },
      { name: 'transformers, forward hooks + top-k', kind: 'peer', against, command: peer('hooks') },
    ],
    agree: (answers) => agree(answers, against),
    aims: (ran) => [
      { text: 'harvest `top` ÷ bare pass', value: ratioOf(ran, 'harvest, top', 'bare pass'), most: 1.2 },
      { text: '`fraction` ÷ bare pass', value: ratioOf(ran, 'harvest, fraction', 'bare pass'), most: 2.2 },
      { text: '`quantiles` ÷ bare pass', value: ratioOf(ran, 'harvest, quantiles', 'bare pass'), most: 2.3 },
      {
        text: 'TransformerLens ÷ harvest `top`',
        value: ratioOf(ran, 'TransformerLens run_with_cache + top-k', against),
        least: 1.2,
      },
      {
        text: 'forward hooks ÷ harvest `top`',
        value: ratioOf(ran, 'transformers, forward hooks + top-k', against),
        least: 1.1,
      },
    ],
  };
}

/** How far the peers' examples are ours: files of activations and contexts, units × examples. */
export function agree(answers, own) {
  if (answers[own] === undefined) return {};
  const read = ({ values, contexts }) => ({
    values: new Float32Array(Uint8Array.from(readFileSync(values)).buffer),
    contexts: new Int32Array(Uint8Array.from(readFileSync(contexts)).buffer),
  });
  const ours = read(answers[own]);
  return Object.fromEntries(
    Object.entries(answers)
      .filter(([name, { values }]) => name !== own && values !== undefined)
      .map(([name, answer]) => {
        const theirs = read(answer);
        let [same, close] = [0, 0];
        theirs.values.forEach((value, i) => {
          // What does not activate a unit is no example.
          if (value <= 0 && ours.contexts[i] < 0) {
            same++;
            close++;
            return;
          }
          if (theirs.contexts[i] === ours.contexts[i]) same++;
          if (Math.abs(value - ours.values[i]) <= TOLERANCE * Math.max(1, Math.abs(value))) close++;
        });
        const percent = (n) => `${((100 * n) / theirs.values.length).toFixed(2)} %`;
        return [name, `contexts ${percent(same)} the same, activations ${percent(close)}`];
      }),
  );
}
