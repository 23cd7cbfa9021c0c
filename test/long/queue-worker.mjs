// A worker of a queue, of the built package, to be killed: its options as JSON.
import { startWorker } from '../../dist/index.js';

const { ended } = await startWorker(JSON.parse(process.argv[2]));
console.log(`ended: ${(await ended).message}`);
process.exit(1);
