import type { BackendSession, Values } from '../backend.ts';

/** A tensor of ONNX Runtime, in Node or in a page. */
export interface OrtTensor {
  readonly data: unknown;
  readonly dims: readonly number[];
}

/** What a session of ONNX Runtime is asked, in Node or in a page. */
export interface OrtSession<T extends OrtTensor> {
  run(feeds: Record<string, T>, fetches?: Record<string, T>): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
}

interface OrtLibrary<T extends OrtTensor> {
  readonly Tensor: new (
    type: 'float32' | 'int32',
    data: Float32Array | Int32Array,
    shape: readonly number[],
  ) => T;
}

/** An opened session of ONNX Runtime, whichever of its packages opened it. */
export function ortSession<T extends OrtTensor>(
  library: OrtLibrary<T>,
  session: OrtSession<T>,
): BackendSession {
  const tensors = (values: Readonly<Record<string, Values>>): Record<string, T> =>
    Object.fromEntries(
      Object.entries(values).map(([name, { data, shape }]) => [
        name,
        new library.Tensor(data instanceof Float32Array ? 'float32' : 'int32', data, shape),
      ]),
    );
  return {
    async run(inputs, into) {
      const feeds = tensors(inputs);
      const values = await (into === undefined ? session.run(feeds) : session.run(feeds, tensors(into)));
      return Object.fromEntries(
        Object.entries(values).map(([name, { data, dims }]) => [
          name,
          { data: data as Float32Array, shape: dims },
        ]),
      );
    },
    close: () => session.release(),
  };
}
