import { availableParallelism } from 'node:os';
import type { PackedArray } from '../../base/pack.ts';
import { recordHash } from '../../study/digests.ts';
import type { UnitRecord } from '../../study/record.ts';
import type { RunHooks } from '../run-hooks.ts';
import type { ResolvedRunOptions } from '../run-options.ts';
import type { RunSource } from '../run-source.ts';
import { splitUnits, wordsOf } from '../write-found.ts';
import { mergedBank, mergedText, mergedUnits } from './merged.ts';
import { group, type Part, type PlannedBank, readGroup } from './part-file.ts';

/** The units of each bank that a share of all units has. @param share from 1 */
export function shareOf(banks: readonly PlannedBank[], share: number, of: number): number[][] {
  const total = banks.reduce((sum, { units }) => sum + units, 0);
  const first = Math.floor(((share - 1) * total) / of);
  const end = Math.floor((share * total) / of);
  let before = 0;
  return banks.map(({ units }) => {
    const low = Math.max(0, first - before);
    const high = Math.min(units, end - before);
    before += units;
    return Array.from({ length: Math.max(0, high - low) }, (_, i) => low + i);
  });
}

/** Splits a share of the units into features: their records, as arrays. */
export async function* unitArrays(
  examples: Part,
  rows: readonly Part[],
  wanted: readonly (readonly number[])[],
  { source, options }: { readonly source: RunSource; readonly options: ResolvedRunOptions },
  hooks: RunHooks,
): AsyncGenerator<readonly [string, PackedArray]> {
  const text = await mergedText(examples);
  const words = wordsOf(source);
  const threads = options.threads ?? availableParallelism();
  for (const [b, bank] of source.banks.entries()) {
    if (wanted[b]!.length === 0) continue;
    const merged = await mergedBank(examples, b, text.tokens);
    let done = 0;
    for await (const { harvested, contexts, units } of mergedUnits(bank, merged, rows, wanted[b]!)) {
      const records: UnitRecord[] = [];
      const write = (more: readonly UnitRecord[]): void => {
        records.push(...more);
      };
      const request = { bank, harvested, text: { ...text, contexts }, units, words, threads, write };
      await splitUnits(request, options, done, hooks);
      done += units.length;
      yield* group(`bank.${b}.from.${units[0]}`, packRecords(records));
    }
  }
}

/** The records of a bank's units that parts hold. */
export async function* readRecords(parts: readonly Part[], b: number): AsyncGenerator<UnitRecord[]> {
  for (const part of parts) {
    for (const name of part.file.names) {
      const match = /^bank\.(\d+)\.from\.\d+\.records$/.exec(name);
      if (match === null || Number(match[1]) !== b) continue;
      yield unpackRecords(await readGroup(part, name.replace(/\.records$/, '')));
    }
  }
}

/** By ascending index, so that the order in which threads were done does not show. */
function packRecords(records: UnitRecord[]): Record<string, PackedArray> {
  records.sort((a, b) => a.index - b.index);
  return {
    records: Buffer.from(
      JSON.stringify(records.map(({ detail: _, inputs: __, hash: ___, ...record }) => record)),
    ),
    lengths: Uint32Array.from(records.flatMap(({ detail, inputs }) => [detail.length, inputs.length])),
    bytes: Buffer.concat(records.flatMap(({ detail, inputs }) => [detail, inputs])),
  };
}

function unpackRecords(part: Readonly<Record<string, PackedArray>>): UnitRecord[] {
  const lengths = part['lengths'] as Uint32Array;
  const bytes = part['bytes'] as Uint8Array;
  const records = JSON.parse(Buffer.from(part['records'] as Uint8Array).toString('utf8')) as Omit<
    UnitRecord,
    'detail' | 'inputs' | 'hash'
  >[];
  let at = 0;
  const take = (length: number): Uint8Array => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  return records.map((record, i) => {
    const whole = { ...record, detail: take(lengths[2 * i]!), inputs: take(lengths[2 * i + 1]!) };
    return { ...whole, hash: recordHash(whole) };
  });
}
