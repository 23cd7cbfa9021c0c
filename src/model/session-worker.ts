import { Moved, serve } from '../base/worker.ts';
import { PolysemeError } from '../errors.ts';
import { checkFinite } from '../tensors/finite.ts';
import type { TensorRef } from '../tensors/safetensors.ts';
import { disagreement } from './agreement.ts';
import type { Values } from './backend.ts';
import type { Program } from './compile.ts';
import { chooseDevice, type Device, type DeviceOption } from './device.ts';
import { openBackend } from './open-backend.ts';
import { Session, type TapData } from './session.ts';
import { SessionPool } from './session-pool.ts';

const sessions = new SessionPool();

/** Rows of tokens for a program. */
interface RunOfProgram {
  readonly key: string;
  readonly program: Program;
  readonly tokens: Int32Array;
  readonly batch: number;
  readonly length: number;
  readonly inputs: Readonly<Record<string, Values>>;
  /** Memory that the taps may lie in. */
  readonly spare: readonly ArrayBuffer[];
  readonly threads: number;
  readonly device: Device;
}

/** Where weights lie that were found finite: each is read once, however often its layers are loaded. */
const finite = new Set<string>();

/** Keys whose device computed right: it is asked once, too. */
const proven = new Set<string>();

const placeOf = ({ file, offset }: TensorRef): string => `${file}:${offset}`;

const methods = {
  /** The device that an option means, proven in this thread: see `chooseDevice`. */
  prove(option: DeviceOption): ReturnType<typeof chooseDevice> {
    return chooseDevice(option, openBackend);
  },

  /** Runs `batch` rows of `length` tokens; two calls with one key have the same program. The taps are moved, not copied. */
  async run(request: RunOfProgram): Promise<Moved<Record<string, TapData>>> {
    const taps = await runIn(await sessions.get(request.key, () => open(request)), request);
    const buffers = new Set(Object.values(taps).map(({ data }) => data.buffer as ArrayBuffer));
    return new Moved(taps, [...buffers]);
  },

  /** Closes the session of a key, if it is open. */
  release: (key: string): Promise<void> => sessions.release(key),
};

/** The thread that owns the sessions of one model. */
export type RunnerMethods = typeof methods;

serve(methods);

async function open(request: RunOfProgram): Promise<Session> {
  const { key, program, threads, device } = request;
  // NaN and infinities in weights that this program reads are refused.
  const unknown = new Map([...program.weights].filter(([, ref]) => !finite.has(placeOf(ref))));
  await checkFinite({ tensors: unknown }, unknown.keys());
  for (const ref of unknown.values()) finite.add(placeOf(ref));
  const expected = device === 'cpu' || proven.has(key) ? null : await onProcessor(request);
  const session = await Session.open(await openBackend(device), program, threads);
  if (expected !== null) await prove(session, expected, request);
  proven.add(key);
  return session;
}

function runIn(session: Session, { tokens, batch, length, inputs, spare }: RunOfProgram) {
  return session.run(tokens, batch, length, inputs, spare);
}

/** What the processor gives, with a session that is closed before the GPU's is opened: the weights are held once. */
async function onProcessor(request: RunOfProgram): Promise<Record<string, TapData>> {
  const session = await Session.open(await openBackend(), request.program, request.threads);
  return runIn(session, request).finally(() => session.close());
}

/** Refuses a GPU that computes the first rows of a program otherwise than the processor: the reference is one small block. */
async function prove(
  session: Session,
  expected: Readonly<Record<string, TapData>>,
  request: RunOfProgram,
): Promise<void> {
  const odd = disagreement(await runIn(session, request), expected, request.tokens);
  if (odd === null) return;
  await session.close();
  throw new PolysemeError(
    `the device ${request.device} computes other values of this model than the processor (${odd}): leave option device out`,
    'unsupported',
  );
}
