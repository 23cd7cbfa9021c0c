// A training in a process of its own, to be killed: kills itself when step `killAt` is done, or while the checkpoint
// of step `killInSave` is being written.
import { watch } from 'node:fs';
import { join } from 'node:path';
import { trainSae } from '#polyseme/sae/train/train.js';

const { options, saveEvery, killAt, killInSave } = JSON.parse(process.argv[2]);
const kill = () => process.kill(process.pid, 'SIGKILL');
if (killInSave) {
  const seen = () =>
    watch(join(options.out, 'checkpoints'), (_, name) => {
      if (name === `checkpoint-${killInSave}.incomplete`) kill();
    });
  const timer = setInterval(() => {
    try {
      seen();
      clearInterval(timer);
    } catch {}
  }, 1).unref();
}
await trainSae(options, {
  saveEvery,
  onProgress({ stage, saes }) {
    if (stage === 'train' && saes[0].step.step === killAt) kill();
  },
});
