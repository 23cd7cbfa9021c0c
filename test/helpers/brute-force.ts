import { writeFileSync } from 'node:fs';
import { hashFraction } from '../../src/base/hash.ts';
import { selectionSalt } from '../../src/harvest/selection.ts';
import { cutContexts, type Model, openCorpus } from '../../src/index.ts';

/** A context that was run whole, with everything that a harvest of one bank would see of it. */
export interface SeenContext {
  readonly id: number;
  readonly document: string;
  readonly tokens: Int32Array;
  /** Whether each position is text. */
  readonly text: readonly boolean[];
  /** positions × units */
  readonly activations: Float32Array;
  /** positions × width */
  readonly inputs: Float32Array;
}

export interface Example {
  readonly context: number;
  readonly position: number;
  readonly activation: number;
  readonly score: number;
}

export interface Choice {
  readonly select: 'top' | 'fraction' | 'quantiles';
  readonly examples: number;
  readonly fraction: number;
  readonly sign: 'positive' | 'negative' | 'absolute';
  readonly everyPosition: boolean;
  readonly seed?: number;
}

/** Runs every context by itself and keeps everything. */
export async function seeContexts(
  model: Model,
  corpus: { data: string; context: number; bos: boolean; contexts?: number; seed?: number },
  taps: { inputs: string; activations: string },
  special: ReadonlySet<number>,
): Promise<SeenContext[]> {
  const { tokenizer } = model;
  const contexts = cutContexts(await openCorpus(corpus.data), tokenizer, {
    length: corpus.context,
    bos: corpus.bos,
    count: corpus.contexts,
    seed: corpus.seed ?? 0,
  });
  const seen: SeenContext[] = [];
  for await (const { id, documentName, tokens } of contexts) {
    const found = await model.run({ tokens: [tokens], taps: [taps.inputs, taps.activations] });
    seen.push({
      id,
      document: documentName,
      tokens,
      text: Array.from(tokens, (token) => !special.has(token)),
      activations: found[taps.activations]!.data,
      inputs: found[taps.inputs]!.data,
    });
  }
  return seen;
}

/** Statistics of one unit over all text positions, as the issue defines them. */
export function statisticsOf(seen: readonly SeenContext[], unit: number, units: number) {
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let active = 0;
  let tokens = 0;
  const histogram = new Map<number, number>();
  for (const { text, activations } of seen) {
    for (let t = 0; t < text.length; t++) {
      if (!text[t]) continue;
      const a = activations[t * units + unit]!;
      if (a > max) max = a;
      sum += a;
      if (a > 0) active++;
      tokens++;
      const bin = histogramBin(a);
      histogram.set(bin, (histogram.get(bin) ?? 0) + 1);
    }
  }
  const bins = [...histogram].sort(([a], [b]) => a - b);
  return { max, mean: sum / tokens, density: active / tokens, tokens, bins };
}

/** Eight equal bins an octave from 2^-12 to 2^20, one below; those of negative numbers (−0 too) come after. */
export function histogramBin(a: number): number {
  const sign = a < 0 || Object.is(a, -0) ? 257 : 0;
  const size = Math.abs(a);
  if (size < 2 ** -12) return sign;
  if (size >= 2 ** 20) return sign + 256;
  const octave = OCTAVES.findLastIndex((edge) => edge <= size);
  return sign + 1 + 8 * octave + Math.floor((size / OCTAVES[octave]! - 1) * 8);
}

const OCTAVES = Array.from({ length: 32 }, (_, i) => 2 ** (i - 12));

/** Every example that a unit could have, in the order of contexts and positions. */
export function candidatesOf(
  seen: readonly SeenContext[],
  unit: number,
  units: number,
  { sign, everyPosition }: Pick<Choice, 'sign' | 'everyPosition'>,
): Example[] {
  const examples: Example[] = [];
  for (const { id, text, activations } of seen) {
    let best: Example | null = null;
    for (let position = 0; position < text.length; position++) {
      if (!text[position]) continue;
      const activation = activations[position * units + unit]!;
      const score =
        sign === 'positive' ? activation : sign === 'negative' ? -activation : Math.abs(activation);
      if (score <= 0) continue;
      const example = { context: id, position, activation, score };
      if (everyPosition) examples.push(example);
      else if (best === null || score > best.score) best = example;
    }
    if (best !== null) examples.push(best);
  }
  return examples;
}

/** The examples that a strategy takes, best first. */
export function choose(
  candidates: readonly Example[],
  { select, examples, fraction, seed = 0 }: Choice,
  bank: string,
  unit: number,
): Example[] {
  const salt = selectionSalt(bank, seed);
  const thin = (items: readonly Example[], limit: number): Example[] =>
    items
      .map((item) => ({ item, at: hashFraction(salt, unit, item.context, item.position) }))
      .sort((a, b) => b.at - a.at)
      .slice(0, limit)
      .map(({ item }) => item);
  const max = Math.max(...candidates.map(({ score }) => score));
  if (select === 'top') return [...candidates].sort(byRank).slice(0, examples);
  if (select === 'fraction') {
    const above = candidates.filter(({ score }) => score >= fraction * max);
    return thin(above, examples).sort(byRank);
  }
  const bands = Array.from({ length: 10 }, (_, band) => {
    const room = Math.floor(((band + 1) * examples) / 10) - Math.floor((band * examples) / 10);
    const own = candidates.filter(({ score }) => {
      const tenths = (score / max) * 10;
      return (tenths > band || band === 0) && tenths <= band + 1;
    });
    return thin(own, room);
  });
  return bands.flat().sort(byRank);
}

function byRank(a: Example, b: Example): number {
  return b.score - a.score || a.context - b.context || a.position - b.position;
}

/**
 * Writes a JSONL corpus made of pieces of State of the Union addresses, with what is awkward in it: a document
 * twice (equal activations), one too short, and a special token's text in the middle of a sentence.
 */
export async function writeCorpus(path: string, { documents = 22, length = 500 } = {}): Promise<void> {
  const texts: string[] = [];
  for await (const { text } of (await openCorpus('builtin:sotu')).documents()) {
    const start = (text.indexOf(' ', 2000) % (text.length - 3 * length)) + 1;
    if (texts.length < documents) texts.push(text.slice(start, start + length + 37 * (texts.length % 7)));
    else break;
  }
  texts.splice(5, 0, texts[1]!);
  texts.push(
    'a',
    texts[1]!,
    `The union<|endoftext|>Fellow citizens of the Senate<|endoftext|><|endoftext|> and House`,
  );
  writeFileSync(path, texts.map((text, i) => `${JSON.stringify({ name: `piece ${i}`, text })}\n`).join(''));
}
