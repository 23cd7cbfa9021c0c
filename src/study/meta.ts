import { BANK_NAME, isBankName, MOST_UNITS } from '../bank/bank-name.ts';
import type { Embedding } from '../bank/embedding.ts';
import type { FileDigest } from '../base/file-digest.ts';
import { gateActivations } from '../embed/gate-activation.ts';
import { PolysemeError } from '../errors.ts';
import { bytes, decodeJson, decodeText, integer, type Query } from './select.ts';

/** A bank as the study describes it. */
export interface StudyBank {
  readonly name: string;
  readonly kind: string;
  readonly site: string;
  readonly units: number;
  readonly width: number;
  readonly embedding: Embedding;
}

/** What a study says of itself; plain JSON. */
export interface StudyMeta {
  readonly model: Readonly<Record<string, unknown>>;
  readonly data: Readonly<Record<string, unknown>>;
  /** Every option that the content depends on. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface StudyCounts {
  readonly documents: number;
  readonly skippedDocuments: number;
  /** Documents left out because their text came before; undefined in studies of older versions. */
  readonly duplicateDocuments?: number;
  readonly contexts: number;
  /** Text tokens: those that the statistics are over. */
  readonly tokens: number;
}

/** What a study was made from, to tell whether that is still there as it was. No part of its content. */
export interface StudyInputs {
  /** Files of the model, or of a bank of given activations. */
  readonly files: readonly FileDigest[];
  /** Other where the files of the text are: see `Corpus.stamp`. */
  readonly stamp: string | null;
  /** Digest of the contexts that the text was cut into; null until they were read once. */
  readonly contexts: string | null;
}

/** The sinks of a site: the norm above which a position is one, and how many text positions are. */
export interface StudySinks {
  readonly threshold: number;
  readonly positions: number;
}

/** Everything in the table `meta`. */
export interface StoredMeta extends StudyMeta {
  readonly status: 'complete' | 'unfinished';
  readonly counts: StudyCounts | null;
  readonly contentHash: string | null;
  /** Of the content hash. */
  readonly contentVersion: number;
  readonly specialIds: readonly number[] | null;
  /** By site; null where all positions may be examples. */
  readonly sinks: Readonly<Record<string, StudySinks>> | null;
  /** Null in a study of an older version. */
  readonly inputs: StudyInputs | null;
}

// A foreign file is hostile until it is parsed.
const MAX_KEYS = 64;
/** Bytes of one value. */
const MAX_VALUE = 1 << 26;
const MAX_BANKS = 4096;
/** Dimension of the inputs. */
const MAX_WIDTH = 2 ** 20;

export function readMeta(path: string, query: Query): StoredMeta {
  const refuse = (what: string) => damaged(path, what);
  const rows = query(`SELECT ${bytes('key')}, ${bytes('value')} FROM meta LIMIT ${MAX_KEYS + 1}`);
  if (rows.length > MAX_KEYS) refuse(`its table meta has more than ${MAX_KEYS} rows`);
  const meta = new Map<string, unknown>();
  for (const [key, value] of rows) {
    const name = decodeText(key, path);
    const { length } = value as Uint8Array;
    if (length > MAX_VALUE) refuse(`its meta value ${JSON.stringify(name)} has ${length} bytes`);
    meta.set(name, decodeJson(value, path));
  }
  const checked = <T>(name: string, isRight: (value: unknown) => boolean): T => {
    const value = meta.get(name) ?? null;
    if (!isRight(value)) refuse(`its meta value ${name} is ${String(JSON.stringify(value)).slice(0, 80)}`);
    return value as T;
  };
  const or = (isRight: (value: unknown) => boolean) => (value: unknown) => value === null || isRight(value);
  return {
    model: checked('model', isObject),
    data: checked('data', isObject),
    options: checked('options', (value) => isObject(value) && or(isBounds)(value['bounds'] ?? null)),
    status: checked('status', (value) => value === 'complete' || value === 'unfinished'),
    counts: checked(
      'counts',
      or((value) => isObject(value) && Object.values(value).every(isCount)),
    ),
    contentHash: checked(
      'contentHash',
      or((value) => /^[0-9a-f]{64}$/.test(String(value))),
    ),
    contentVersion: checked<number | null>('contentVersion', or(isCount)) ?? 1,
    specialIds: checked(
      'specialIds',
      or((value) => Array.isArray(value) && value.every(isCount)),
    ),
    sinks: checked('sinks', or(isSinks)),
    inputs: checked('inputs', or(isInputs)),
  };
}

export function readBanks(path: string, query: Query): StudyBank[] {
  const refuse = (what: string) => damaged(path, what);
  const columns = [integer('id'), ...['name', 'kind', 'site'].map(bytes), integer('units')];
  const rows = query(
    `SELECT ${columns.join(', ')}, ${integer('dimension')}, ${bytes('embedding')} FROM banks
     ORDER BY id LIMIT ${MAX_BANKS + 1}`,
  );
  if (rows.length > MAX_BANKS) refuse(`it has more than ${MAX_BANKS} banks`);
  return rows.map(([id, name, kind, site, units, dimension, embedding], i) => {
    const bank = {
      name: decodeText(name, path),
      kind: decodeText(kind, path),
      site: decodeText(site, path),
      units: units as number,
      width: dimension as number,
      embedding: decodeJson(embedding, path) as Embedding,
    };
    const { units: count, width } = bank;
    if (!isBankName(bank.name)) {
      refuse(`its bank ${i} is called ${JSON.stringify(bank.name)}, which must be ${BANK_NAME}`);
    }
    if (id !== i) refuse(`its bank ${i} has the id ${id}`);
    if (!isCount(count) || count > MOST_UNITS)
      refuse(`its bank ${i} has ${count} units (limit ${MOST_UNITS})`);
    if (!isCount(width) || width > MAX_WIDTH)
      refuse(`its bank ${i} has inputs of ${width} (limit ${MAX_WIDTH})`);
    if (!isEmbedding(bank.embedding)) refuse(`its bank ${i} has an unknown kind of embedding`);
    return bank;
  });
}

function isInputs(value: unknown): boolean {
  if (!isObject(value) || !Array.isArray(value['files'])) return false;
  const { files, stamp, contexts } = value;
  const isText = (text: unknown): boolean => typeof text === 'string';
  const isFile = (file: unknown): boolean =>
    isObject(file) && isText(file['name']) && isText(file['sha256']) && isCount(file['size']);
  return (
    (files as unknown[]).every(isFile) && [stamp, contexts].every((text) => text === null || isText(text))
  );
}

function isSinks(value: unknown): boolean {
  const isSite = (site: unknown): boolean =>
    isObject(site) && isPositive(site['threshold']) && isCount(site['positions']);
  return isObject(value) && Object.values(value).every(isSite);
}

/** Of what features and verdicts follow from. */
function isBounds(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length !== 3) return false;
  const { separation, scatter, features } = value;
  return isPositive(separation) && isPositive(scatter) && isCount(features);
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

function isEmbedding(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { kind, activation, mode } = value;
  if (kind !== 'gated') return kind === 'linear';
  return (
    Object.hasOwn(gateActivations, String(activation)) && ['gradient', 'gate', 'up'].includes(String(mode))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function damaged(path: string, what: string): never {
  throw new PolysemeError(`${path} is damaged: ${what}`, 'damaged');
}
