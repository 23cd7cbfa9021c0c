import { unpackRows } from '../base/half.ts';
import { unpack } from '../base/pack.ts';
import type { Tree } from '../cluster/tree.ts';
import { PolysemeError } from '../errors.ts';
import { describeFeatures } from '../features/describe.ts';
import { type FeatureRule, featureLabels, type Labeling } from '../features/labeling.ts';
import type { FeatureName } from '../features/names.ts';
import type { SplitUnit, TokenTexts, UnitExample, UnitSummary } from '../features/split-unit.ts';
import type { TextSample } from '../harvest/text-sample.ts';
import {
  column,
  eachMetric,
  type Metric,
  SUMMARY,
  WORD_COLUMNS,
  type WordColumn,
} from '../polysemy/column-lists.ts';
import { SORTS, type SortKey, sortKeys } from '../polysemy/order.ts';
import type { UnitColumns } from '../polysemy/unit-columns.ts';
import { spellBytes } from '../tokenizer/byte-tokens.ts';
import { checkBankInputs, checkDetail, checkInputs, checkNames, checkTextSample } from './check-record.ts';
import { checkedBytes } from './digests.ts';
import { unpackText } from './document-text.ts';
import type { Db } from './guard.ts';
import { readBanks, readMeta, type StudyBank, type StudyInputs } from './meta.ts';
import type { BankInputs, UnitDetail, UnitInputs } from './record.ts';
import { bytes, createQuery, decodeJson, hasTable, integer, kindAndText, type Query } from './select.ts';
import { loadText } from './stored-text.ts';
import { StoredUnits, type UnitRow } from './stored-units.ts';
import type { Study, StudyContext, StudyInfo, UnitQuery } from './study.ts';

interface BankRow extends StudyBank {
  readonly id: number;
}

/** Special tokens as the usual tokenizers write them. */
const LOOKS_SPECIAL = /^(?:<\|[^<>|]+\|>|<\/?s>|<(?:pad|unk|bos|eos)>)$/;

/** Bytes of one image. */
const MAX_IMAGE = 1 << 20;

/** Reads a study's database. */
export class StudyReader implements Study {
  readonly path: string;
  readonly #db: Db;
  readonly #query: Query;
  readonly #banks: readonly BankRow[];
  readonly #units: StoredUnits;
  readonly #bankInputs = new Map<number, { mean: Float32Array; nulls: Float32Array }>();
  /** Whether the file is of a layout that has them. */
  readonly #hasBankInputs: boolean;
  readonly #hasImages: boolean;
  readonly #hasTexts: boolean;
  readonly #centred: boolean;
  readonly #rule: FeatureRule;

