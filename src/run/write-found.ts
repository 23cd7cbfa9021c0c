import type { Bank } from '../bank/bank.ts';
import { checkAborted } from '../base/progress.ts';
import type { LinkageMethod } from '../cluster/linkage-methods.ts';
import type { ContextSummary } from '../corpus/contexts.ts';
import { wordText } from '../features/word-texts.ts';
import type { HarvestedBank } from '../harvest/collector.ts';
import type { PackedContexts } from '../harvest/context-table.ts';
import { type Harvest, textChanged } from '../harvest/harvest.ts';
import type { StudyCounts } from '../study/meta.ts';
import type { UnitRecord } from '../study/record.ts';
import type { StudyWriter } from '../study/writer.ts';
import type { RunHooks } from './run-hooks.ts';
import type { ResolvedRunOptions } from './run-options.ts';
import type { RunSource } from './run-source.ts';
import { analyseBank, type FoundText } from './split-bank.ts';
import { writeImages } from './write-images.ts';

/** Text of every token as words see it, by id; null where tokens have no texts. */
export function wordsOf({ texts, specialIds }: RunSource): string[] | null {
  return texts?.map((text, id) => wordText(text, specialIds.has(id))) ?? null;
}

/** Writes what was found of the text and of the inputs of some banks, the first of which has the number `first`. */
export function writeFound(
  writer: StudyWriter,
  source: RunSource,
  first: number,
  { digest, sample, sinks }: Pick<Harvest, 'digest' | 'sample' | 'sinks'>,
  banks: readonly Pick<HarvestedBank, 'inputMean' | 'nullInputs'>[],
): void {
  const inputs = writer.info().inputs!;
  if (inputs.contexts === null) writer.writeInputs({ ...inputs, contexts: digest });
  else if (inputs.contexts !== digest) throw textChanged();
  writer.writeTextSample(sample, shownBy(source));
  writer.writeSinks(sinks);
  for (const [i, { inputMean, nullInputs }] of banks.entries()) {
    writer.writeBankInputs(first + i, { mean: inputMean, ...nullInputs });
  }
}

/** Writes contexts that examples lie in, and their images. */
export async function writeContexts(
  writer: StudyWriter,
  source: RunSource,
  contexts: PackedContexts,
  signal: AbortSignal | undefined,
): Promise<void> {
  writer.writeContexts(contexts, shownBy(source));
  if (source.images !== null)
    await writeImages(writer, source.images.corpus, contexts, source.images.toSize, signal);
}

/** Splits units of a bank, and hands their records to `write`. */
export async function splitUnits(
  request: {
    readonly bank: Bank;
    readonly harvested: HarvestedBank;
    readonly text: FoundText;
    readonly units: readonly number[];
    readonly words: readonly string[] | null;
    readonly threads: number;
    readonly write: (records: readonly UnitRecord[]) => void;
  },
  { linkage, threshold, center, features }: ResolvedRunOptions,
  /** Units of the bank that are done already. */
  before: number,
  hooks: RunHooks,
): Promise<void> {
  const { bank, words, write, text } = request;
  let done = before;
  await analyseBank({
    ...request,
    texts: words,
    cluster: { linkage: linkage as LinkageMethod, threshold },
    center,
    features,
    write(records) {
      write(records);
      done += records.length;
      hooks.onProgress?.({
        stage: 'features',
        unit: 'units',
        done,
        total: bank.units,
        tokens: text.tokens,
        what: bank.name,
      });
      checkAborted(hooks.signal);
    },
  });
}

/** The counts of a study. @param tokens text tokens that entered the statistics */
export function studyCounts(
  { documents, skipped, duplicates, contexts }: ContextSummary,
  tokens: number,
): StudyCounts {
  return { documents, skippedDocuments: skipped, duplicateDocuments: duplicates, contexts, tokens };
}

/** What a token is shown as. */
function shownBy({ texts, images }: RunSource): (id: number) => string {
  return (id) => (texts ?? images?.positions)?.[id] ?? `<id ${id}>`;
}
