import type { LongCall } from '../base/progress.ts';
import type { OpenTaps } from '../model/load-model.ts';
import { type TapInput, TOKENS_PER_RUN } from '../model/taps.ts';
import type { Explained } from './explained.ts';
import { type MaskToken, maskToken } from './mask-token.ts';
import { type ExampleImportance, exampleImportance } from './results.ts';
import { type RunnableExample, type UnitQuestion, unitExamples } from './unit-examples.ts';
import { checkNumber, readUnits, UNIT_TAP, unitInput } from './unit-taps.ts';

/** Least share of the activation that masking the peak must take away: with less, nothing can be divided by it. */
const LEAST_DROP = 0.05;
/** Share of the activation that the minimal context still gives. */
const ENOUGH = 0.8;
/** Tokens of the suffixes that are tried first, then the next longer ones. */
const FIRST_SUFFIXES = 8;

export interface ImportanceOptions extends UnitQuestion, LongCall {
  /** Ids of examples; default all of the unit or feature. */
  readonly examples?: readonly number[];
  /** Text of the token that masked ones are replaced by; default see `maskToken`. */
  readonly mask?: string;
}

export interface UnitImportance {
  readonly bank: string;
  readonly index: number;
  readonly mask: MaskToken;
  /** By rank. */
  readonly examples: readonly ExplainedExample[];
}

/** What was measured, beside the passage up to the peak. */
export interface ExplainedExample extends ExampleImportance {
  readonly feature: number;
  /** Of the peak. */
  readonly position: number;
  readonly tokens: readonly string[];
}

/**
 * Token importance: each token before the peak of an example is masked in turn, and the activation at the peak is
 * measured again. Results are kept, where the study can keep them.
 *
 * @throws PolysemeError where there is no such unit, feature or example, or no model
 * @example
 * const study = openStudy('study.db');
 * const explained = openExplained(study);
 * const [{ bank, index }] = study.units({ sort: 'examples', descending: true, limit: 1 });
 * const { examples } = await tokenImportance(explained, { bank, index, examples: [0] });
 * const [{ tokens, drops, minimal }] = examples;
 * console.log(tokens.slice(-minimal), drops);
 * await explained.close();
 * study.close();
 */
export async function tokenImportance(
  explained: Explained,
  { examples: asked, mask: maskText, onProgress, signal, ...question }: ImportanceOptions,
): Promise<UnitImportance> {
  const { bank, index } = question;
  const found = unitExamples(explained.study, question, asked);
  const mask = maskToken((await explained.model()).tokenizer, maskText);
  const keyOf = (id: number) => ({ kind: 'importance 1', key: `${bank}/${index} ${id} ${mask.id}` });
  const known = new Map<number, ExampleImportance>();
  for (const { id } of found.examples) {
    const kept = explained.results.read(keyOf(id), exampleImportance);
    if (kept !== null) known.set(id, kept);
  }
  const missing = found.examples.filter(({ id }) => !known.has(id));
  if (missing.length > 0) {
    for (const made of await measure(explained, bank, index, mask, missing, { onProgress, signal })) {
      explained.results.write(keyOf(made.example), made);
      known.set(made.example, made);
    }
  }
  const examples = found.examples.map(({ id, feature, position, tokens }) => ({
    ...known.get(id)!,
    feature,
    position,
    tokens: explained.study.texts(tokens).tokens.slice(0, position + 1),
  }));
  return { bank, index, mask, examples };
}

/** A row of the model: what it measures, of which example. */
interface Row extends TapInput {
  readonly example: number;
  /** Position that is masked; −1: none. */
  readonly masked: number;
  readonly at: number;
}

async function measure(
  explained: Explained,
  bankName: string,
  index: number,
  mask: MaskToken,
  examples: readonly RunnableExample[],
  { onProgress, signal }: LongCall,
): Promise<ExampleImportance[]> {
  const [model, bank] = await Promise.all([explained.model(), explained.bank(bankName)]);
  const { specialIds } = model.tokenizer;
  const taps = model.openTaps([UNIT_TAP], [readUnits(bank)]);
  try {
    const rows = examples.map((example, i) => maskedRows(example, i, index, mask.id, specialIds));
    const total = rows.reduce((sum, own) => sum + own.length, 0);
    const measured = examples.map(({ position }) => new Float64Array(position + 2));
    let done = 0;
    // Of one length together: nothing is computed at padded positions.
    const ordered = rows.toSorted((a, b) => a[0]!.tokens.length - b[0]!.tokens.length).flat();
    for await (const [row, value] of activationsOf(taps, ordered, signal)) {
      measured[row.example]![row.masked + 1] = value;
      done++;
      onProgress?.({ stage: 'mask', done, total, unit: 'passages' });
    }
    const minimal = await minimalContexts(
      taps,
      examples,
      index,
      specialIds,
      measured.map(([clean]) => clean!),
      signal,
    );
    return examples.map((example, i) => ({
      example: example.id,
      ...importanceOf(measured[i]!, example, specialIds),
      minimal: minimal[i]!,
    }));
  } finally {
    await taps.close();
  }
}

