// A worker of a queue in a process of its own, to be killed.
import { startWorker } from '../../src/index.ts';

const { ended } = await startWorker({
  ...JSON.parse(process.argv[2]),
  onJob: (job, failure) => console.log(`${process.pid} ${job} ${failure ?? 'done'}`),
});
console.log(`${process.pid} ended: ${(await ended).message}`);
process.exit(1);
