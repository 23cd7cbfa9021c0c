import type { Embedding } from '../bank/embedding.ts';
import { unpackRows } from '../base/half.ts';
import { unpack } from '../base/pack.ts';
import type { Tree } from '../cluster/tree.ts';
import { PolysemeError } from '../errors.ts';
import { describeFeatures } from '../features/describe.ts';
import { type FeatureRule, featureLabels, type Labeling } from '../features/labeling.ts';
import type { SplitUnit, TokenTexts, UnitExample, UnitSummary } from '../features/unit.ts';
import {
  column,
  eachMetric,
  METRICS,
  type Metric,
  SUMMARY,
  WORD_COLUMNS,
  type WordColumn,
} from '../polysemy/column-lists.ts';
import { spellBytes } from '../tokenizer/byte-tokens.ts';
import type { BankInputs, UnitDetail, UnitInputs } from './record.ts';
import { type Db, guard } from './schema.ts';
import { loadText } from './stored-text.ts';
import type { Study, StudyContext, StudyInfo, UnitColumns, UnitQuery } from './study.ts';
import type { StudyCounts } from './writer.ts';

interface BankRow {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly site: string;
  readonly units: number;
  readonly width: number;
  readonly embedding: Embedding;
}

/** Special tokens as the usual tokenizers write them. */
const LOOKS_SPECIAL = /^(?:<\|[^<>|]+\|>|<\/?s>|<(?:pad|unk|bos|eos)>)$/;

/** Reads a study's database. */
export class StudyReader implements Study {
  readonly path: string;
  readonly #db: Db;
  readonly #banks: BankRow[];
  /** What selects the listed columns; those that a study of an older version has not are null. */
  readonly #listed: string;
  readonly #bankInputs = new Map<number, { mean: Float32Array; nulls: Float32Array }>();
  /** Whether the file is of a layout that has them. */
  readonly #hasBankInputs: boolean;
  readonly #centred: boolean;
  readonly #rule: FeatureRule;
  readonly #statements = new Map<string, ReturnType<Db['prepare']>>();

  constructor(path: string, db: Db) {
    this.path = path;
    this.#db = db;
    this.#banks = this.#all(
      'SELECT id, name, kind, site, units, dimension, embedding FROM banks ORDER BY id',
    ).map(([id, name, kind, site, units, dimension, embedding]) => ({
      id: id as number,
      name: name as string,
      kind: kind as string,
      site: site as string,
      units: units as number,
      width: dimension as number,
      embedding: JSON.parse(embedding as string) as Embedding,
    }));
    this.#hasBankInputs = this.#all("SELECT 1 FROM sqlite_master WHERE name = 'bankInputs'").length > 0;
    const [options] = this.#all("SELECT value FROM meta WHERE key = 'options'");
    const { center, features } = JSON.parse((options?.[0] as string | undefined) ?? '{}') as {
      center?: string;
      features?: string;
    };
    this.#centred = center === 'mean';
    this.#rule = features === 'auto' ? 'auto' : 'cut';
    const known = new Set(this.#all('PRAGMA table_info(units)').map(([, name]) => name));
    this.#listed = SUMMARY.map((name) => (known.has(name) ? name : `NULL AS ${name}`)).join(', ');
  }

  info(): StudyInfo {
    const meta = Object.fromEntries(
      this.#all('SELECT key, value FROM meta').map(([key, value]) => [key, JSON.parse(value as string)]),
    );
    const counts = meta['counts'] as StudyCounts | undefined;
    const [[examples]] = this.#all('SELECT COALESCE(SUM(examples), 0) FROM units') as [[number]];
    return {
      model: meta['model'],
      data: meta['data'],
      options: meta['options'],
      banks: this.#banks.map(({ id: _, embedding: __, ...bank }) => bank),
      status: meta['status'],
      documents: counts?.documents ?? null,
      contexts: counts?.contexts ?? null,
      tokens: counts?.tokens ?? null,
      examples,
      contentHash: meta['contentHash'] ?? null,
    };
  }

