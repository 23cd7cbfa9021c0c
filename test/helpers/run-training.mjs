// A training in a process of its own, to be killed: kills itself when step `killAt` is done, at the `killIn.at`-th
// progress of a stage (fill, evaluate), while the checkpoint of step `killInSave` is being written, or `killAfter`
// milliseconds after its first progress.
import { watch } from 'node:fs';
import { join } from 'node:path';
import { trainSae } from '../../src/train/train.ts';

const { options, saveEvery, killAt, killIn, killInSave, killAfter } = JSON.parse(process.argv[2]);
const kill = () => process.kill(process.pid, 'SIGKILL');
if (killInSave) {
  const seen = () =>
    watch(join(options.out, 'checkpoints'), (_, name) => {
      if (name.startsWith(`.checkpoint-${killInSave}.`)) kill();
    });
  const timer = setInterval(() => {
    try {
      seen();
      clearInterval(timer);
    } catch {}
  }, 1).unref();
}
let begun = false;
const count = { fill: 0, train: 0, evaluate: 0 };
await trainSae({
  ...options,
  saveEvery,
  onProgress({ stage, saes }) {
    if (!begun && killAfter !== undefined) setTimeout(kill, killAfter);
    begun = true;
    count[stage]++;
    if (stage === 'train' && saes[0].step.step === killAt) kill();
    if (stage === killIn?.stage && count[stage] === killIn.at) kill();
    process.stdout.write(`${stage} ${stage === 'train' ? saes[0].step.step : count[stage]}\n`);
  },
});
