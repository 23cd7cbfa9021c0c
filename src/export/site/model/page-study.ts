import { type PackedArray, pack } from '../../../base/pack.ts';
import { checkAborted, type LongCall } from '../../../base/progress.ts';
import { nextTurn } from '../../../base/turn.ts';
import {
  MOST_SAMPLE,
  modelBlock,
  type SiteBankArrays,
  type SiteNames,
} from '../../../contract/site-model.ts';
import type { Explained } from '../../../explain/explained.ts';
import type { BlockWriter } from '../blocks.ts';

/** Units between two looks at what else the program has to do. */
const TURN = 16;

/** Writes what a page needs of a study to explain the units of some banks with the model, beyond what its pages show. */
export async function writePageStudy(
  { study, units: reader, bank: bankOf }: Explained,
  banks: readonly string[],
  blocks: BlockWriter,
  { onProgress, signal }: LongCall,
): Promise<void> {
  const names = study.info().banks.map(({ name }) => name);
  const all = banks.map((bank) => ({ bank, units: study.units({ bank }) }));
  const total = all.reduce((sum, { units }) => sum + units.length, 0);
  let done = 0;
  for (const { bank, units } of all) {
    const id = names.indexOf(bank);
    const { own, centre } = await reader.bank(bank, (await bankOf(bank)).units);
    const column = (name: 'density' | 'mean') => Float64Array.from(units, (unit) => unit[name] ?? Number.NaN);
    const arrays: SiteBankArrays = {
      maxima: own.maxima,
      ...(centre === undefined ? {} : { centre }),
      index: Uint32Array.from(units, ({ index }) => index),
      examples: Uint32Array.from(units, ({ examples }) => examples),
      density: column('density'),
      mean: column('mean'),
    };
    await blocks.write(modelBlock.bank(id), pack(arrays as unknown as Record<string, PackedArray>));
    for (const { index } of units) {
      const { means, bounds, weights } = await reader.place(bank, index);
      const words = study.words(bank, index);
      const called = study.names(bank, index);
      const named: SiteNames = Array.from(bounds, (_, id) => ({
        name: called[id] ?? null,
        words: words[id] ?? [],
      }));
      const head = new TextEncoder().encode(JSON.stringify(named));
      await blocks.write(modelBlock.place(id, index), pack({ means, bounds, weights, names: head }));
      if (++done % TURN === 0) await nextTurn();
      checkAborted(signal);
      onProgress?.({ stage: 'features', done, total, unit: 'units' });
    }
  }
  const sample = [...(await reader.sample(MOST_SAMPLE))].sort((a, b) => a.id - b.id);
  const offset = new Uint32Array(sample.length + 1);
  sample.forEach(({ tokens }, i) => {
    offset[i + 1] = offset[i]! + tokens.length;
  });
  const tokens = new Int32Array(offset[sample.length]!);
  sample.forEach((own, i) => {
    tokens.set(own.tokens, offset[i]);
  });
  const id = Uint32Array.from(sample, (own) => own.id);
  await blocks.write(modelBlock.sample, pack({ id, offset, tokens }));
}
