import type { LongCall } from '../base/progress.ts';
import type { ModelConfig } from '../model/architectures/architecture.ts';
import type { OpenTaps } from '../model/load-model.ts';
import { type TapInput, TOKENS_PER_RUN } from '../model/taps.ts';
import type { ExplainedUnits } from './explained.ts';
import { type MaskToken, maskToken } from './mask-token.ts';
import { type ExampleImportance, exampleImportance } from './results.ts';
import type { RunnableExample, UnitQuestion } from './unit-examples.ts';
import { checkNumber, readUnits, seenAt, UNIT_TAP, unitInput } from './unit-taps.ts';

/** Least share of the activation that masking the peak must take away: with less, nothing can be divided by it. */
const LEAST_DROP = 0.05;
/** Share of the activation that the minimal context still gives. */
const ENOUGH = 0.8;
/** Passages, by length, that are tried first, then the next longer ones. */
const FIRST_PASSAGES = 8;

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

/** What was measured, beside the tokens that were masked in turn. */
export interface ExplainedExample extends ExampleImportance {
  readonly feature: number;
  /** Of the peak. */
  readonly position: number;
  readonly tokens: readonly string[];
}

/**
 * Token importance: each token that the peak of an example sees (those up to it; an encoder's peak sees the whole context)
 * is masked in turn, and the activation at the peak is measured again. Results are kept, where the study can keep them.
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
  explained: ExplainedUnits,
  { examples: asked, mask: maskText, onProgress, signal, ...question }: ImportanceOptions,
): Promise<UnitImportance> {
  const { bank, index } = question;
  const found = await explained.units.examples(question, asked);
  const { tokenizer, config } = await explained.model();
  const mask = maskToken(tokenizer, maskText);
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
    tokens: explained.units.texts(tokens).slice(0, seenAt(tokens, position, config).length),
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
  explained: ExplainedUnits,
  bankName: string,
  index: number,
  mask: MaskToken,
  examples: readonly RunnableExample[],
  { onProgress, signal }: LongCall,
): Promise<ExampleImportance[]> {
  const [model, bank] = await Promise.all([explained.model(), explained.bank(bankName)]);
  const { specialIds } = model.tokenizer;
  const passages = examples.map((example) => passageOf(example, model.config, specialIds));
  const taps = model.openTaps([UNIT_TAP], [readUnits(bank)]);
  try {
    const rows = passages.map((passage, i) => maskedRows(passage, i, index, mask.id, specialIds));
    const total = rows.reduce((sum, own) => sum + own.length, 0);
    const measured = passages.map(({ tokens }) => new Float64Array(tokens.length + 1));
    let done = 0;
    // Of one length together: nothing is computed at padded positions.
    const ordered = rows.toSorted((a, b) => a[0]!.tokens.length - b[0]!.tokens.length).flat();
    for await (const [row, value] of activationsOf(taps, ordered, signal)) {
      measured[row.example]![row.masked + 1] = value;
      done++;
      onProgress?.({ stage: 'mask', done, total, unit: 'passages' });
    }
    const clean = measured.map(([value]) => value!);
    const minimal = await minimalContexts(taps, passages, index, clean, signal);
    return examples.map(({ id }, i) => ({
      example: id,
      ...importanceOf(measured[i]!, passages[i]!, specialIds),
      minimal: minimal[i]!,
    }));
  } finally {
    await taps.close();
  }
}

/** What the peak of an example sees: the tokens up to it, or an encoder's whole context. */
interface Passage {
  readonly tokens: Int32Array;
  /** Of the peak. */
  readonly position: number;
  /** The text is from `first` to before `end`; special tokens may stand before the one and after the other. */
  readonly first: number;
  readonly end: number;
}