  revision(): string {
    const [complete] = this.#all("SELECT value FROM meta WHERE key = 'contentHash'");
    if (complete !== undefined) return JSON.parse(complete[0] as string) as string;
    return `unfinished ${(this.#all('PRAGMA data_version') as [[number]])[0][0]}`;
  }

  columns(): UnitColumns {
    const rows = this.#all(`SELECT bank, idx, words, ${this.#listed} FROM units ORDER BY bank, idx`);
    const values = (name: Metric | WordColumn): unknown[] => {
      const at = 3 + SUMMARY.indexOf(name);
      return rows.map((row) => row[at]);
    };
    return {
      bank: Uint16Array.from(rows, ([bank]) => bank as number),
      index: Uint32Array.from(rows, ([, index]) => index as number),
      words: rows.map(([, , words]) => words as string),
      metrics: eachMetric((metric) =>
        Float64Array.from(values(metric), (value) => (value as number | null) ?? Number.NaN),
      ),
      texts: Object.fromEntries(
        WORD_COLUMNS.map((name) => [name, values(name).map((value) => wordOf(name, value))]),
      ) as unknown as UnitColumns['texts'],
    };
  }

  units({ bank, sort, descending = false, limit = -1, offset = 0 }: UnitQuery = {}): UnitSummary[] {
    const where = bank === undefined ? '' : `WHERE bank = ${this.#bank(bank).id}`;
    if (sort !== undefined && !METRICS.includes(sort)) {
      throw new PolysemeError(
        `units cannot be sorted by ${JSON.stringify(sort)} (known: ${METRICS.join(', ')})`,
      );
    }
    const order = sort === undefined ? '' : `${sort} IS NULL, ${sort} ${descending ? 'DESC' : 'ASC'},`;
    return this.#all(
      `SELECT bank, idx, ${this.#listed} FROM units ${where} ORDER BY ${order} bank, idx LIMIT ? OFFSET ?`,
      limit,
      offset,
    ).map((row) => this.#summary(row));
  }

  words(bank: string, index: number): string[][] {
    const [row] = this.#all('SELECT words FROM units WHERE bank = ? AND idx = ?', this.#bank(bank).id, index);
    if (row === undefined) throw this.#noUnit(bank, index);
    return JSON.parse(row[0] as string) as string[][];
  }

