import { PolysemeError, UsageError } from '../errors.ts';
import type { GraphEdit } from '../model/compile.ts';
import type { OpenTaps } from '../model/load-model.ts';
import type { TapBlock } from '../model/taps.ts';
import { spellBytes } from '../tokenizer/byte-tokens.ts';
import type { ExplainedUnits, ExplainModel } from './explained.ts';
import { MOST_UNITS } from './limits.ts';
import { type Placed, placeInput } from './place.ts';
import { type ProbedBank, relativeTo } from './probed-bank.ts';
import { ProbedBanks } from './probed-banks.ts';
import { type StrongestTaps, strongestUnits } from './strongest.ts';
import { checkNumber } from './unit-taps.ts';
import { cutText, type TextWindows } from './windows.ts';

/** A text as a model reads it. */
export interface ProbedText {
  /** Texts of its tokens, window after window; positions are places among these. */
  readonly tokens: readonly string[];
  /** Positions of BOS and other special tokens: nothing fires there. */
  readonly special: readonly number[];
  /** Where each window begins: more than one where the text is longer than the study's contexts. */
  readonly windows: readonly number[];
  /** Tokens of a full window: those of a context of the study. */
  readonly windowLength: number;
}

/** A unit that fires at a token. */
export interface Firing extends Placed {
  readonly bank: string;
  readonly index: number;
  readonly position: number;
  readonly activation: number;
  /** The activation, divided by the unit's own maximum over the study's text. */
  readonly relative: number;
}

/** The units that fire most at each token. */
export interface Probe extends ProbedText {
  /** By position, the strongest first. */
  readonly firings: readonly Firing[];
  /** Banks of the study that could not be run, and why. */
  readonly missing: readonly { readonly bank: string; readonly reason: string }[];
}

/** One unit on a text. */
export interface UnitProbe extends ProbedText {
  /** Its activation at every token. */
  readonly activations: Float32Array;
  /** Where it fires, by position. */
  readonly firings: readonly Firing[];
}

/** A unit at a position. */
export interface UnitAt {
  readonly bank: string;
  readonly index: number;
  readonly position: number;
}

/** A unit at a position. Where it does not fire, it has no feature and no distances. */
export interface ProbedUnit extends Firing {
  /** Whether its activation is of the sign that counts in the study. */
  readonly fires: boolean;
}

export interface ProbeOptions {
  /** Only this bank; default all. */
  readonly bank?: string;
  /** Units of a token, at most. */
  readonly top?: number;
  readonly signal?: AbortSignal;
}

const USUAL_UNITS = 5;
/** So many of a token are searched for where no more are shown. */
const FEW_UNITS = 8;

/**
 * Runs texts through the model behind a study, and says which units fire and with which of their features.
 * @example
 * const study = openStudy('study.db');
 * const explained = openExplained(study);
 * const prober = new Prober(explained);
 * const { tokens, firings } = await prober.probe('the treaty with the Indian tribes', { top: 3 });
 * for (const { position, bank, index, feature } of firings) console.log(tokens[position], bank, index, feature);
 * await prober.close();
 * await explained.close();
 * study.close();
 */
export class Prober {
  readonly #explained: ExplainedUnits;
  readonly #taps = new Map<string, OpenTaps>();
  readonly #banks: ProbedBanks;

  constructor(explained: ExplainedUnits) {
    this.#explained = explained;
    this.#banks = new ProbedBanks(explained);
  }

