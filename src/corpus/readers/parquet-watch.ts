// A thread beside the decoding of Parquet: a page that is read without end keeps its own from hearing anything. It ends the process
// when nobody waits any more, and when an answer has taken the time that it may take.
import { workerData } from 'node:worker_threads';
import { hasProcess } from '../../base/process.ts';

export interface Watched {
  /** The process that asks. */
  readonly parent: number;
  /** Milliseconds of the processor, of all that this process has used, by which the answer must be there; 0: nothing is asked. */
  readonly until: Float64Array;
}

/** Milliseconds between two looks. */
const EVERY = 250;

const { parent, until } = workerData as Watched;

setInterval(() => {
  // Where a process gets a new parent, the old one's number may be another's already; elsewhere it keeps its own.
  const isAlone = process.ppid !== parent || !hasProcess(parent);
  const { user, system } = process.cpuUsage();
  if (isAlone || (until[0]! > 0 && (user + system) / 1000 > until[0]!)) process.kill(process.pid, 'SIGKILL');
}, EVERY);