  unit(bank: string, index: number): SplitUnit {
    const { id } = this.#bank(bank);
    const [row] = this.#all(
      `SELECT bank, idx, ${this.#listed} FROM units WHERE bank = ? AND idx = ?`,
      id,
      index,
    );
    if (row === undefined) throw this.#noUnit(bank, index);
    const detail = this.detail(bank, index);
    const examples = this.#examples(detail);
    const { features } = describeFeatures({
      ...detailLabels(this.#rule, detail),
      activations: detail.activation,
      words: this.words(bank, index),
    });
    const merges = Array.from(
      { length: detail.merges.length / 4 },
      (_, i) => Array.from(detail.merges.subarray(4 * i, 4 * i + 4)) as [number, number, number, number],
    );
    return {
      ...this.#summary(row),
      merges,
      features: features.map(({ members, ...feature }) => ({
        ...feature,
        examples: members.map((example) => examples[example]!),
      })),
    };
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
    const rows = this.#all(
      `SELECT contexts.id, name, tokens FROM contexts JOIN documents ON documents.id = document
       WHERE contexts.id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(ids),
    );
    const found = new Map(
      rows.map(([id, name, tokens]) => [
        id as number,
        { document: loadText(name), tokens: tokenIds(tokens) },
      ]),
    );
    const missing = ids.find((id) => !found.has(id));
    if (missing !== undefined)
      throw new PolysemeError(`${this.path} is damaged: it has no context ${missing}`, 'not-found');
    return found;
  }

  sampleContexts(count: number): StudyContext[] {
    const [[first, last]] = this.#all('SELECT MIN(id), MAX(id) FROM contexts') as [[number | null, number]];
    if (first === null) return [];
    const ids = new Set<number>();
    for (let i = 0; i < count; i++) {
      const from = Math.floor(first + ((last - first) * i) / Math.max(1, count - 1));
      const [row] = this.#all('SELECT id FROM contexts WHERE id >= ? ORDER BY id LIMIT 1', from);
      ids.add(row![0] as number);
    }
    return [...this.contexts([...ids]).values()];
  }

  inputs(bank: string, index: number) {
    const { id, embedding, width } = this.#bank(bank);
    const [row] = this.#all('SELECT inputs FROM inputs WHERE bank = ? AND idx = ?', id, index);
    if (row === undefined) throw this.#noUnit(bank, index);
    const { halves, scales, weights } = unpack(
      row[0] as Uint8Array,
      this.#where(bank, index),
    ) as unknown as UnitInputs;
    const bankInputs = this.bankInputs(bank);
    return {
      embedding,
      inputs: unpackRows(halves, scales, width),
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
      const [row] = this.#all('SELECT inputs FROM bankInputs WHERE bank = ?', id);
      if (row === undefined) return null;
      const label = `${this.path}: inputs of ${bank}`;
      const { mean, halves, scales } = unpack(row[0] as Uint8Array, label) as unknown as BankInputs;
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
      Array.from(this.contexts([...new Set(detail.context)]), ([id, { document, tokens }]) => [
        id,
        { document, ...this.texts(tokens) },
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
        activations: Array.from(values.subarray(i * length, i * length + context.tokens.length)),
      };
    });
  }

  #texts = new Map<number, string>();

  tokenText(id: number): string {
    if (!this.#texts.has(id)) {
      // An unfinished study may have got more of them.
      for (const [token, text] of this.#all('SELECT id, text FROM tokens')) {
        this.#texts.set(token as number, loadText(text));
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
    const [row] = this.#all("SELECT value FROM meta WHERE key = 'specialIds'");
    return row === undefined ? null : new Set(JSON.parse(row[0] as string) as number[]);
  }

  /** For a study that was written before special tokens were listed in it: what looks like one, and BOS. */
  #guessedSpecialIds(): ReadonlySet<number> {
    const ids = new Set<number>();
    for (const [id, text] of this.#all('SELECT id, text FROM tokens')) {
      if (LOOKS_SPECIAL.test(loadText(text))) ids.add(id as number);
    }
    const [row] = this.#all('SELECT tokens FROM contexts ORDER BY id LIMIT 1');
    const bos = (this.info().options as { bos?: unknown }).bos === true;
    if (bos && row !== undefined) ids.add(tokenIds(row[0])[0]!);
    return ids;
  }

  detail(bank: string, index: number): UnitDetail {
    const [row] = this.#all(
      'SELECT detail FROM details WHERE bank = ? AND idx = ?',
      this.#bank(bank).id,
      index,
    );
    if (row === undefined) throw this.#noUnit(bank, index);
    return unpack(row[0] as Uint8Array, this.#where(bank, index)) as unknown as UnitDetail;
  }

  #summary([bank, index, ...values]: unknown[]): UnitSummary {
    const metrics = Object.fromEntries(SUMMARY.map((name, i) => [name, wordOf(name, values[i])]));
    return {
      bank: this.#banks[bank as number]!.name,
      index: index as number,
      ...metrics,
    } as unknown as UnitSummary;
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

  #all(sql: string, ...values: unknown[]): unknown[][] {
    return guard(this.path, () => {
      let statement = this.#statements.get(sql);
      if (statement === undefined) {
        statement = this.#db.prepare(sql).raw();
        this.#statements.set(sql, statement);
      }
      return statement.all(...(values as [string]));
    }) as unknown[][];
  }
}

/** The split that is a unit's features. */
function detailLabels(rule: FeatureRule, detail: UnitDetail): Labeling {
  const { autoLabels, autoCentrals } = detail;
  const auto = autoLabels && autoCentrals ? { labels: autoLabels, centrals: autoCentrals } : null;
  return featureLabels(rule, { ...detail, auto });
}

/** A value as it is; of a column of words only those that this version knows. */
function wordOf(name: Metric | WordColumn, value: unknown): unknown {
  const { words } = column(name);
  return words === undefined || words.includes(value as string) ? value : null;
}

function tokenIds(stored: unknown): Int32Array {
  return new Int32Array(new Uint8Array(stored as Uint8Array).buffer);
}