  /**
   * The units that fire most, relative to their own maximum, at each token of a text.
   * @throws PolysemeError where the text is empty or too long, there is no such bank, or no model
   */
  async probe(text: string, { bank, top = USUAL_UNITS, signal }: ProbeOptions = {}): Promise<Probe> {
    if (!Number.isInteger(top) || top < 1 || top > MOST_UNITS) {
      throw new UsageError(`option top is ${top}: it must be a whole number from 1 to ${MOST_UNITS}`);
    }
    const model = await this.#explained.model();
    const cut = cutText(text, model.tokenizer, this.#explained.units.options);
    const { banks, missing } = await this.#chosen(bank);
    const count = top <= FEW_UNITS ? FEW_UNITS : MOST_UNITS;
    const strongest = banks.map((of) => strongestUnits(of.bank, of.own, count));
    const taps = this.#open(
      model,
      `strongest ${count} ${banks.map(({ bank: { name } }) => name).join(' ')}`,
      banks.flatMap(({ bank: { inputs } }, i) => [inputs, strongest[i]!.indices, strongest[i]!.activations]),
      strongest.flatMap(({ edits }) => edits),
    );
    const firings: Firing[] = [];
    for await (const at of textPositions(model, taps, cut, signal)) {
      const found = banks.flatMap((of, i) => strongestAt(of, strongest[i]!, at, top));
      found.sort((a, b) => b.relative - a.relative);
      for (const { of, index, activation } of found.slice(0, top)) {
        firings.push(await this.#firing(of, index, at, activation));
      }
    }
    return { ...probedText(model, cut), firings, missing };
  }

  /**
   * A unit's activation at every token of a text, and its feature where it fires.
   * @throws PolysemeError as `probe`, and where there is no such unit
   */
  async unit(
    text: string,
    bank: string,
    index: number,
    { signal }: Pick<ProbeOptions, 'signal'> = {},
  ): Promise<UnitProbe> {
    const { units, ...probed } = await this.#units(text, [bank], signal, (tokens) =>
      tokens.flatMap((_, position) => [{ bank, index, position }]),
    );
    const activations = new Float32Array(probed.tokens.length);
    for (const { position, activation } of units) activations[position] = activation;
    return { ...probed, activations, firings: units.filter((unit) => unit.fires) };
  }

  /**
   * Units at positions of a text: whether they fire there, and with which feature.
   * @throws PolysemeError as `unit`, and where a position is none of the text's
   */
  async keys(text: string, keys: readonly UnitAt[], { signal }: Pick<ProbeOptions, 'signal'> = {}) {
    const banks = [...new Set(keys.map(({ bank }) => bank))];
    return this.#units(text, banks, signal, () => keys);
  }

