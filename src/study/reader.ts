import { unpackRows } from '../base/half.ts';
import { unpack } from '../base/pack.ts';
import type { Tree } from '../cluster/tree.ts';
import { PolysemeError } from '../errors.ts';
import { describeFeatures } from '../features/describe.ts';
import { type FeatureRule, featureLabels, type Labeling } from '../features/labeling.ts';
import type { FeatureName } from '../features/names.ts';
import type { SplitUnit, TokenTexts, UnitExample, UnitSummary } from '../features/split-unit.ts';
import type { TextSample } from '../harvest/text-sample.ts';
import { SUMMARY } from '../polysemy/column-lists.ts';
import type { UnitColumns } from '../polysemy/unit-columns.ts';
import { checkBankInputs, checkDetail, checkInputs, checkNames, checkTextSample } from './check-record.ts';
import { checkedBytes } from './digests.ts';
import type { Db } from './guard.ts';
import { readBanks, readMeta, type StudyBank, type StudyInputs } from './meta.ts';
import type { BankInputs, UnitDetail, UnitInputs } from './record.ts';
import { bytes, createQuery, decodeJson, hasTable, integer, type Query } from './select.ts';
import { StoredContexts } from './stored-contexts.ts';
import { StoredTokens } from './stored-tokens.ts';
import { knownWord, StoredUnits, type UnitRow } from './stored-units.ts';
import type { Study, StudyContext, StudyInfo, UnitQuery } from './study.ts';

interface BankRow extends StudyBank {
  readonly id: number;
}

/** Reads a study's database. */
export class StudyReader implements Study {
  readonly path: string;
  readonly #db: Db;
  readonly #query: Query;
  readonly #banks: readonly BankRow[];
  readonly #units: StoredUnits;
  readonly #contexts: StoredContexts;
  readonly #tokens: StoredTokens;
  readonly #bankInputs = new Map<number, { mean: Float32Array; nulls: Float32Array }>();
  /** Whether the file is of a layout that has them. */
  readonly #hasBankInputs: boolean;
  readonly #centred: boolean;
  readonly #rule: FeatureRule;

