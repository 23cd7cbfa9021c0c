// A shard in a process of its own, which kills itself at its first progress.
import { runShard } from '../../src/index.ts';

await runShard({
  ...JSON.parse(process.argv[2]),
  onProgress: () => process.kill(process.pid, 'SIGKILL'),
});
