import { spread } from '../../../../../src/base/spread.ts';
import type { SiteHead } from '../../../../../src/contract/site.ts';
import {
  modelBlock,
  type SiteBankArrays,
  type SiteModel,
  type SiteNames,
  type SitePlaceArrays,
  type SiteSample,
} from '../../../../../src/contract/site-model.ts';
import { PolysemeError } from '../../../../../src/errors.ts';
import { examplesOf } from '../../../../../src/explain/unit-examples.ts';
import type { UnitFigures, UnitReader } from '../../../../../src/explain/unit-reader.ts';
import { spellBytes } from '../../../../../src/tokenizer/byte-tokens.ts';
import type { Tokenizer } from '../../../../../src/tokenizer/tokenizer.ts';
import { Kept, once } from '../kept.ts';
import type { SiteFiles } from '../site-files.ts';
import type { SiteUnits } from '../site-units.ts';

/** Units whose features' places are kept. */
const KEPT_PLACES = 2000;

/** What explanations ask of a study, from the files of a site; and what its features are called. */
export interface SiteReader extends UnitReader {
  names(bank: string, index: number): Promise<SiteNames>;
}

export function siteReader(
  files: SiteFiles,
  { study }: SiteHead,
  { sign }: SiteModel,
  { unit }: SiteUnits,
  tokenizer: Tokenizer,
): SiteReader {
  const names = study.banks.map(({ name }) => name);
  const idOf = (bank: string): number => {
    const id = names.indexOf(bank);
    if (id >= 0) return id;
    throw new PolysemeError(`this site has no bank ${bank} (it has ${names.join(', ')})`, 'not-found');
  };
  const ids = once(async () => (await files.arrays<{ ids: Int32Array }>(modelBlock.tokens)).ids);
  const sample = once(() => files.arrays<SiteSample>(modelBlock.sample));
  const banks = new Kept(names.length, (id: number) => files.arrays<SiteBankArrays>(modelBlock.bank(id)));
  const places = new Kept(KEPT_PLACES, async (place: string) => {
    const found = await files.arrays<SitePlaceArrays>(place);
    return { ...found, names: JSON.parse(new TextDecoder().decode(found.names)) as SiteNames };
  });
  return {
    path: study.name,
    options: study.options,
    banks: names,
    async bank(name) {
      const { maxima, centre } = await banks.get(idOf(name));
      return { own: { sign, maxima }, centre };
    },
    async units(name) {
      const { index, examples, density, mean } = await banks.get(idOf(name));
      const value = (column: Float64Array, i: number) => (Number.isNaN(column[i]!) ? null : column[i]!);
      return Array.from(
        index,
        (own, i): UnitFigures => ({
          index: own,
          examples: examples[i]!,
          density: value(density, i),
          mean: value(mean, i),
        }),
      );
    },
    async examples(question, asked) {
      const [own, numbered] = await Promise.all([unit(question.bank, question.index), ids()]);
      return examplesOf(own, question, asked, () => (context) => {
        const numbers = own.tokenNumbers(context);
        return Int32Array.from(numbers, (number) => numbered[number]!);
      });
    },
    async place(bank, index) {
      const { bounds, means, weights } = await places.get(modelBlock.place(idOf(bank), index));
      return { count: bounds.length, bounds, means, weights };
    },
    names: async (bank, index) => (await places.get(modelBlock.place(idOf(bank), index))).names,
    async sample(count) {
      const { id, offset, tokens } = await sample();
      if (id.length === 0) return [];
      const places = spread(id[0]!, id.at(-1)!, count).map((from) => id.findIndex((one) => one >= from));
      return Array.from(new Set(places), (at) => ({
        id: id[at]!,
        tokens: tokens.slice(offset[at], offset[at + 1]),
      }));
    },
    texts: (tokens) => spellBytes(tokenizer.texts(tokens)),
  };
}
