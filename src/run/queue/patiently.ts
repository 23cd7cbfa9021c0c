import { setTimeout as wait } from 'node:timers/promises';
import { checkAborted } from '../../base/progress.ts';
import { PolysemeError } from '../../errors.ts';

/** Seconds for which a server that answered may be away. */
const AWAY = 300;
/** Milliseconds until the first of the next tries, and at most. */
const FIRST = 250;
const LONGEST = 5000;

/**
 * Does something with a server, again and again while it is away, ever more slowly.
 *
 * @param what the server, as an error says it
 * @throws PolysemeError what `work` throws of that kind, at once; unreachable when the server is away for long
 */
export async function patiently<T>(
  what: string,
  work: () => Promise<T>,
  { signal, away = AWAY }: { readonly signal?: AbortSignal; readonly away?: number } = {},
): Promise<T> {
  const start = performance.now();
  for (let pause = FIRST; ; pause = Math.min(LONGEST, 2 * pause)) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof PolysemeError) throw error;
      if (performance.now() - start > away * 1000) {
        throw new PolysemeError(
          `${what} has not answered for ${away} s (${(error as Error).message}): the same command goes on when it is back`,
          'unreachable',
        );
      }
    }
    // By chance a little longer: many workers would come at the same moment.
    await wait(pause * (1 + Math.random() / 2), undefined, { signal }).catch(() => {});
    checkAborted(signal);
  }
}
