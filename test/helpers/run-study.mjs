// A run in a process of its own, to be killed: prints its progress, a JSON line each, and kills itself at line `killAt`.
import { runStudy } from '../../src/run/run-study.ts';

const { options, saveEvery, killAt } = JSON.parse(process.argv[2]);
let lines = 0;
const info = await runStudy({
  ...options,
  saveEvery,
  onProgress(progress) {
    console.log(JSON.stringify(progress));
    if (++lines === killAt) process.kill(process.pid, 'SIGKILL');
  },
});
console.log(JSON.stringify({ contentHash: info.contentHash }));