  constructor(path: string, db: Db) {
    this.path = path;
    this.#db = db;
    this.#query = createQuery(path, db);
    this.#banks = readBanks(path, this.#query).map((bank, id) => ({ ...bank, id }));
    this.#units = new StoredUnits(path, this.#query);
    this.#hasBankInputs = hasTable(this.#query, 'bankInputs');
    this.#contexts = new StoredContexts(path, this.#query);
    this.#tokens = new StoredTokens(path, this.#query);
    const { center, features } = readMeta(path, this.#query).options;
    this.#centred = center === 'mean';
    this.#rule = features === 'auto' ? 'auto' : 'cut';
  }

  info(): StudyInfo {
    const { model, data, options, status, counts, sinks, contentHash } = readMeta(this.path, this.#query);
    const [[examples]] = this.#query(`SELECT ${integer('COALESCE(SUM(examples), 0)')} FROM units`) as [
      [number],
    ];
    return {
      model,
      data,
      options,
      banks: this.#banks.map(({ id: _, embedding: __, ...bank }) => bank),
      status,
      documents: counts?.documents ?? null,
      sinks,
      duplicateDocuments: counts?.duplicateDocuments ?? null,
      contexts: counts?.contexts ?? null,
      tokens: counts?.tokens ?? null,
      examples,
      contentHash,
    };
  }

  madeFrom(): StudyInputs | null {
    return readMeta(this.path, this.#query).inputs;
  }

  revision(): string {
    const { contentHash } = readMeta(this.path, this.#query);
    if (contentHash !== null) return contentHash;
    return `unfinished ${(this.#query('PRAGMA data_version') as [[number]])[0][0]}`;
  }

  columns(): UnitColumns {
    return this.#units.columns();
  }

  units({ bank, ...query }: UnitQuery = {}): UnitSummary[] {
    const id = bank === undefined ? undefined : this.#bank(bank).id;
    return this.#units
      .list({ ...query, bank: id })
      .map((row) => this.#summary(row.bank, row.index, row.values));
  }

  words(bank: string, index: number): string[][] {
    const [row] = this.#query(
      `SELECT ${bytes('words')} FROM units WHERE bank = ? AND idx = ?`,
      this.#bank(bank).id,
      index,
    );
    if (row === undefined) throw this.#noUnit(bank, index);
    return decodeJson(row[0], this.#where(bank, index)) as string[][];
  }

  names(bank: string, index: number): (FeatureName | null)[] {
    const [row] = this.#query(
      `SELECT ${this.#units.sql(['names'])} FROM units WHERE bank = ? AND idx = ?`,
      this.#bank(bank).id,
      index,
    );
    if (row === undefined) throw this.#noUnit(bank, index);
    return row[0] === null
      ? []
      : checkNames(decodeJson(row[0], this.#where(bank, index)), this.#where(bank, index));
  }

  textSample(): TextSample | null {
    if (!hasTable(this.#query, 'textSample')) return null;
    const where = `${this.path}: its sample of text`;
    const packed = this.#packed('textSample', 'sample', 0, null, where);
    return packed && checkTextSample(unpack(packed, where) as unknown as TextSample, where);
  }

  storedPassages(): Uint8Array | null {
    if (!hasTable(this.#query, 'passages')) return null;
    return this.#packed('passages', 'passages', 0, null, `${this.path}: its index of passages`);
  }

  unit(bank: string, index: number): SplitUnit {
    const { id } = this.#bank(bank);
    const row = this.#units.row(id, index, this.#where(bank, index));
    if (row === null) throw this.#noUnit(bank, index);
    const detail = this.detail(bank, index);
    const examples = this.#examples(detail);
    const { features } = describeFeatures({
      ...detailLabels(this.#rule, detail),
      activations: detail.activation,
      words: { words: this.words(bank, index), names: this.names(bank, index) },
    });
    const merges = Array.from(
      { length: detail.merges.length / 4 },
      (_, i) => Array.from(detail.merges.subarray(4 * i, 4 * i + 4)) as [number, number, number, number],
    );
    return {
      ...this.#summary(id, index, row),
      merges,
      features: features.map(({ members, ...feature }) => ({
        ...feature,
        examples: members.map((example) => examples[example]!),
      })),
    };
  }

  activationRanges(bank: string): { least: Float64Array; most: Float64Array } {
    const { id, units } = this.#bank(bank);
    return this.#units.ranges(id, units);
  }

  histogram(bank: string, index: number): { bins: Uint32Array; counts: Uint32Array } {
    const { histogramBins, histogramCounts } = this.detail(bank, index);
    return { bins: histogramBins, counts: histogramCounts };
  }

  tree(bank: string, index: number): { tree: Tree; featureOf: Int32Array } {
    const detail = this.detail(bank, index);
    const { featureOf } = describeFeatures({
      ...detailLabels(this.#rule, detail),
      activations: detail.activation,
      words: null,
    });
    return { tree: { count: detail.labels.length, merges: detail.merges }, featureOf };
  }

  features(detail: UnitDetail): Labeling {
    return detailLabels(this.#rule, detail);
  }

  contexts(ids: readonly number[]): Map<number, StudyContext> {
    return this.#contexts.read(ids);
  }

  sampleContexts(count: number): StudyContext[] {
    return this.#contexts.sample(count);
  }

  image(context: number): Uint8Array | null {
    return this.#contexts.image(context);
  }

  images(): { context: number; label: string | null }[] {
    return this.#contexts.images();
  }

  hasDocuments(): boolean {
    return this.#contexts.hasDocuments();
  }

  documentText(context: number): { text: string; start: number } | null {
    return this.#contexts.documentText(context);
  }

  tokenText(id: number): string {
    return this.#tokens.text(id);
  }

  texts(ids: Int32Array): TokenTexts {
    return this.#tokens.texts(ids);
  }

  inputs(bank: string, index: number) {
    const described = this.#bank(bank);
    const where = this.#where(bank, index);
    const packed = this.#packed('inputs', 'inputs', described.id, index, where);
    if (packed === null) throw this.#noUnit(bank, index);
    const unpacked = unpack(packed, where) as unknown as UnitInputs;
    const { halves, scales, weights } = checkInputs(unpacked, described, where);
    const bankInputs = this.bankInputs(bank);
    return {
      embedding: described.embedding,
      inputs: unpackRows(halves, scales, described.width),
      weights,
      centre: this.#centred ? bankInputs?.mean : undefined,
      nullInputs: bankInputs?.nulls,
      count: scales.length,
    };
  }

  bankInputs(bank: string): { mean: Float32Array; nulls: Float32Array } | null {
    const { id, width } = this.#bank(bank);
    let known = this.#bankInputs.get(id);
    if (known === undefined && this.#hasBankInputs) {
      const where = `${this.path}: inputs of ${bank}`;
      const packed = this.#packed('bankInputs', 'inputs', id, null, where);
      if (packed === null) return null;
      const unpacked = unpack(packed, where) as unknown as BankInputs;
      const { mean, halves, scales } = checkBankInputs(unpacked, width, where);
      known = { mean: mean.slice(), nulls: unpackRows(halves, scales, width) };
      this.#bankInputs.set(id, known);
    }
    return known ?? null;
  }

  close(): void {
    this.#db.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #examples(detail: UnitDetail): UnitExample[] {
    const n = detail.labels.length;
    const length = n === 0 ? 0 : detail.windows.length / n;
    const values = unpackRows(detail.windows, detail.windowScales, length);
    const contexts = new Map(
      Array.from(this.contexts([...new Set(detail.context)]), ([id, { document, label, tokens }]) => [
        id,
        { document, label, ...this.texts(tokens) },
      ]),
    );
    return Array.from({ length: n }, (_, i) => {
      const id = detail.context[i]!;
      const context = contexts.get(id)!;
      return {
        id: i,
        context: id,
        document: context.document,
        position: detail.position[i]!,
        activation: detail.activation[i]!,
        tokens: context.tokens,
        special: context.special,
        ...(context.label === undefined ? {} : { label: context.label }),
        activations: Array.from(values.subarray(i * length, i * length + context.tokens.length)),
      };
    });
  }

  detail(bank: string, index: number): UnitDetail {
    const where = this.#where(bank, index);
    const packed = this.#packed('details', 'detail', this.#bank(bank).id, index, where);
    if (packed === null) throw this.#noUnit(bank, index);
    return checkDetail(unpack(packed, where) as unknown as UnitDetail, where);
  }

  /** Packed arrays, checked against their digest; null where there are none. */
  #packed(table: string, name: string, bank: number, index: number | null, what: string): Uint8Array | null {
    const { hasDigest } = this.#units;
    const key = table === 'textSample' || table === 'passages' ? 'id' : 'bank';
    const unit = index === null ? '' : 'AND idx = ?';
    const sql = `SELECT ${bytes(name)}, ${hasDigest ? bytes('digest') : 'NULL'} FROM ${table} WHERE ${key} = ? ${unit}`;
    const [row] = index === null ? this.#query(sql, bank) : this.#query(sql, bank, index);
    if (row === undefined) return null;
    return checkedBytes(row[0], hasDigest ? row[1] : undefined, what);
  }

  #summary(bank: number, index: number, row: UnitRow): UnitSummary {
    const metrics = Object.fromEntries(SUMMARY.map((name) => [name, knownWord(name, row[name] ?? null)]));
    return { bank: this.#banks[bank]!.name, index, ...metrics } as unknown as UnitSummary;
  }

  #bank(name: string): BankRow {
    const bank = this.#banks.find((b) => b.name === name);
    if (bank !== undefined) return bank;
    throw new PolysemeError(
      `${this.path} has no bank ${name} (it has ${this.#banks.map((b) => b.name).join(', ')})`,
      'not-found',
    );
  }

  #noUnit(bank: string, index: number): PolysemeError {
    const { units } = this.#bank(bank);
    const reason =
      index >= 0 && index < units
        ? 'it is not in the study yet: the run was not finished; type its command again'
        : `units go from 0 to ${units - 1}`;
    return new PolysemeError(`${this.path} has no unit ${bank}/${index}: ${reason}`, 'not-found');
  }

  #where(bank: string, index: number): string {
    return `${this.path}: unit ${bank}/${index}`;
  }
}

/** The split that is a unit's features. */
function detailLabels(rule: FeatureRule, detail: UnitDetail): Labeling {
  const { autoLabels, autoCentrals, stray } = detail;
  const auto = autoLabels && autoCentrals ? { labels: autoLabels, centrals: autoCentrals, stray } : null;
  return featureLabels(rule, { ...detail, auto });
}
