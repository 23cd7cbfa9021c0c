import * as z from 'zod';
import { PolysemeError } from '../errors.ts';
import { layerOfSite } from '../model/sites.ts';
import type { StudyInfo } from '../study/study.ts';
import type { UnitAt } from './probe.ts';

/** How tools name a unit at a position of a text: circuit tracers, and `probe --json`. */
export interface UnitKey {
  /** The layer that the unit reads; not needed where `bank` is given. */
  readonly layer?: number;
  /** The study's name of the bank; not needed where only one bank reads the layer, or a neuron is meant. */
  readonly bank?: string;
  readonly unit: number;
  /** 1 or −1: which activations are meant; default those that count in the study. */
  readonly sign?: 1 | -1;
  /** Place of the token in the text, BOS counted where the study's contexts begin with it. */
  readonly position: number;
}

/** Keys of one list. */
export const MAX_KEYS = 100_000;

const whole = z.union([z.int().min(0), z.stringFormat('whole number', /^\d{1,9}$/).transform(Number)]);
const signs = { '1': 1, '+1': 1, '-1': -1, '+': 1, '-': -1, positive: 1, negative: -1 } as const;
const sign = z
  .union([z.literal([1, -1]), z.enum(Object.keys(signs) as (keyof typeof signs)[])])
  .transform((given) => (typeof given === 'number' ? given : signs[given]));

const unitKey = z.object({
  layer: whole.nullish().transform((layer) => layer ?? undefined),
  bank: z.string().min(1).max(500).optional(),
  unit: whole,
  sign: sign.optional(),
  position: whole,
});

/**
 * Reads a list of units at positions, as other tools write it: a JSON list of keys, or an object that has one as `keys`
 * or, as what `probe --json` prints, as `firings`. Other fields of a key are ignored.
 * @param what names the list in errors
 * @throws PolysemeError that names the first key that is wrong
 */
export function parseKeys(json: string, what: string): UnitKey[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (error) {
    throw new PolysemeError(`${what} is no JSON: ${(error as Error).message}`);
  }
  const { keys, firings } = (Array.isArray(parsed) ? { keys: parsed } : (parsed ?? {})) as Record<
    string,
    unknown
  >;
  const list = keys ?? firings;
  if (!Array.isArray(list)) {
    throw new PolysemeError(
      `${what} holds no list of keys {layer, unit, sign, position}, and none as keys or firings`,
    );
  }
  if (list.length > MAX_KEYS) {
    throw new PolysemeError(`${what} holds ${list.length} keys; at most ${MAX_KEYS} are read: split it`);
  }
  return list.map((entry, i) => {
    const key = unitKey.safeParse(entry);
    if (key.success) return key.data;
    const { path, message } = key.error.issues[0]!;
    const name = String(path[0] ?? 'it');
    const value = JSON.stringify((entry as Record<string, unknown> | null)?.[name]);
    throw new PolysemeError(
      `${what}: key ${i} is wrong: ${name} is ${String(value).slice(0, 80)} (${message})`,
    );
  });
}

/**
 * The units that keys mean in a study.
 * @throws PolysemeError where a key means no bank, or several
 */
export function findUnits(keys: readonly UnitKey[], { banks }: Pick<StudyInfo, 'banks'>): UnitAt[] {
  return keys.map(({ layer, bank, unit: index, position }, i) => {
    if (bank !== undefined) {
      if (!banks.some(({ name }) => name === bank)) throw noBank(i, `bank ${bank}`, banks);
      return { bank, index, position };
    }
    if (layer === undefined) throw new PolysemeError(`key ${i} has neither layer nor bank: give one of them`);
    const there = banks.filter(({ site }) => layerOfSite(site) === layer);
    const neurons = there.find(({ kind }) => kind === 'mlp');
    const found = there.length === 1 ? there[0] : neurons;
    if (found !== undefined) return { bank: found.name, index, position };
    if (there.length === 0) throw noBank(i, `bank of layer ${layer}`, banks);
    throw new PolysemeError(
      `key ${i}: layer ${layer} has ${there.map(({ name }) => name).join(' and ')}: name one of them as its bank`,
    );
  });
}

/** A unit at a position under the names that `parseKeys` reads. */
export function keyOf<T extends UnitAt & { readonly activation: number }>(
  { bank, index: unit, position, activation, ...rest }: T,
  { banks }: Pick<StudyInfo, 'banks'>,
) {
  const { site } = banks.find(({ name }) => name === bank)!;
  const sign: 1 | -1 = activation < 0 ? -1 : 1;
  return { layer: layerOfSite(site), unit, sign, position, bank, activation, ...rest };
}

function noBank(key: number, what: string, banks: StudyInfo['banks']): PolysemeError {
  return new PolysemeError(
    `key ${key}: the study has no ${what} (it has ${banks.map(({ name, site }) => `${name} at ${site}`).join(', ')})`,
    'not-found',
  );
}
