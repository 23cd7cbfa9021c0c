import type { GivenBank } from '../bank/given.ts';
import { unpackRows } from '../base/half.ts';
import { checkAborted, type LongCall } from '../base/progress.ts';
import { nextTurn } from '../base/turn.ts';
import type { LinkageMethod } from '../cluster/linkage-methods.ts';
import { PolysemeError } from '../errors.ts';
import type { FeatureRule } from '../features/labeling.ts';
import { NamingTexts } from '../features/naming.ts';
import type { SplitUnit, UnitExample } from '../features/split-unit.ts';
import { countWords, WordCounter } from '../features/word-counter.ts';
import { RUN_SPELLS_BYTES, wordText, wordTexts } from '../features/word-texts.ts';
import { spellBytes } from '../tokenizer/byte-tokens.ts';
import type { Batch } from './batch.ts';
import { Collector } from './collector.ts';
import type { Sign } from './scan.ts';
import { needsMaxima, type SelectionOptions } from './selection.ts';
import { sampledTexts, TextSampler } from './text-sample.ts';
import { type HarvestedUnit, type SplitWork, unitFeatures } from './unit-features.ts';

/** How the units of a bank of one's own are split; the defaults are those of `runStudy`. */
export interface SplitBankOptions extends LongCall {
  /** How a unit's examples are chosen; default `top`. */
  readonly select?: SelectionOptions['select'];
  /** Most examples per unit; default 64. */
  readonly examples?: number;
  /** `fraction`: share of its maximum that an activation must reach, in (0, 1]; default 0.75. */
  readonly fraction?: number;
  /** Which activations count; default `positive`. */
  readonly sign?: Sign;
  /** Take every activating position of a context, not only the unit's largest; default false. */
  readonly everyPosition?: boolean;
  /** Let a unit have examples whose 32 tokens up to the peak are equal; default false where the bank has tokens. */
  readonly keepDuplicates?: boolean;
  /** Seed of `random`; default 0. */
  readonly seed?: number;
  /** Default `average`. */
  readonly linkage?: LinkageMethod;
  /** Distance at which the dendrogram is cut, in [0, 2]; default 0.5. */
  readonly threshold?: number;
  /** `mean` (default): embeddings of h − μ, μ the mean of h over all text positions; `none`: of h, as in the paper. */
  readonly center?: 'mean' | 'none';
  /** What the features are: `auto` (default), the best split by the silhouette rule, or `cut`, the clusters. */
  readonly features?: FeatureRule;
  /** Indices of the units wanted, in this order; default all. */
  readonly units?: readonly number[];
}

/** Contexts between two looks at what else the program has to do. */
const CONTEXTS_PER_TURN = 64;

/**
 * Splits the units of a bank of one's own into features and measures them, in memory: the examples are chosen, split,
 * named and measured as a run of a model does it.
 *
 * @returns the units, one by one, in the shape of `study.unit()`
 * @throws PolysemeError for an option that cannot be, and with the code `aborted` when the signal says so
 * @example
 * const bank = bankOf({
 *   name: 'mine',
 *   inputs: Float32Array.of(1, 0, 2, 0.1, 0, 1),
 *   activations: Float32Array.of(1, 2, 1),
 *   weights: Float32Array.of(1, 1),
 *   tokens: [[' ship'], [' boat'], [' court']],
 * });
 * // By the paper's rule; by default a unit of fewer than 8 examples is one feature.
 * const paper = { center: 'none', features: 'cut' };
 * for await (const { index, clusters, features } of splitBank(bank, paper)) {
 *   console.log(index, clusters, features[0].examples.map(({ tokens }) => tokens[0])); // 0 2 [' boat', ' ship']
 * }
 */
export async function* splitBank(bank: GivenBank, options: SplitBankOptions = {}): AsyncGenerator<SplitUnit> {
  const { linkage = 'average', threshold = 0.5, center = 'mean', features = 'auto' } = options;
  const { signal, onProgress } = options;
  const units = unitsOf(bank, options.units);
  // Contexts without tokens have no texts that could be equal.
  const selection = { ...checkOptions(options), ...(bank.tokens === null && { keepDuplicates: true }) };
  const vocabulary = new Vocabulary(bank);
  const length = bank.lengths.reduce((a, b) => Math.max(a, b), 1);
  const collector = new Collector(
    [
      {
        name: bank.name,
        units: bank.units,
        width: bank.width,
        inputTap: 'inputs',
        activationTap: 'activations',
        sinks: null,
      },
    ],
    selection,
    length,
  );
  const corpus = new WordCounter();
  const sampler = new TextSampler(selection.seed);
  let positions = 0;
  for (let pass = 1; pass <= (needsMaxima(selection) ? 2 : 1); pass++) {
    if (pass === 2) collector.startChoosing();
    let first = 0;
    for (const [context, size] of bank.lengths.entries()) {
      if (context % CONTEXTS_PER_TURN === 0) await turn(signal);
      const batch = vocabulary.batch(context);
      collector.take(batch, {
        inputs: { data: bank.inputs.subarray(first * bank.width, (first + size) * bank.width) },
        activations: { data: bank.activations.subarray(first * bank.units, (first + size) * bank.units) },
      });
      first += size;
      onProgress?.({ stage: 'harvest', done: context + 1, total: bank.lengths.length, unit: 'contexts' });
      if (pass > 1) continue;
      positions += batch.valid.reduce((sum, v) => sum + v, 0);
      if (bank.tokens !== null) {
        const texts = bank.tokens[context]!.map((text) => wordText(text, bank.special.has(text)));
        countWords(wordTexts(texts, RUN_SPELLS_BYTES), corpus);
        sampler.offer(context, batch.tokens, batch.valid);
      }
    }
  }
  const { banks, contexts } = collector.finish();
  const work = {
    bank: banks[0]!,
    embedding: bank.embedding,
    width: bank.width,
    weights: bank.weights,
    contexts,
    texts: vocabulary.words,
    cluster: { linkage, threshold },
    centre: center === 'mean' ? banks[0]!.inputMean : null,
    rule: features,
  };
  const { words } = vocabulary;
  const naming = words && new NamingTexts(sampledTexts(sampler.sample(), (id) => words[id]!));
  let done = 0;
  for (const index of units) {
    await turn(signal);
    const unit = describeUnit(bank, work, unitFeatures(work, index, corpus, naming), index, positions);
    onProgress?.({
      stage: 'features',
      done: ++done,
      total: options.units?.length ?? bank.units,
      unit: 'units',
    });
    yield unit;
  }
}

