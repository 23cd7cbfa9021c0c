// Token importance of one unit's examples: each token that a peak sees is masked in turn, and the unit is measured again.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { maskToken } from '../../../dist/explain/mask-token.js';
import { unitExamples } from '../../../dist/explain/unit-examples.js';
import { loadModel } from '../../../dist/model/load-model.js';
import { runStudy } from '../../../dist/run/run-study.js';
import { openStudy } from '../../../dist/study/open-study.js';
import { gpt2SmallShape } from '../../model.mjs';
import { ratioOf } from '../summary.mjs';

const LAYER = 6;

export async function prepare({ dir, quick, python, progress }) {
  const examples = quick ? 3 : 12;
  const checkpoint = await gpt2SmallShape();
  const path = join(dir, 'study.db');
  progress('harvests the unit');
  await runStudy({ model: checkpoint, layers: [LAYER], contexts: 4 * examples, examples, out: path });
  const study = openStudy(path);
  const bank = `mlp.${LAYER}`;
  const { index } = study.units({ bank, sort: 'examples', descending: true, limit: 1 })[0];
  const passages = unitExamples(study, { bank, index }).examples.map(({ tokens, position }) => [
    ...tokens.slice(0, position + 1),
  ]);
  study.close();
  const model = await loadModel(checkpoint);
  const mask = maskToken(model.tokenizer).id;
  await model.close();
  const file = join(dir, 'passages.json');
  writeFileSync(file, JSON.stringify(passages));
  const here = import.meta.dirname;
  const against = 'Polyseme';
  const peer = 'PyTorch, forward hook';
  return {
    title: 'Token importance',
    work: `Of ${passages.length} examples of one neuron in layer ${LAYER} of the GPT-2-small-shaped model, each of the ${passages.reduce((sum, tokens) => sum + tokens.length, 0)} tokens up to the peaks is masked in turn, the model run up to that layer, and the activation measured. Polyseme searches besides the shortest passage that still activates the neuron.`,
    amount: passages.reduce((sum, tokens) => sum + tokens.length, 0),
    unit: 'tokens masked',
    contestants: [
      { name: against, kind: 'ours', command: [process.execPath, join(here, 'ours.mjs'), path, bank, index] },
      {
        name: peer,
        kind: 'peer',
        against,
        command: [python, join(here, 'peer.py'), checkpoint, file, LAYER, index, mask],
      },
    ],
    agree: (answers) => agree(answers, against),
    aims: (ran) => [{ text: `${peer} ÷ Polyseme`, value: ratioOf(ran, peer, against), least: 1 }],
  };
}

function agree(answers, own) {
  return Object.fromEntries(
    Object.entries(answers)
      .filter(([name]) => name !== own)
      .map(([name, { drops }]) => {
        const off = drops.map((drop, i) => Math.abs(drop - answers[own].drops[i]));
        return [name, `drops within ${Math.max(...off).toExponential(0)}`];
      }),
  );
}
