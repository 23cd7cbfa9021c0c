// The process in which a worker of a queue has its jobs done: see JobProcess.
import { isDiskFull } from '../../base/files.ts';
import { PolysemeError } from '../../errors.ts';
import type { RunProgress } from '../run-hooks.ts';
import { KeptOpen } from '../shards/open-planned.ts';
import { Artefacts } from './artefacts.ts';
import type { FromProcess, ToProcess } from './job-messages.ts';
import { perform } from './perform.ts';

/** Milliseconds between two words of progress, at least, and between two signs of life. */
const TELL_EVERY = 250;
const ALIVE_EVERY = 1000;

const tell = (message: FromProcess): void => {
  // Where the worker has just ended, `disconnect` tells of it.
  if (process.connected) process.send!(message, undefined, undefined, () => {});
};

const fail = (error: Error): void => {
  const known = error instanceof PolysemeError ? error.code : null;
  tell({ kind: 'failed', message: error.message, code: isDiskFull(error) ? 'no-space' : known });
};

const kept = new KeptOpen();
let artefacts: Artefacts | null = null;
let threads: number | undefined;
let isBusy = false;

process.on('message', async (message: ToProcess) => {
  try {
    if (message.kind === 'setup') {
      threads = message.threads;
      artefacts = await Artefacts.open(message.place);
      setInterval(() => tell({ kind: 'alive' }), ALIVE_EVERY).unref();
      tell({ kind: 'ready' });
    } else tell({ kind: 'done', digest: await performed(message) });
  } catch (error) {
    fail(error as Error);
  }
});

async function performed({ data, before }: ToProcess & { kind: 'job' }): Promise<string> {
  isBusy = true;
  let told = Number.NEGATIVE_INFINITY;
  const onProgress = (progress: RunProgress): void => {
    if (performance.now() - told < TELL_EVERY) return;
    told = performance.now();
    tell({ kind: 'progress', progress });
  };
  const onNote = (line: string): void => tell({ kind: 'note', line });
  try {
    return await perform(data, before, { artefacts: artefacts!, open: kept.open }, threads, {
      onProgress,
      onNote,
    });
  } catch (error) {
    await kept.close();
    throw error;
  } finally {
    isBusy = false;
  }
}

// Its worker has ended, was killed, or gave the job at hand back.
process.on('disconnect', async () => {
  await artefacts?.close().catch(() => {});
  // A tidy exit under a model that runs crashes in its threads. What is kept was written whole before.
  if (isBusy) process.kill(process.pid, 'SIGKILL');
  process.exit();
});
// Ctrl-C, and the end of a session, go to all processes of a terminal: the worker decides.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
