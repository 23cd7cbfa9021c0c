import { LRUCache } from 'lru-cache';
import type { UnitColumns } from '../polysemy/unit-columns.ts';
import type { StudyInfo } from '../study/study.ts';
import { unitVectors } from '../study/unit-vectors.ts';
import type { Explained } from './explained.ts';
import type { UnitPlace } from './place.ts';
import { type ProbedBank, probedBank } from './probed-bank.ts';

/** Bytes of what is kept of units, so that they need not be read again. */
const PLACE_BYTES = 128 << 20;

/** The banks of a study with those of its model, and where the features of their units lie: read once, and kept. */
export class ProbedBanks {
  readonly #explained: Explained;
  readonly #info: StudyInfo;
  readonly #banks = new Map<string, ProbedBank>();
  readonly #places = new LRUCache<string, UnitPlace>({ maxSize: PLACE_BYTES });
  #columns: UnitColumns | null = null;

  constructor(explained: Explained) {
    this.#explained = explained;
    this.#info = explained.study.info();
  }

  /** @throws PolysemeError where there is no such bank, or no model */
  async bank(name: string): Promise<ProbedBank> {
    const bank = await this.#explained.bank(name);
    let known = this.#banks.get(name);
    if (known === undefined) {
      const { study } = this.#explained;
      this.#columns ??= study.columns();
      known = probedBank(study, this.#info, this.#columns, bank);
      this.#banks.set(name, known);
    }
    return known;
  }

  /** Where the features of a unit lie. */
  place({ bank, nullDistance }: ProbedBank, index: number): UnitPlace {
    const key = `${bank.name}/${index}`;
    let place = this.#places.get(key);
    if (place === undefined) {
      const { features, threshold } = this.#info.options;
      place = unitVectors(this.#explained.study, bank.name, index, {
        nullDistance: Number.isNaN(nullDistance[index]!) ? null : nullDistance[index]!,
        threshold: features === 'auto' ? null : (threshold as number),
      });
      const { count, means, bounds, weights } = place;
      place = { count, means, bounds, weights };
      this.#places.set(key, place, { size: 4 * (means.length + bounds.length + weights.length) + 500 });
    }
    return place;
  }
}
