// A training in a process of its own that waits at each of the steps `pauses` until the file OUT.go-STEP is there.
import { existsSync } from 'node:fs';
import { trainSae } from '../../src/train/train.ts';

const { options, pauses } = JSON.parse(process.argv[2]);
const clock = new Int32Array(new SharedArrayBuffer(4));
await trainSae({
  ...options,
  onProgress({ stage, saes }) {
    const step = saes[0]?.step.step;
    if (stage !== 'train' || !pauses.includes(step)) return;
    while (!existsSync(`${options.out}.go-${step}`)) Atomics.wait(clock, 0, 0, 50);
  },
});
