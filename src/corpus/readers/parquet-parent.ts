// A thread beside the decoding of Parquet: a page that is read without end keeps its own from hearing that nobody waits any more.
import { workerData } from 'node:worker_threads';
import { hasProcess } from '../../base/process.ts';

/** Milliseconds between two looks. */
const EVERY = 1000;

const parent = workerData as number;

setInterval(() => {
  // Where a process gets a new parent, the old one's number may be another's already; elsewhere it keeps its own.
  if (process.ppid === parent && hasProcess(parent)) return;
  process.kill(process.pid, 'SIGKILL');
}, EVERY);
