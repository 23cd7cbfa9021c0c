import { InferenceSession, Tensor } from 'onnxruntime-node';
import { externalRoot } from '../onnx/graph.ts';
import { checkFinite } from '../tensors/finite.ts';
import type { Program } from './compile.ts';

/** One tap's values, row-major [batch, position, width]. */
export interface TapData {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** A compiled program running in ONNX Runtime, in the thread that calls it (a run blocks that thread). */
export class Session {
  readonly #session: InferenceSession;
  readonly #program: Program;

  private constructor(session: InferenceSession, program: Program) {
    this.#session = session;
    this.#program = program;
  }

  /** Maps the weights, refusing NaN and infinities in those that this program reads. */
  static async open(program: Program, threads: number): Promise<Session> {
    await checkFinite({ tensors: program.weights }, program.weights.keys());
    const session = await InferenceSession.create(program.bytes, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      extra: { session: { model_external_initializers_file_folder_path: externalRoot() } },
    });
    return new Session(session, program);
  }

  /** Runs `batch` rows of `length` tokens each. */
  async run(tokens: Int32Array, batch: number, length: number): Promise<Record<string, TapData>> {
    const outputs = await this.#session.run({ tokens: new Tensor('int32', tokens, [batch, length]) });
    const taps: Record<string, TapData> = {};
    for (const [tap, wire] of Object.entries(this.#program.outputs)) {
      const tensor = outputs[wire]!;
      taps[tap] = { data: tensor.data as Float32Array, shape: tensor.dims };
    }
    return taps;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}
