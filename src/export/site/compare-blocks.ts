import { compareAnswer } from '../../answers/comparisons.ts';
import type { StudySource } from '../../answers/served-study.ts';
import { type PackedArray, pack } from '../../base/pack.ts';
import type { LongCall, Progress } from '../../base/progress.ts';
import { matchedExamples } from '../../compare/matched.ts';
import { measureBank, textSeed } from '../../compare/measure-bank.ts';
import { MATCHED_UNITS } from '../../contract/constants.ts';
import { block, type SiteCompare } from '../../contract/site.ts';
import { COMPARED } from '../../polysemy/column-lists.ts';
import { studySource } from '../../study/compare-study.ts';
import type { BlockWriter } from './blocks.ts';

/**
 * Writes what comparisons of any banks follow from: their distributions, and the metrics of units that were drawn down to each
 * number of examples at which some banks of the study are compared.
 */
export async function writeComparisons(
  source: StudySource,
  blocks: BlockWriter,
  call: LongCall<Progress>,
): Promise<void> {
  const { study, table, info, clustering } = source;
  const names = info.banks.map(({ name }) => name);
  const banks = names.map((bank) => ({ study, bank }));
  const sources = banks.map((bank, i) => studySource(bank, i, banks));
  await blocks.json(block.compare, {
    banks: compareAnswer(source, names).banks as SiteCompare['banks'],
    counts: names.map((_, id) => [...new Set(table.sorted('examples', id))]),
    chosen: sources.map(({ chosen }) => chosen ?? null),
  } satisfies SiteCompare);
  if (names.length < 2) return;
  const most = sources.map((one) => matchedExamples([one]));
  for (const examples of new Set(most.filter((count) => count >= 2))) {
    const compared = sources.filter((_, id) => most[id]! >= examples);
    if (compared.length < 2) continue;
    const measured: Record<string, PackedArray> = {};
    for (const one of compared) {
      const found = await measureBank(one, examples, clustering, {
        units: MATCHED_UNITS,
        salt: textSeed(one.name, 0),
        ...call,
      });
      const id = names.indexOf(one.name);
      measured[`units_${id}`] = Uint32Array.of(found.compared, found.tooFew);
      for (const metric of COMPARED) {
        measured[`own_${id}_${metric}`] = found.own[metric];
        measured[`null_${id}_${metric}`] = found.null[metric];
      }
    }
    await blocks.write(block.matched(examples), pack(measured));
  }
}
