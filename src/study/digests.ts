import { createHash, hash } from 'node:crypto';
import { PolysemeError } from '../errors.ts';
import type { Judgement } from '../polysemy/judgement.ts';
import { POLYSEMY } from '../polysemy/metrics.ts';
import type { UnitRecord } from './record.ts';

/** What `UnitRecord.hash` is over; studies of the first layout have neither judgement nor names. */
export type HashedRecord = Omit<UnitRecord, 'hash' | 'judgement' | 'names' | 'expert'> &
  Partial<Pick<UnitRecord, 'judgement' | 'names'>>;

/** The columns of a judgement, in the order in which they enter a record's hash. */
export const JUDGED = [
  'featureCount',
  'effectiveFeatures',
  'separation',
  'strayShare',
  'nullDistance',
  'relativeDistance',
  'verdict',
] as const satisfies readonly (keyof Judgement)[];

/** SHA-256 of bytes: the digest that lies beside them in a study, checked whenever they are read. */
export function digestOf(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** The digest of a unit's row: SHA-256 of its index and the values that are there, by the names of their columns. */
export function rowDigest(index: number, values: Readonly<Record<string, unknown>>): Buffer {
  // SQLite keeps NaN as NULL.
  const isThere = (value: unknown): boolean => value !== null && value !== undefined && !Number.isNaN(value);
  const known = Object.entries(values).filter(([, value]) => isThere(value));
  known.sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([index, known]))
    .digest();
}

/** SHA-256 of all of a record: what a study's content hash is over. */
export function recordHash({ detail, inputs, ...record }: HashedRecord): Buffer {
  const { index, examples, maxActivation, minActivation, mean, density, metrics, judgement, words, names } =
    record;
  const ordered = {
    ...{ index, examples, maxActivation, minActivation, mean, density },
    metrics: pick(metrics, POLYSEMY),
    judgement: judgement && pick(judgement, JUDGED),
    words,
    names,
  };
  return createHash('sha256').update(JSON.stringify(ordered)).update(detail).update(inputs).digest();
}

/** Packed arrays that were read with their digest, checked. @param digest undefined in a study that has none */
export function checkedBytes(packed: unknown, digest: unknown, what: string): Uint8Array {
  if (!(packed instanceof Uint8Array))
    throw new PolysemeError(`${what} is damaged: it is missing`, 'damaged');
  if (digest !== undefined) checkDigest(digest, digestOf(packed), what);
  return packed;
}

/** Refuses what has another digest than the one that was stored with it. @param what as an error names it */
export function checkDigest(stored: unknown, found: Uint8Array, what: string): void {
  if (stored instanceof Uint8Array && Buffer.compare(stored, found) === 0) return;
  throw new PolysemeError(
    `${what} is damaged: it is not what the run wrote (its SHA-256 differs); take a copy of the study, or make it anew`,
    'damaged',
  );
}

function pick<Name extends string>(values: Readonly<Record<Name, unknown>>, names: readonly Name[]): object {
  return Object.fromEntries(names.filter((name) => name in values).map((name) => [name, values[name]]));
}
