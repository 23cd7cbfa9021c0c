import { EMPTY_SEQUENCE, withEmptySequence } from '../../onnx/proto.ts';
import type { OrtSession, OrtTensor } from './ort-session.ts';

/** A session of onnxruntime-node. */
interface NodeSession<T extends OrtTensor> {
  readonly outputNames: readonly string[];
  run(
    feeds: Record<string, T>,
    fetches: readonly string[] | Record<string, T | null>,
  ): Promise<Readonly<Record<string, T>>>;
  release(): Promise<void>;
}

/** The output that onnxruntime-node cannot give to JavaScript. */
const UNTOLD = 'untold';

/** Bits of a number that is none, and that nothing computes. */
const UNWRITTEN = 0x7fc0_dead;

/**
 * A session whose outputs, where memory is given for them, are written there and nowhere else. onnxruntime-node (1.30) copies every
 * output when the run has ended, also one that lies in the caller's memory: of all taps of a small model this takes 6 % of
 * the run, and as much new memory each time as they have. It copies them one after another, and stops with an error at one
 * that is no tensor: so the graph gets such an output before all others. A version that copies nothing, or minds no such output,
 * is as well; of one that does not write to the caller's memory the outputs are asked for, and put there.
 *
 * @param create opens a graph
 */
export async function uncopied<T extends OrtTensor>(
  bytes: Uint8Array,
  create: (bytes: Uint8Array) => Promise<NodeSession<T>>,
): Promise<OrtSession<T>> {
  const session = await create(withEmptySequence(bytes, UNTOLD)).catch((error: unknown) => {
    // The operators of a foreign graph may be older than sequences.
    if ((error as Error).message.includes(EMPTY_SEQUENCE)) return create(bytes);
    throw error;
  });
  const names = session.outputNames.filter((name) => name !== UNTOLD);
  const untold: Record<string, null> = names.length < session.outputNames.length ? { [UNTOLD]: null } : {};
  return {
    async run(feeds, into) {
      if (into === undefined) return session.run(feeds, names);
      const lasts = Object.values(into).map(lastWord);
      for (const last of lasts) last.fill(UNWRITTEN);
      await session.run(feeds, { ...into, ...untold }).catch((error: unknown) => {
        if (!(error as Error).message.startsWith('Non tensor type')) throw error;
      });
      if (lasts.some(([last]) => last === UNWRITTEN)) {
        const fresh = await session.run(feeds, names);
        for (const name of names) (into[name]!.data as Float32Array).set(fresh[name]!.data as Float32Array);
      }
      return into;
    },
    release: () => session.release(),
  };
}

/** The bits of the last number of a tensor; none where it is empty. */
function lastWord({ data }: OrtTensor): Uint32Array {
  const { buffer, byteOffset, length } = data as Float32Array;
  return new Uint32Array(buffer, byteOffset, length).subarray(-1);
}