  constructor(path: string, db: Db) {
    this.path = path;
    this.#db = db;
    this.#query = createQuery(path, db);
    this.#banks = readBanks(path, this.#query).map((bank, id) => ({ ...bank, id }));
    this.#units = new StoredUnits(path, this.#query);
    this.#hasBankInputs = hasTable(this.#query, 'bankInputs');
    this.#hasImages = hasTable(this.#query, 'images');
    this.#hasTexts = hasTable(this.#query, 'documentTexts');
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
    const listed = this.#units.sql(['words', 'names', ...SUMMARY]);
    const rows = this.#query(
      `SELECT ${integer('bank')}, ${integer('idx')}, ${listed} FROM units ORDER BY bank, idx`,
    );
    const values = (name: Metric | WordColumn): unknown[] => {
      const at = 4 + SUMMARY.indexOf(name);
      return rows.map((row) => this.#units.load(row[at]));
    };
    return {
      bank: Uint16Array.from(rows, ([bank]) => bank as number),
      index: Uint32Array.from(rows, ([, index]) => index as number),
      words: rows.map(([, , words]) => this.#units.load(words) as string),
      names: rows.map(([, , , names]) => this.#units.load(names) as string | null),
      metrics: eachMetric((metric) =>
        Float64Array.from(values(metric), (value) => (value as number | null) ?? Number.NaN),
      ),
      texts: Object.fromEntries(
        WORD_COLUMNS.map((name) => [name, values(name).map((value) => wordOf(name, value))]),
      ) as unknown as UnitColumns['texts'],
    };
  }

  units({ bank, expert, sort, descending = false, limit = -1, offset = 0 }: UnitQuery = {}): UnitSummary[] {
    const conditions = [
      ...(bank === undefined ? [] : [`bank = ${this.#bank(bank).id}`]),
      ...(expert === undefined ? [] : [`${this.#units.sql(['expert'])} = ${Number(expert)}`]),
    ];
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    if (sort !== undefined && !SORTS.includes(sort)) {
      throw new PolysemeError(
        `units cannot be sorted by ${JSON.stringify(sort)} (known: ${SORTS.join(', ')})`,
      );
    }
    // A study of an older version may have no number to sort by.
    const keys = sort === undefined ? [] : sortKeys(sort, descending);
    const order = keys
      .filter(({ column }) => this.#units.names.includes(column))
      .map((key) => `${orderSql(key)}, `)
      .join('');
    return this.#query(
      `SELECT ${integer('bank')}, ${integer('idx')}, ${this.#units.sql(SUMMARY)} FROM units ${where}
       ORDER BY ${order}bank, idx LIMIT ? OFFSET ?`,
      limit,
      offset,
    ).map(([of, index, ...values]) => {
      const row = Object.fromEntries(SUMMARY.map((name, i) => [name, this.#units.load(values[i])]));
      return this.#summary(of as number, index as number, row);
    });
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
    const least = new Float64Array(units).fill(Number.NaN);
    const most = new Float64Array(units).fill(Number.NaN);
    const listed = this.#units.sql(['minActivation', 'maxActivation']);
    const rows = this.#query(`SELECT ${integer('idx')}, ${listed} FROM units WHERE bank = ?`, id);
    for (const [index, min, max] of rows as [number, number | null, number | null][]) {
      least[index] = min ?? Number.NaN;
      most[index] = max ?? Number.NaN;
    }
    return { least, most };
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
    const rows = this.#query(
      `SELECT ${integer('contexts.id')}, ${kindAndText('name')}, ${bytes('tokens')}
       FROM contexts JOIN documents ON documents.id = document
       WHERE contexts.id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(ids),
    );
    const found = new Map(
      rows.map(([id, isBlob, name, tokens]) => [
        id as number,
        { document: loadText(isBlob, name, this.path), tokens: this.#tokenIds(tokens) },
      ]),
    );
    const missing = ids.find((id) => !found.has(id));
    if (missing !== undefined)
      throw new PolysemeError(`${this.path} is damaged: it has no context ${missing}`, 'not-found');
    if (!this.#hasImages) return found;
    const labels = new Map(this.#labels(ids));
    return new Map(Array.from(found, ([id, context]) => [id, { ...context, label: labels.get(id) ?? null }]));
  }

  image(context: number): Uint8Array | null {
    if (!this.#hasImages) return null;
    const where = `${this.path}: the image of context ${context}`;
    const [row] = this.#query(
      `SELECT ${bytes('png')}, ${bytes('digest')} FROM images WHERE id = ? AND length(png) <= ${MAX_IMAGE}`,
      context,
    );
    return row === undefined ? null : checkedBytes(row[0], row[1], where);
  }

  hasDocuments(): boolean {
    return this.#hasTexts && this.#query('SELECT 1 FROM documentTexts LIMIT 1').length > 0;
  }

  documentText(context: number): { text: string; start: number } | null {
    if (!this.#hasTexts) return null;
    const [row] = this.#query(
      `SELECT ${bytes('text')}, ${bytes('digest')}, ${integer('start')}
       FROM contexts JOIN documentTexts ON documentTexts.id = document WHERE contexts.id = ?`,
      context,
    );
    if (row === undefined) return null;
    const where = `${this.path}: the document of context ${context}`;
    return { text: unpackText(checkedBytes(row[0], row[1], where), where), start: row[2] as number };
  }

  images(): { context: number; label: string | null }[] {
    if (!this.#hasImages) return [];
    const ids = this.#query(`SELECT ${integer('id')} FROM images ORDER BY id`).map(([id]) => id as number);
    const labels = new Map(this.#labels(ids));
    return ids.map((context) => ({ context, label: labels.get(context) ?? null }));
  }

  #labels(ids: readonly number[]): [number, string][] {
    const rows = this.#query(
      `SELECT ${integer('id')}, ${kindAndText('label')} FROM images
       WHERE label IS NOT NULL AND id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(ids),
    );
    return rows.map(([id, isBlob, label]) => [id as number, loadText(isBlob, label, this.path)]);
  }

  sampleContexts(count: number): StudyContext[] {
    const [[first, last]] = this.#query(
      `SELECT ${integer('MIN(id)')}, ${integer('MAX(id)')} FROM contexts`,
    ) as [[number | null, number]];
    if (first === null) return [];
    const ids = new Set<number>();
    for (let i = 0; i < count; i++) {
      const from = Math.floor(first + ((last - first) * i) / Math.max(1, count - 1));
      const [row] = this.#query(
        `SELECT ${integer('id')} FROM contexts WHERE id >= ? ORDER BY id LIMIT 1`,
        from,
      );
      ids.add(row![0] as number);
    }
    return [...this.contexts([...ids]).values()];
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

  #texts = new Map<number, string>();

  tokenText(id: number): string {
    if (!this.#texts.has(id)) {
      // An unfinished study may have got more of them.
      for (const [token, isBlob, text] of this.#tokenRows()) {
        this.#texts.set(token as number, loadText(isBlob, text, this.path));
      }
      if (!this.#texts.has(id)) this.#texts.set(id, `<${id}>`);
    }
    return this.#texts.get(id)!;
  }

  texts(ids: Int32Array): TokenTexts {
    this.#specialIds ??= this.#storedSpecialIds() ?? this.#guessedSpecialIds();
    const special: number[] = [];
    const texts = Array.from(ids, (id, position) => {
      if (this.#specialIds!.has(id)) special.push(position);
      return this.tokenText(id);
    });
    return { tokens: spellBytes(texts), special };
  }

  #specialIds: ReadonlySet<number> | null = null;

  #storedSpecialIds(): ReadonlySet<number> | null {
    const { specialIds } = readMeta(this.path, this.#query);
    return specialIds && new Set(specialIds);
  }

  /** For a study that was written before special tokens were listed in it: what looks like one, and BOS. */
  #guessedSpecialIds(): ReadonlySet<number> {
    const ids = new Set<number>();
    for (const [id, isBlob, text] of this.#tokenRows()) {
      if (LOOKS_SPECIAL.test(loadText(isBlob, text, this.path))) ids.add(id as number);
    }
    const [row] = this.#query(`SELECT ${bytes('tokens')} FROM contexts ORDER BY id LIMIT 1`);
    const bos = (this.info().options as { bos?: unknown }).bos === true;
    if (bos && row !== undefined) ids.add(this.#tokenIds(row[0])[0]!);
    return ids;
  }

  #tokenRows(): unknown[][] {
    return this.#query(`SELECT ${integer('id')}, ${kindAndText('text')} FROM tokens`);
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
    const metrics = Object.fromEntries(SUMMARY.map((name) => [name, wordOf(name, row[name] ?? null)]));
    return { bank: this.#banks[bank]!.name, index, ...metrics } as unknown as UnitSummary;
  }

  #tokenIds(stored: unknown): Int32Array {
    const found = stored as Uint8Array;
    if (found.length % 4 === 0) return new Int32Array(new Uint8Array(found).buffer);
    throw new PolysemeError(`${this.path} is damaged: a context has ${found.length} bytes`, 'damaged');
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

/** SQL of one column that units are ordered by; what has no value comes last. */
function orderSql({ column: name, descending }: SortKey): string {
  const { words } = column(name);
  const cases = words?.map((word, place) => `WHEN '${word}' THEN ${place}`).join(' ');
  const value = cases === undefined ? name : `CASE ${name} ${cases} END`;
  return `${value} IS NULL, ${value} ${descending ? 'DESC' : 'ASC'}`;
}

/** A value as it is; of a column of words only those that this version knows. */
function wordOf(name: Metric | WordColumn, value: unknown): unknown {
  const { words } = column(name);
  return words === undefined || words.includes(value as string) ? value : null;
}
