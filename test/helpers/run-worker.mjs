// A worker of a queue in a process of its own, to be killed.
import { startWorker } from '../../src/index.ts';

await startWorker({
  ...JSON.parse(process.argv[2]),
  onJob: (job, failure) => console.log(job, failure ?? 'done'),
});
