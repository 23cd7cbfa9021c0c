import { LRUCache } from 'lru-cache';
import type { ExplainedUnits } from './explained.ts';
import type { UnitPlace } from './place.ts';
import type { ProbedBank } from './probed-bank.ts';

/** Bytes of what is kept of units, so that they need not be read again. */
const PLACE_BYTES = 128 << 20;

/** The banks of a study with those of its model, and where the features of their units lie: read once, and kept. */
export class ProbedBanks {
  readonly #explained: ExplainedUnits;
  readonly #banks = new Map<string, ProbedBank>();
  readonly #places = new LRUCache<string, UnitPlace>({ maxSize: PLACE_BYTES });

  constructor(explained: ExplainedUnits) {
    this.#explained = explained;
  }

  /** @throws PolysemeError where there is no such bank, or no model */
  async bank(name: string): Promise<ProbedBank> {
    const bank = await this.#explained.bank(name);
    let known = this.#banks.get(name);
    if (known === undefined) {
      known = { bank, ...(await this.#explained.units.bank(name, bank.units)) };
      this.#banks.set(name, known);
    }
    return known;
  }

  /** Where the features of a unit lie. */
  async place({ bank }: ProbedBank, index: number): Promise<UnitPlace> {
    const key = `${bank.name}/${index}`;
    let place = this.#places.get(key);
    if (place === undefined) {
      place = await this.#explained.units.place(bank.name, index);
      const { means, bounds, weights } = place;
      this.#places.set(key, place, { size: 4 * (means.length + bounds.length + weights.length) + 500 });
    }
    return place;
  }
}
