import { getSetup, serve } from '../../src/base/worker.ts';
import { type ErrorCode, PolysemeError } from '../../src/errors.ts';

const setup = getSetup<{ index: number; shared: Int32Array } | undefined>();

/** A worker thread for the test: answers with what it is given, or refuses it. */
const methods = {
  echo: (value: number) => value,
  index: () => setup!.index,
  refuse: (code: ErrorCode): never => {
    throw new PolysemeError('refused', code);
  },
  fail: (): never => {
    throw new TypeError('a bug');
  },
  /** The first thread refuses at once; the others count later. */
  countOrRefuse: async (by: number): Promise<void> => {
    if (setup!.index === 0) throw new PolysemeError('refused', 'damaged');
    await new Promise((resolve) => setTimeout(resolve, 20));
    Atomics.add(setup!.shared, 0, by);
  },
  /** Takes some time without a pause, and counts. */
  work: (): void => {
    const end = performance.now() + 5;
    while (performance.now() < end);
    Atomics.add(setup!.shared, 0, 1);
  },
  die: (): Promise<never> => {
    setTimeout(() => {
      throw new Error('out of its methods');
    });
    return new Promise(() => {});
  },
};

export type EchoMethods = typeof methods;

serve<EchoMethods>(methods, () => {
  if (setup !== undefined) Atomics.add(setup.shared, 1, 1);
});
