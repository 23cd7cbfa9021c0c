// node ours.mjs CHECKPOINT CONTEXTS bare|top|fraction|quantiles OUT [DEVICE]
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { mlpBank } from '../../../dist/bank/mlp-bank.js';
import { rankedSlots } from '../../../dist/harvest/selection.js';
import { compileGroups } from '../../../dist/model/compile.js';
import { graphFor } from '../../../dist/model/device.js';
import { loadModel } from '../../../dist/model/load-model.js';
import { openBackend } from '../../../dist/model/open-backend.js';
import { Session } from '../../../dist/model/session.js';
import { forward } from '../../forward.mjs';
import { timedHarvest } from '../../timed-harvest.mjs';
import { answer } from '../child.mjs';
import { benchContexts, EXAMPLES, LENGTH } from './contexts.mjs';

const [checkpoint, count, what, out, device = 'cpu'] = process.argv.slice(2);
const model = await loadModel(checkpoint, { device });
const contexts = await benchContexts(model, Number(count));

if (what === 'bare') {
  const last = `blocks.${model.config.layers - 1}.hook_resid_post`;
  const session = await Session.open(
    await openBackend(device),
    compileGroups(model.files, [last], [], undefined, graphFor(device))[0],
    availableParallelism(),
  );
  await forward(session, contexts.slice(0, 8), LENGTH);
  await answer(async () => {
    await forward(session, contexts, LENGTH);
    return {};
  });
} else {
  const banks = Array.from({ length: model.config.layers }, (_, layer) =>
    mlpBank(model.files, layer, { layernorm: 'raw', gated: 'gradient' }),
  );
  await answer(async () => {
    // Sinks, which peers do not tell from other positions, would take a pass of their own over the first 64 contexts; and peers
    // keep contexts that are the same up to the peak, as two are that begin with the same word and peak at it.
    const options = { length: LENGTH, select: what, saveEvery: 60, sinkMultiple: 0, keepDuplicates: true };
    const { found, wall, cpu } = await timedHarvest({ model, banks, contexts, ...options });
    return { wall, cpu, ...write(found.banks) };
  });
}
await model.close();

/** Activations and contexts of every unit's examples, best first. */
function write(found) {
  const units = found.flatMap(({ chosen, statistics }) =>
    Array.from(statistics.max, (_, unit) => ({ chosen, slots: rankedSlots(chosen, unit) })),
  );
  const values = new Float32Array(units.length * EXAMPLES).fill(Number.NaN);
  const contexts = new Int32Array(units.length * EXAMPLES).fill(-1);
  units.forEach(({ chosen, slots }, u) => {
    slots.forEach((slot, i) => {
      values[u * EXAMPLES + i] = chosen.score[slot];
      contexts[u * EXAMPLES + i] = chosen.context[slot];
    });
  });
  writeFileSync(`${out}.values`, new Uint8Array(values.buffer));
  writeFileSync(`${out}.contexts`, new Uint8Array(contexts.buffer));
  return { values: `${out}.values`, contexts: `${out}.contexts` };
}
