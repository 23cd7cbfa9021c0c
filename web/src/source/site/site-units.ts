import { noBank, noUnit } from '../../../../src/answers/problem.ts';
import {
  block,
  type SiteHead,
  type SiteNaming,
  type SiteTokens,
  type SiteUnitArrays,
} from '../../../../src/contract/site.ts';
import { ApiError } from '../http.ts';
import { Kept, once } from './kept.ts';
import type { SiteFiles } from './site-files.ts';
import { SiteTexts } from './site-texts.ts';
import { SiteUnitData } from './site-unit.ts';

/** Units that are kept: those whose passages a search shows, or that were looked at. */
const KEPT_UNITS = 64;

/** The units of a site. */
export interface SiteUnits {
  /** @throws HttpProblem where there is no such unit */
  unit(bank: string, index: number): Promise<SiteUnitData>;
  /** What features that are cut anew are named with is there then. */
  naming(): Promise<void>;
}

export function siteUnits(files: SiteFiles, { study: { banks, status } }: SiteHead): SiteUnits {
  const texts = once(async () => new SiteTexts(await files.json<SiteTokens>(block.tokens)));
  const units = new Kept(KEPT_UNITS, async (place: string) => {
    const arrays = files.arrays<SiteUnitArrays>(place);
    const shared = texts();
    shared.catch(() => {});
    return new SiteUnitData(await arrays, await shared);
  });
  return {
    async unit(bank, index) {
      const names = banks.map(({ name }) => name);
      const id = names.indexOf(bank);
      if (id < 0) throw noBank(bank, names);
      if (!(index < banks[id]!.units)) throw noUnit(bank, index, banks[id]!.units);
      try {
        return await units.get(block.unit(id, index));
      } catch (error) {
        const isMissing = error instanceof ApiError && error.status === 404;
        throw isMissing && status === 'unfinished' ? noUnit(bank, index, banks[id]!.units) : error;
      }
    },
    naming: once(async () => {
      const [shared, found] = await Promise.all([texts(), files.json<SiteNaming>(block.naming)]);
      shared.setNaming(found);
    }),
  };
}