/** Numbers for the texts of tokens. */
class Vocabulary {
  /** Text of each token as words see it, by id; null where tokens were not given. */
  readonly words: string[] | null;
  readonly #bank: GivenBank;
  readonly #ids = new Map<string, number>();

  constructor(bank: GivenBank) {
    this.#bank = bank;
    this.words = bank.tokens === null ? null : [];
  }

  /** A context as the collector takes it. */
  batch(context: number): Batch {
    const { lengths, tokens, special, documents } = this.#bank;
    const length = lengths[context]!;
    const texts = tokens?.[context];
    const valid = new Uint8Array(length).fill(1);
    texts?.forEach((text, t) => {
      if (special.has(text)) valid[t] = 0;
    });
    return {
      ids: [context],
      documents: [context],
      names: [documents?.[context] ?? ''],
      starts: [0],
      lengths: [length],
      tokens: texts === undefined ? new Int32Array(length) : Int32Array.from(texts, (text) => this.#id(text)),
      valid,
      length,
    };
  }

  #id(text: string): number {
    let id = this.#ids.get(text);
    if (id === undefined) {
      id = this.#ids.size;
      this.#ids.set(text, id);
      this.words!.push(wordText(text, this.#bank.special.has(text)));
    }
    return id;
  }
}

function describeUnit(
  { name, lengths, tokens, special, documents }: GivenBank,
  { bank: { statistics } }: SplitWork,
  { examples, split, features }: HarvestedUnit,
  index: number,
  positions: number,
): SplitUnit {
  const { count, windows, windowScales, context, position, activation } = examples;
  const longest = windows.length / Math.max(1, count);
  const values = unpackRows(windows, windowScales, longest);
  const all = Array.from(
    context,
    (id, i): UnitExample => ({
      id: i,
      context: id,
      document: documents?.[id] ?? '',
      position: position[i]!,
      activation: activation[i]!,
      tokens: spellBytes(tokens?.[id] ?? []),
      special: (tokens?.[id] ?? []).flatMap((text, t) => (special.has(text) ? [t] : [])),
      activations: [...values.subarray(i * longest, i * longest + lengths[id]!)],
    }),
  );
  const max = statistics.max[index]!;
  const { merges } = split.tree;
  return {
    bank: name,
    index,
    examples: count,
    maxActivation: Number.isFinite(max) ? max : null,
    mean: positions === 0 ? null : statistics.sum[index]! / positions,
    density: positions === 0 ? null : statistics.active[index]! / positions,
    expert: null,
    ...split.metrics,
    ...split.judgement,
    merges: Array.from(
      { length: merges.length / 4 },
      (_, row) => [...merges.subarray(4 * row, 4 * row + 4)] as unknown as [number, number, number, number],
    ),
    features: features.map(({ members, ...feature }) => ({
      ...feature,
      examples: members.map((example) => all[example]!),
    })),
  };
}

async function turn(signal: AbortSignal | undefined): Promise<void> {
  await nextTurn();
  checkAborted(signal);
}

function unitsOf({ name, units }: GivenBank, wanted: readonly number[] | undefined): Iterable<number> {
  const bad = wanted?.find((unit) => !(Number.isInteger(unit) && unit >= 0 && unit < units));
  if (bad !== undefined) {
    throw new PolysemeError(
      `splitBank: bank ${name} has no unit ${bad}; its units are 0 to ${units - 1}`,
      'not-found',
    );
  }
  return wanted ?? Array(units).keys();
}

/** Refuses options that cannot be; returns those of the selection, with their defaults. */
function checkOptions({
  select = 'top',
  examples = 64,
  fraction = 0.75,
  sign = 'positive',
  everyPosition = false,
  keepDuplicates = false,
  seed = 0,
  threshold = 0.5,
}: SplitBankOptions): SelectionOptions {
  const refuse = (option: string, value: unknown, rule: string): never => {
    throw new PolysemeError(`splitBank: ${option} is ${JSON.stringify(value)}; it must be ${rule}`);
  };
  if (!['top', 'fraction', 'quantiles', 'random'].includes(select)) {
    refuse('select', select, 'top, fraction, quantiles or random');
  }
  if (!['positive', 'negative', 'absolute'].includes(sign)) {
    refuse('sign', sign, 'positive, negative or absolute');
  }
  if (!(Number.isInteger(examples) && examples >= 1 && examples <= 100_000)) {
    refuse('examples', examples, 'a whole number from 1 to 100000');
  }
  if (!(fraction > 0 && fraction <= 1)) refuse('fraction', fraction, 'above 0 and at most 1');
  if (!(threshold >= 0 && threshold <= 2)) refuse('threshold', threshold, 'a distance from 0 to 2');
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)) {
    refuse('seed', seed, 'a whole number from 0 to 4294967295');
  }
  return { select, examples, fraction, sign, everyPosition, keepDuplicates, seed };
}
