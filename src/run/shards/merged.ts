import type { Bank } from '../../bank/bank.ts';
import type { PackedArray } from '../../base/pack.ts';
import { unpackTotals } from '../../harvest/bank-totals.ts';
import type { HarvestedBank } from '../../harvest/collector.ts';
import { mergeContexts, type PackedContexts } from '../../harvest/context-table.ts';
import { UnpackedRows, unitsPerBlock } from '../../harvest/packed-rows.ts';
import { TextTotals } from '../../harvest/part-text.ts';
import { rankedSlots } from '../../harvest/selection.ts';
import { TapInputs } from '../../harvest/tap-inputs.ts';
import type { FoundText } from '../split-bank.ts';
import { type Part, readGroup } from './part-file.ts';

/** Blocks of units that are held at a time. */
const BLOCKS = 8;

/** What of a bank is known before its rows are read. */
export type MergedBank = Omit<HarvestedBank, 'captured'>;

/** The text of a divided run, but for contexts. */
export async function mergedText(examples: Part): Promise<Omit<FoundText, 'contexts'>> {
  const totals = new TextTotals(examples.run.selection.seed);
  totals.add(await readGroup(examples, 'text'));
  const tokens = (await examples.file.read('tokens'))[0]!;
  return { words: totals.words, sample: totals.sampler.sample(), tokens };
}

/** A bank's statistics and chosen examples, the mean of its inputs, and the random few. */
export async function mergedBank(examples: Part, b: number, tokens: number): Promise<MergedBank> {
  const { banks, selection, longest } = examples.run;
  const { name, units, width, inputTap } = banks[b]!;
  const inputs = new TapInputs(width, longest, selection.seed);
  inputs.merge(await readGroup(examples, `inputs.${inputTap}`));
  return {
    name,
    ...unpackTotals(await readGroup(examples, `bank.${b}`), units, selection.examples),
    inputMean: inputs.mean(tokens),
    nullInputs: inputs.nulls.inputs(),
  };
}

/** Some units of a bank with all that splitting them needs. */
export interface MergedUnits {
  readonly harvested: HarvestedBank;
  readonly contexts: PackedContexts;
  readonly units: readonly number[];
}

/** Units of a bank, some at a time with their rows. @param wanted ascending */
export async function* mergedUnits(
  { name }: Pick<Bank, 'name'>,
  bank: MergedBank,
  rows: readonly Part[],
  wanted: readonly number[],
): AsyncGenerator<MergedUnits> {
  const { banks, selection, longest } = rows[0]!.run;
  const b = banks.findIndex((planned) => planned.name === name);
  const { units, width } = banks[b]!;
  const size = unitsPerBlock({ width }, selection.examples, longest);
  for (let first = 0; first < units; first += size * BLOCKS) {
    const some = wanted.filter((unit) => unit >= first && unit < first + size * BLOCKS);
    if (some.length === 0) continue;
    const unpacked = new UnpackedRows(units * selection.examples, width, longest);
    for (const part of rows) {
      for (let from = first; from < Math.min(units, first + size * BLOCKS); from += size) {
        if (some.some((unit) => unit >= from && unit < from + size)) {
          unpacked.add(await readGroup(part, `bank.${b}.from.${from}`));
        }
      }
    }
    const ids = new Set(
      some.flatMap((unit) =>
        Array.from(rankedSlots(bank.chosen, unit), (slot) => bank.chosen.context[slot]!),
      ),
    );
    yield {
      harvested: { ...bank, captured: unpacked.captured() },
      contexts: await contextsOf(rows, ids),
      units: some,
    };
  }
}

/** The contexts of one part. */
export async function partContexts(part: Part): Promise<PackedContexts> {
  const groups: PackedContexts[] = [];
  for (const name of part.file.names) {
    const match = /^contexts\.(\d+)\.texts$/.exec(name);
    if (match === null) continue;
    const { texts, ...integers } = await readGroup(part, `contexts.${match[1]}`);
    const read = JSON.parse(Buffer.from(texts as Uint8Array).toString('utf8')) as Pick<
      PackedContexts,
      'names' | 'labels'
    >;
    groups.push({ ...(integers as Record<string, PackedArray> as unknown as PackedContexts), ...read });
  }
  return mergeContexts(groups);
}

async function contextsOf(parts: readonly Part[], ids: ReadonlySet<number>): Promise<PackedContexts> {
  const all: PackedContexts[] = [];
  for (const part of parts) all.push(mergeContexts([await partContexts(part)], ids));
  return mergeContexts(all);
}
