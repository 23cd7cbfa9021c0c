import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { TokenChange } from './results.ts';

/** Tokens of a list. */
const LISTED = 10;

/** Takes in changes of the predicted token's distribution, and lists the tokens that change most on average. */
export class TokenChanges {
  readonly #tokenizer: Pick<Tokenizer, 'text' | 'size'>;
  #changes = new Float64Array(0);
  #logChanges = new Float64Array(0);
  #count = 0;

  constructor(tokenizer: Pick<Tokenizer, 'text' | 'size'>) {
    this.#tokenizer = tokenizer;
  }

  /** @param clean, changed log p of every token */
  add(clean: Float32Array, changed: Float32Array): void {
    if (this.#count === 0) {
      this.#changes = new Float64Array(clean.length);
      this.#logChanges = new Float64Array(clean.length);
    }
    this.#count++;
    for (let id = 0; id < clean.length; id++) {
      this.#changes[id]! += Math.exp(changed[id]!) - Math.exp(clean[id]!);
      this.#logChanges[id]! += changed[id]! - clean[id]!;
    }
  }

  listed(): { lowered: TokenChange[]; raised: TokenChange[] } {
    // A model's vocabulary may be padded.
    const size = Math.min(this.#tokenizer.size, this.#changes.length);
    const ids = Array.from({ length: size }, (_, id) => id);
    ids.sort((a, b) => this.#changes[a]! - this.#changes[b]! || a - b);
    const shown = (chosen: readonly number[]): TokenChange[] =>
      chosen.map((id) => ({
        id,
        text: this.#tokenizer.text(id),
        change: this.#changes[id]! / this.#count,
        logChange: this.#logChanges[id]! / this.#count,
      }));
    return {
      lowered: shown(ids.slice(0, LISTED).filter((id) => this.#changes[id]! < 0)),
      raised: shown(
        ids
          .slice(-LISTED)
          .reverse()
          .filter((id) => this.#changes[id]! > 0),
      ),
    };
  }
}