  /** Frees what the model holds for probes. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#taps.values(), (taps) => taps.close()));
    this.#taps.clear();
  }

  async #units(
    text: string,
    names: readonly string[],
    signal: AbortSignal | undefined,
    wanted: (tokens: readonly string[]) => readonly UnitAt[],
  ): Promise<ProbedText & { readonly units: readonly ProbedUnit[] }> {
    const model = await this.#explained.model();
    const cut = cutText(text, model.tokenizer, this.#explained.units.options);
    const probed = probedText(model, cut);
    const banks = await Promise.all(names.map((name) => this.#banks.bank(name)));
    const keys = wanted(probed.tokens);
    keys.forEach((key) => {
      checkKey(key, banks, probed.tokens.length);
    });
    const byPosition = new Map<number, number[]>();
    keys.forEach(({ position }, i) => {
      const there = byPosition.get(position);
      if (there === undefined) byPosition.set(position, [i]);
      else there.push(i);
    });
    const units: ProbedUnit[] = new Array(keys.length);
    if (keys.length === 0) return { ...probed, units };
    const taps = this.#open(
      model,
      `all ${names.join(' ')}`,
      banks.flatMap(({ bank: { inputs, activations } }) => [inputs, activations]),
      banks.flatMap(({ bank: { edits } }) => edits),
    );
    for await (const at of textPositions(model, taps, cut, signal)) {
      for (const i of byPosition.get(at.position) ?? []) {
        const { bank, index } = keys[i]!;
        const of = banks.find((one) => one.bank.name === bank)!;
        const activation = checkedActivation(
          of,
          index,
          rowAt(of.bank.activations, of.bank.units, at)[index]!,
        );
        const relative = relativeTo(of.own, index, activation);
        units[i] =
          !at.special && relative > 0
            ? { ...(await this.#firing(of, index, at, activation)), fires: true }
            : {
                bank,
                index,
                position: at.position,
                activation,
                relative,
                feature: null,
                distances: [],
                fires: false,
              };
      }
    }
    return { ...probed, units };
  }

  async #firing(of: ProbedBank, index: number, at: TextPosition, activation: number): Promise<Firing> {
    const { bank, own, centre } = of;
    const h = rowAt(bank.inputs, bank.width, at);
    return {
      bank: bank.name,
      index,
      position: at.position,
      activation,
      relative: relativeTo(own, index, activation),
      ...placeInput(await this.#banks.place(of, index), bank.embedding, h, centre),
    };
  }

  /** The bank that was asked for; or all that the model can run, and which it cannot. */
  async #chosen(asked: string | undefined): Promise<{ banks: ProbedBank[]; missing: Probe['missing'] }> {
    if (asked !== undefined) return { banks: [await this.#banks.bank(asked)], missing: [] };
    const banks: ProbedBank[] = [];
    const missing: { bank: string; reason: string }[] = [];
    for (const name of this.#explained.units.banks) {
      try {
        banks.push(await this.#banks.bank(name));
      } catch (error) {
        if (!(error instanceof PolysemeError)) throw error;
        missing.push({ bank: name, reason: error.message });
      }
    }
    if (banks.length === 0) throw new PolysemeError(missing[0]!.reason);
    return { banks, missing };
  }

  #open(model: ExplainModel, key: string, taps: readonly string[], edits: readonly GraphEdit[]): OpenTaps {
    const known = this.#taps.get(key);
    if (known !== undefined) return known;
    const opened = model.openTaps([...new Set(taps)], edits);
    this.#taps.set(key, opened);
    return opened;
  }
}

/** A position of a text, and what the taps gave there. */
interface TextPosition {
  readonly position: number;
  readonly special: boolean;
  readonly taps: TapBlock['taps'];
  /** Its row among the taps' [context, position]. */
  readonly row: number;
}

/** Runs the windows of a text and gives one position after another. */
async function* textPositions(
  { tokenizer }: ExplainModel,
  taps: OpenTaps,
  { windows, starts }: TextWindows,
  signal: AbortSignal | undefined,
): AsyncGenerator<TextPosition> {
  const contexts = windows.map((tokens, i) => ({ tokens, start: starts[i]! }));
  for await (const block of taps.stream(contexts, { specialIds: tokenizer.specialIds, signal })) {
    for (const [i, { tokens, start }] of block.contexts.entries()) {
      for (let t = 0; t < tokens.length; t++) {
        const row = i * block.length + t;
        yield { position: start + t, special: block.text[row] === 0, taps: block.taps, row };
      }
    }
  }
}

/** A tap's values at a position. */
function rowAt(tap: string, width: number, { taps, row }: TextPosition): Float32Array {
  return taps[tap]!.data.subarray(row * width, (row + 1) * width);
}

/** The units of a bank that fire most at a position, at most `top`. */
function strongestAt(of: ProbedBank, taps: StrongestTaps, at: TextPosition, top: number) {
  if (at.special) return [];
  const indices = rowAt(taps.indices, taps.count, at);
  const activations = rowAt(taps.activations, taps.count, at);
  const found = [];
  for (let i = 0; i < Math.min(top, taps.count); i++) {
    const index = indices[i]!;
    const activation = checkedActivation(of, index, activations[i]!);
    const relative = relativeTo(of.own, index, activation);
    if (relative > 0) found.push({ of, index, activation, relative });
  }
  return found;
}

function checkedActivation({ bank: { name } }: ProbedBank, index: number, activation: number): number {
  return checkNumber(activation, `the activation of ${name}/${index}`);
}

function probedText({ tokenizer }: ExplainModel, { windows, starts, length }: TextWindows): ProbedText {
  const ids = windows.flatMap((tokens) => [...tokens]);
  return {
    tokens: spellBytes(tokenizer.texts(ids)),
    special: ids.flatMap((id, position) => (tokenizer.specialIds.has(id) ? [position] : [])),
    windows: starts,
    windowLength: length,
  };
}

function checkKey({ bank, index, position }: UnitAt, banks: readonly ProbedBank[], tokens: number): void {
  const { units } = banks.find((one) => one.bank.name === bank)!.bank;
  if (!Number.isInteger(index) || index < 0 || index >= units) {
    throw new PolysemeError(
      `there is no unit ${bank}/${index}: units go from 0 to ${units - 1}`,
      'not-found',
    );
  }
  if (!Number.isInteger(position) || position < 0 || position >= tokens) {
    throw new PolysemeError(
      `unit ${bank}/${index}: the text has no position ${position}; it has ${tokens} tokens, from 0 on`,
    );
  }
}
