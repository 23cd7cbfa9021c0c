// Holds the lock of an output until it is killed: a process of its own, for others to be refused by.
import { lockOutput } from '../../src/base/lock.ts';

await lockOutput(process.argv[2], 'writing');
process.stdout.write('locked\n');
setInterval(() => {}, 1000);
