import type { SiteTokens } from '../../contract/site.ts';
import type { Study } from '../../study/study.ts';

/** The tokens that a site's contexts are of, numbered as they come by: the frequent ones have low numbers. */
export class TokenTable {
  readonly #study: Study;
  readonly #ids: number[] = [];
  /** 1 + the number of each token; 0 where it did not come by yet. */
  #places = new Uint32Array(1 << 16);

  constructor(study: Study) {
    this.#study = study;
  }

  numbers(ids: Int32Array): Uint32Array {
    const numbers = new Uint32Array(ids.length);
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (id >= this.#places.length) this.#grow(id);
      if (this.#places[id] === 0) this.#places[id] = this.#ids.push(id);
      numbers[i] = this.#places[id]! - 1;
    }
    return numbers;
  }

  /** Ids of the tokens, by their numbers. */
  get ids(): Int32Array {
    return Int32Array.from(this.#ids);
  }

  get table(): SiteTokens {
    const ids = this.#ids;
    const isSpecial = (id: number): boolean => this.#study.texts(Int32Array.of(id)).special.length > 0;
    return {
      texts: ids.map((id) => this.#study.tokenText(id)),
      special: ids.flatMap((id, number) => (isSpecial(id) ? [number] : [])),
    };
  }

  #grow(id: number): void {
    const places = new Uint32Array(2 ** Math.ceil(Math.log2(id + 1)));
    places.set(this.#places);
    this.#places = places;
  }
}
