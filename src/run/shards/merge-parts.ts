import type { PackedArray } from '../../base/pack.ts';
import { checkAborted, type LongCall } from '../../base/progress.ts';
import { BankTotals, raise } from '../../harvest/bank-totals.ts';
import { packText, TextTotals } from '../../harvest/part-text.ts';
import { TapInputs } from '../../harvest/tap-inputs.ts';
import type { RunProgress } from '../run-hooks.ts';
import { coveredBy } from './check-parts.ts';
import {
  group,
  isMade,
  type Part,
  type PartHead,
  type PlannedBank,
  readGroup,
  writePart,
} from './part-file.ts';

/**
 * Merges parts of one round, `maxima` or `examples`, into one of the same kind: any order and any grouping give the same
 * file. Memory is bounded by the units of one bank, times their examples.
 */
export async function mergeParts(
  parts: readonly Part[],
  out: string,
  overwrite: boolean,
  hooks: LongCall<RunProgress>,
): Promise<PartHead> {
  const { kind, plan, run, of, after } = parts[0]!;
  const head: PartHead = { kind, plan, run, covers: coveredBy(parts), of, after };
  if (await isMade(out, head, overwrite)) return head;
  const { banks } = run;
  let done = 0;
  const next = (): void => {
    checkAborted(hooks.signal);
    done++;
    const total = parts.length * banks.length;
    hooks.onProgress?.({ stage: 'merge', unit: 'parts', done, total, tokens: 0, what: kind });
  };
  await writePart(out, head, (kind === 'maxima' ? mergedMaxima : mergedExamples)(parts, banks, next));
  return head;
}

type Arrays = AsyncGenerator<readonly [string, PackedArray]>;

async function* mergedMaxima(
  parts: readonly Part[],
  banks: readonly PlannedBank[],
  next: () => void,
): Arrays {
  for (const [b, { units }] of banks.entries()) {
    const maxima = new Float32Array(units).fill(Number.NEGATIVE_INFINITY);
    for (const { file } of parts) {
      raise(maxima, (await file.read(`bank.${b}.maxima`)) as Float32Array);
      next();
    }
    yield [`bank.${b}.maxima`, maxima];
  }
}

async function* mergedExamples(
  parts: readonly Part[],
  banks: readonly PlannedBank[],
  next: () => void,
): Arrays {
  const { selection, longest } = parts[0]!.run;
  for (const [b, bank] of banks.entries()) {
    const totals = new BankTotals(bank, selection);
    for (const part of parts) {
      const arrays = await readGroup(part, `bank.${b}`);
      totals.add(arrays, part.file.path);
      next();
    }
    yield* group(`bank.${b}`, totals.packed());
  }
  for (const [tap, { width }] of new Map(banks.map((bank) => [bank.inputTap, bank]))) {
    const inputs = new TapInputs(width, longest, selection.seed);
    for (const part of parts) inputs.merge(await readGroup(part, `inputs.${tap}`));
    yield* group(`inputs.${tap}`, inputs.packed());
  }
  const text = new TextTotals(selection.seed);
  let tokens = 0;
  for (const part of parts) {
    text.add(await readGroup(part, 'text'));
    tokens += (await part.file.read('tokens'))[0]!;
  }
  yield* group('text', packText(text));
  yield ['tokens', Float64Array.of(tokens)];
}
