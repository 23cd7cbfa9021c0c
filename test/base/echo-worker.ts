import { serve } from '../../src/base/rpc.ts';
import { type ErrorCode, PolysemeError } from '../../src/errors.ts';

/** A worker thread for the test: answers with what it is given, or refuses it. */
const methods = {
  echo: (value: number) => value,
  refuse: (code: ErrorCode): never => {
    throw new PolysemeError('refused', code);
  },
  fail: (): never => {
    throw new TypeError('a bug');
  },
};

export type EchoMethods = typeof methods;

serve<EchoMethods>(methods);