/** The passage up to the peak: as it is, and with each token masked in turn. */
function maskedRows(
  { tokens, position }: RunnableExample,
  example: number,
  index: number,
  mask: number,
  specialIds: ReadonlySet<number>,
): Row[] {
  const passage = tokens.subarray(0, position + 1);
  const { inputs } = unitInput(passage, index);
  const rows: Row[] = [{ tokens: passage, inputs, example, masked: -1, at: position }];
  passage.forEach((id, masked) => {
    if (specialIds.has(id)) return;
    const changed = passage.slice();
    changed[masked] = mask;
    rows.push({ tokens: changed, inputs, example, masked, at: position });
  });
  return rows;
}

/** What masking did, from the activation of the clean passage and that with each token masked. */
function importanceOf(
  measured: Float64Array,
  { tokens, position }: RunnableExample,
  specialIds: ReadonlySet<number>,
): Pick<ExampleImportance, 'activation' | 'drops' | 'importance'> {
  const activation = measured[0]!;
  const sign = activation < 0 ? -1 : 1;
  const drops = Array.from({ length: position + 1 }, (_, t) =>
    specialIds.has(tokens[t]!) ? null : sign * (activation - measured[t + 1]!),
  );
  const own = drops[position] ?? 0;
  const importance =
    own <= 0 || own < LEAST_DROP * Math.abs(activation)
      ? null
      : drops.map((drop) => drop && Math.min(1, Math.max(0, drop / own)));
  return { activation, drops, importance };
}

/** Tokens of the shortest suffix of each passage that gives enough of its activation; a leading BOS stays. */
async function minimalContexts(
  taps: OpenTaps,
  examples: readonly RunnableExample[],
  index: number,
  specialIds: ReadonlySet<number>,
  clean: readonly number[],
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const leads = examples.map(({ tokens, position }) => (position > 0 && specialIds.has(tokens[0]!) ? 1 : 0));
  const longest = examples.map(({ position }, i) => position + 1 - leads[i]!);
  const found = longest.slice();
  let open = examples.map((_, i) => i);
  for (let least = 1, most = FIRST_SUFFIXES; open.length > 0; least = most + 1, most *= 2) {
    const rows = open.flatMap((i) => {
      const { tokens, position } = examples[i]!;
      const lengths = Array.from({ length: Math.max(0, Math.min(most, longest[i]! - 1) - least + 1) });
      return lengths.map((_, k): Row => {
        const suffix = tokens.subarray(position + 1 - (least + k), position + 1);
        const passage = Int32Array.of(...tokens.subarray(0, leads[i]), ...suffix);
        return { ...unitInput(passage, index), example: i, masked: -1, at: passage.length - 1 };
      });
    });
    const enough = new Map<number, number>();
    rows.sort((a, b) => a.tokens.length - b.tokens.length);
    for await (const [{ example, at }, value] of activationsOf(taps, rows, signal)) {
      const length = at + 1 - leads[example]!;
      if (value * Math.sign(clean[example]!) < ENOUGH * Math.abs(clean[example]!)) continue;
      enough.set(example, Math.min(length, enough.get(example) ?? length));
    }
    for (const [example, length] of enough) found[example] = length;
    open = open.filter((i) => !enough.has(i) && longest[i]! - 1 > most);
  }
  return found;
}

/** The activation of each row where it is asked for. */
async function* activationsOf(
  taps: OpenTaps,
  rows: readonly Row[],
  signal: AbortSignal | undefined,
): AsyncGenerator<[Row, number]> {
  if (rows.length === 0) return;
  for await (const { contexts, length, taps: values } of taps.stream(rows, {
    tokens: TOKENS_PER_RUN,
    signal,
  })) {
    const { data } = values[UNIT_TAP]!;
    for (const [i, row] of contexts.entries()) {
      yield [row, checkNumber(data[i * length + row.at]!, `an activation of example ${row.example}`)];
    }
  }
}
