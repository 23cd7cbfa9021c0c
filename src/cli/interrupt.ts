import { PolysemeError } from '../errors.ts';

/** How long a job may take to save what it has done, once Ctrl-C is pressed. */
const PATIENCE_MS = 900;

/** Exit status of a command that Ctrl-C stopped. */
export const INTERRUPTED_STATUS = 130;

/** What to do after a job that saves its state. */
export const RESUME = 'run the same command again to resume';
/** What to do after a job that saves nothing. */
export const START_AGAIN = 'nothing was saved; run the same command again to start over';
/** What to do after a job that saves the units of a study, and nothing of a part. */
export const GO_ON =
  'run the same command again: of a study the units that were written are kept, of a part nothing is';

/** What to do after a job that others do. */
export const OTHERS_GO_ON = 'the workers go on; run the same command again to wait for the study';

/** Ctrl-C stopped the job, and the user has been told. */
export class Interrupted extends Error {}

/**
 * Runs a long job that Ctrl-C stops: the job is asked to end through its signal; if it has not ended after
 * `PATIENCE_MS`, the process ends as if it had been killed.
 *
 * @param advice what the user can do now, in one line
 * @throws Interrupted where Ctrl-C stopped the job
 */
export async function untilInterrupted<T>(
  advice: string,
  job: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const control = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    control.abort();
    timer = setTimeout(() => {
      printStopped(advice);
      // The listener is gone: this ends the process at once, without waiting for its threads.
      process.kill(process.pid, 'SIGINT');
    }, PATIENCE_MS);
  };
  process.once('SIGINT', stop);
  try {
    return await job(control.signal);
  } catch (error) {
    if (!control.signal.aborted || !(error instanceof PolysemeError && error.code === 'aborted')) throw error;
    printStopped(advice);
    throw new Interrupted();
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', stop);
  }
}

function printStopped(advice: string): void {
  // On a terminal the cursor may stand behind a line of progress.
  process.stderr.write(`${process.stderr.isTTY ? '\n' : ''}stopped: ${advice}\n`);
}
