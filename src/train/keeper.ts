import type { ShuffleBuffer } from '../activations/buffer.ts';
import type { SaeTrainer } from '../sae/trainer/trainer.ts';
import { readCheckpoint, writeCheckpoint } from './saved-trainer.ts';

/** Saves where a training stands, so that a kill loses at most some seconds of work. */
export class Keeper {
  readonly #dir: string;
  readonly #buffer: ShuffleBuffer;
  readonly #trainers: readonly SaeTrainer[];
  readonly #every: number;
  #saved = performance.now();
  #took = 0;
  /** The step that was saved last. */
  step = 0;

  /** @param every seconds between two saves; 0: whenever it can be saved */
  constructor(dir: string, buffer: ShuffleBuffer, trainers: readonly SaeTrainer[], every: number) {
    this.#dir = dir;
    this.#buffer = buffer;
    this.#trainers = trainers;
    this.#every = every;
  }

  /** Whether it is time: saving takes at most a twentieth of it. */
  get isDue(): boolean {
    const wait = this.#every === 0 ? 0 : Math.max(this.#every * 1000, 20 * this.#took);
    return performance.now() - this.#saved >= wait;
  }

  /** Saves what there is after `step`. Before the first one that is the buffer, as far as it is filled. */
  async save(step: number): Promise<void> {
    const before = performance.now();
    const trainers = step === 0 ? [] : this.#trainers;
    for (const trainer of trainers) await trainer.settle();
    const states = trainers.map((trainer) => () => trainer.state());
    await writeCheckpoint(this.#dir, { step, buffer: this.#buffer.state(), trainers: states });
    this.#saved = performance.now();
    this.#took = this.#saved - before;
    this.step = step;
  }

  /** Puts the newest checkpoint back; returns its step, 0 where there is none or no step was taken. */
  async resume(): Promise<number> {
    const checkpoint = await readCheckpoint(this.#dir);
    if (checkpoint === null) return 0;
    this.#buffer.restore(checkpoint.buffer);
    this.step = checkpoint.step;
    if (this.step === 0) return 0;
    for (const [i, trainer] of this.#trainers.entries()) trainer.restore(await checkpoint.trainer(i));
    return this.step;
  }
}
