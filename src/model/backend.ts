import { PolysemeError } from '../errors.ts';
import type { TensorRef } from '../tensors/safetensors.ts';

/** Numbers with a shape, row-major: float32 or int32. */
export interface Values {
  readonly data: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

/** What a backend opens: an ONNX graph, and the weights of it that lie in files. */
export interface BackendProgram {
  readonly bytes: Uint8Array;
  /** Weights by their name in the graph; none where the graph holds all its numbers itself. */
  readonly weights?: ReadonlyMap<string, TensorRef>;
}

/** An opened program. Its outputs are float32. */
export interface BackendSession {
  /**
   * @param into where outputs are to be written, all of them, by name; without it the backend makes new arrays
   * @returns the outputs by name
   */
  run(
    inputs: Readonly<Record<string, Values>>,
    into?: Readonly<Record<string, Values>>,
  ): Promise<Record<string, Values>>;
  close(): Promise<void>;
}

/**
 * A runtime that runs ONNX graphs: the only way from this code to one. A file of `backends/` implements it, and
 * `openBackend` chooses it.
 */
export interface Backend {
  readonly name: string;
  /** @param options.threads threads of one run; default all cores */
  open(program: BackendProgram, options?: { readonly threads?: number }): Promise<BackendSession>;
}

/** A graph with inputs, and what it gives in float64. */
export interface BackendReference {
  readonly bytes: Uint8Array;
  readonly inputs: Readonly<Record<string, Values>>;
  readonly outputs: Readonly<Record<string, readonly number[]>>;
}

/** Largest |value − reference| / max(1, |reference|) of a backend that works: float32 has about 1e-6. */
export const REFERENCE_TOLERANCE = 2e-5;

/**
 * Runs the reference on a backend.
 *
 * @throws PolysemeError (unsupported) where the backend fails, or its numbers differ from the reference: some
 *   drivers compute silently wrong values
 */
export async function proveBackend(backend: Backend, reference: BackendReference): Promise<void> {
  const fail = (what: string): never => {
    throw new PolysemeError(
      `the ${backend.name} runtime computes wrong values on this machine (${what}): it is not used`,
      'unsupported',
    );
  };
  const session = await backend.open(reference, { threads: 1 });
  try {
    const found = await session.run(reference.inputs);
    for (const [name, expected] of Object.entries(reference.outputs)) {
      const values = found[name]?.data;
      if (values?.length !== expected.length) {
        fail(`${values?.length ?? 'no'} numbers of ${name}, not ${expected.length}`);
      }
      expected.forEach((value, i) => {
        const difference = Math.abs(values![i]! - value);
        if (difference <= REFERENCE_TOLERANCE * Math.max(1, Math.abs(value))) return;
        fail(`${name}[${i}] is ${values![i]}, not ${value}`);
      });
    }
  } finally {
    await session.close();
  }
}
