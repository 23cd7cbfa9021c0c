import { Moved, serve } from '../base/worker.ts';
import { checkFinite } from '../tensors/finite.ts';
import type { Values } from './backend.ts';
import type { Program } from './compile.ts';
import { openBackend } from './open-backend.ts';
import { Session, type TapData } from './session.ts';

/** Sessions kept open; each holds its own packed copy of the weights that it multiplies by. */
const KEPT = 2;

const sessions = new Map<string, Session>();

const methods = {
  /** Runs `batch` rows of `length` tokens; two calls with one key have the same program. The taps are moved, not copied. */
  async run(request: {
    key: string;
    program: Program;
    tokens: Int32Array;
    batch: number;
    length: number;
    inputs: Readonly<Record<string, Values>>;
    threads: number;
  }): Promise<Moved<Record<string, TapData>>> {
    const session = await open(request.key, request.program, request.threads);
    const taps = await session.run(request.tokens, request.batch, request.length, request.inputs);
    const buffers = new Set(Object.values(taps).map(({ data }) => data.buffer as ArrayBuffer));
    return new Moved(taps, [...buffers]);
  },

  /** Closes the session of a key, if it is open. */
  async release(key: string): Promise<void> {
    const session = sessions.get(key);
    sessions.delete(key);
    await session?.close();
  },
};

/** The thread that owns the sessions of one model. */
export type RunnerMethods = typeof methods;

serve(methods);

async function open(key: string, program: Program, threads: number): Promise<Session> {
  const known = sessions.get(key);
  if (known !== undefined) {
    sessions.delete(key);
    sessions.set(key, known);
    return known;
  }
  // NaN and infinities in weights that this program reads are refused.
  await checkFinite({ tensors: program.weights }, program.weights.keys());
  const session = await Session.open(await openBackend(), program, threads);
  sessions.set(key, session);
  if (sessions.size > KEPT) {
    const oldest = sessions.keys().next().value!;
    await sessions.get(oldest)!.close();
    sessions.delete(oldest);
  }
  return session;
}