function passageOf(
  { tokens, position }: RunnableExample,
  config: ModelConfig,
  specialIds: ReadonlySet<number>,
): Passage {
  const seen = seenAt(tokens, position, config);
  const first = position > 0 && specialIds.has(seen[0]!) ? 1 : 0;
  const end = position < seen.length - 1 && specialIds.has(seen.at(-1)!) ? seen.length - 1 : seen.length;
  return { tokens: seen, position, first, end };
}

/** The passage as it is, and with each token masked in turn. */
function maskedRows(
  { tokens, position }: Passage,
  example: number,
  index: number,
  mask: number,
  specialIds: ReadonlySet<number>,
): Row[] {
  const { inputs } = unitInput(tokens, index);
  const rows: Row[] = [{ tokens, inputs, example, masked: -1, at: position }];
  tokens.forEach((id, masked) => {
    if (specialIds.has(id)) return;
    const changed = tokens.slice();
    changed[masked] = mask;
    rows.push({ tokens: changed, inputs, example, masked, at: position });
  });
  return rows;
}

/** What masking did, from the activation of the clean passage and that with each token masked. */
function importanceOf(
  measured: Float64Array,
  { tokens, position }: Passage,
  specialIds: ReadonlySet<number>,
): Pick<ExampleImportance, 'activation' | 'drops' | 'importance'> {
  const activation = measured[0]!;
  const sign = activation < 0 ? -1 : 1;
  const drops = Array.from(tokens, (id, t) =>
    specialIds.has(id) ? null : sign * (activation - measured[t + 1]!),
  );
  const own = drops[position] ?? 0;
  const importance =
    own <= 0 || own < LEAST_DROP * Math.abs(activation)
      ? null
      : drops.map((drop) => drop && Math.min(1, Math.max(0, drop / own)));
  return { activation, drops, importance };
}

/**
 * Tokens of the shortest part of each passage that gives enough of its activation: the text at most so far from the peak,
 * in its special tokens. Of a passage that ends at the peak these are its suffixes.
 */
async function minimalContexts(
  taps: OpenTaps,
  passages: readonly Passage[],
  index: number,
  clean: readonly number[],
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const farthest = passages.map(({ position, first, end }) => Math.max(position - first, end - 1 - position));
  const found = passages.map(({ first, end }) => end - first);
  let open = passages.map((_, i) => i);
  for (let least = 0, most = FIRST_PASSAGES - 1; open.length > 0; least = most + 1, most = 2 * most + 1) {
    const rows = open.flatMap((i) => {
      const reaches = Array.from({ length: Math.max(0, Math.min(most, farthest[i]! - 1) - least + 1) });
      return reaches.map((_, k) => partRow(passages[i]!, least + k, i, index));
    });
    const enough = new Map<number, number>();
    rows.sort((a, b) => a.tokens.length - b.tokens.length);
    for await (const [{ example, text }, value] of activationsOf(taps, rows, signal)) {
      if (value * Math.sign(clean[example]!) < ENOUGH * Math.abs(clean[example]!)) continue;
      enough.set(example, Math.min(text, enough.get(example) ?? text));
    }
    for (const [example, length] of enough) found[example] = length;
    open = open.filter((i) => !enough.has(i) && farthest[i]! - 1 > most);
  }
  return found;
}

/** The text of a passage at most `reach` from its peak, in its special tokens. */
function partRow(
  { tokens, position, first, end }: Passage,
  reach: number,
  example: number,
  index: number,
): Row & { readonly text: number } {
  const from = Math.max(first, position - reach);
  const to = Math.min(end, position + reach + 1);
  const part = Int32Array.of(
    ...tokens.subarray(0, first),
    ...tokens.subarray(from, to),
    ...tokens.subarray(end),
  );
  return { ...unitInput(part, index), example, masked: -1, at: first + position - from, text: to - from };
}

/** The activation of each row where it is asked for. */
async function* activationsOf<R extends Row>(
  taps: OpenTaps,
  rows: readonly R[],
  signal: AbortSignal | undefined,
): AsyncGenerator<[R, number]> {
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
