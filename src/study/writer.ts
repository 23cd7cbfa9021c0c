import { rmSync } from 'node:fs';
import { pack } from '../base/pack.ts';
import type { PackedContexts } from '../harvest/context-table.ts';
import type { TextSample } from '../harvest/text-sample.ts';
import { type ColumnValues, STORED, type StoredColumn } from '../polysemy/column-lists.ts';
import { CONTENT_VERSION, contentHash } from './content-hash.ts';
import { digestOf, rowDigest } from './digests.ts';
import type { StoredDocument } from './document-text.ts';
import { type Db, guard } from './guard.ts';
import {
  readMeta,
  type StoredMeta,
  type StudyBank,
  type StudyCounts,
  type StudyInputs,
  type StudyMeta,
  type StudySinks,
} from './meta.ts';
import type { BankInputs, StoredImage, UnitRecord } from './record.ts';
import { checkLayout, createDatabase, openDatabase } from './schema.ts';
import { createQuery, hasTable, integer, kindAndText, type Query } from './select.ts';
import { loadText, storedText } from './stored-text.ts';

/** The columns of `units`, by which values are bound. */
const UNIT_COLUMNS = ['bank', 'idx', ...STORED, 'words', 'names', 'hash', 'digest'];

/** Writes a study. Everything goes in by transactions, so that a reader sees whole units or none. */
export class StudyWriter {
  readonly path: string;
  readonly #db: Db;
  readonly #query: Query;

  private constructor(path: string, db: Db) {
    this.path = path;
    this.#db = db;
    this.#query = createQuery(path, db);
  }

  static create(
    path: string,
    meta: StudyMeta,
    banks: readonly StudyBank[],
    inputs: StudyInputs | null = null,
  ): StudyWriter {
    const writer = new StudyWriter(path, createDatabase(path, 'image' in meta.model));
    writer.#transaction(() => {
      for (const key of ['model', 'data', 'options'] as const) writer.#setMeta(key, meta[key]);
      writer.#setMeta('inputs', inputs);
      writer.#setMeta('status', 'unfinished');
      const insert = writer.#db.prepare('INSERT INTO banks VALUES (?, ?, ?, ?, ?, ?, ?)');
      banks.forEach((bank, id) => {
        insert.run(
          id,
          bank.name,
          bank.kind,
          bank.site,
          bank.units,
          bank.width,
          JSON.stringify(bank.embedding),
        );
      });
    });
    return writer;
  }

  static open(path: string): StudyWriter {
    return new StudyWriter(path, openDatabase(path, 'write'));
  }

  /** Readies the file for a run: readers see whole transactions while it goes on. */
  begin(): void {
    checkLayout(this.path, this.#db);
    guard(this.path, () => this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL'));
  }

  /** What the study says of itself. */
  info(): StoredMeta {
    return readMeta(this.path, this.#query);
  }

  /** Indices of the units of a bank that are not in the study yet. */
  missingUnits(bank: number, count: number): number[] {
    const rows = this.#query(`SELECT ${integer('idx')} FROM units WHERE bank = ?`, bank);
    const written = new Set(rows.map(([index]) => index));
    return Array.from({ length: count }, (_, unit) => unit).filter((unit) => !written.has(unit));
  }

  writeUnits(bank: number, records: readonly UnitRecord[]): void {
    this.#transaction(() => {
      const unit = this.#db.prepare(
        `INSERT INTO units (${UNIT_COLUMNS.join(', ')}) VALUES (${UNIT_COLUMNS.map(() => '?').join(', ')})`,
      );
      const detail = this.#db.prepare('INSERT INTO details VALUES (?, ?, ?, ?)');
      const inputs = this.#db.prepare('INSERT INTO inputs VALUES (?, ?, ?, ?)');
      for (const r of records) {
        const values = unitValues(bank, r);
        unit.run(UNIT_COLUMNS.map((name) => values[name] ?? null));
        detail.run(bank, r.index, digestOf(r.detail), blob(r.detail));
        inputs.run(bank, r.index, digestOf(r.inputs), blob(r.inputs));
      }
    });
  }

  /** Keeps of a bank's inputs their mean, and some at random positions. */
  writeBankInputs(bank: number, inputs: BankInputs): void {
    this.#transaction(() => {
      const row = this.#db.prepare('INSERT OR IGNORE INTO bankInputs VALUES (?, ?, ?)');
      const packed = pack({ ...inputs });
      row.run(bank, digestOf(packed), blob(packed));
    });
  }

  /** Ids of contexts whose images are not in the study yet. */
  missingImages(ids: Iterable<number>): Set<number> {
    const missing = new Set(ids);
    for (const [id] of this.#query(`SELECT ${integer('id')} FROM images`)) missing.delete(id as number);
    return missing;
  }

  /** Adds images. Not part of the content: they follow from the data. */
  writeImages(images: readonly StoredImage[]): void {
    this.#transaction(() => {
      const row = this.#db.prepare('INSERT OR IGNORE INTO images VALUES (?, ?, ?, ?)');
      for (const { id, label, png } of images) {
        row.run(id, label === null ? null : storedText(label), digestOf(png), blob(png));
      }
    });
  }

  /** Ordinals and names of the documents whose texts are not in the study yet. */
  missingTexts(): Map<number, string> {
    // A study that was begun before they were kept has no table for them.
    if (!hasTable(this.#query, 'documentTexts')) return new Map();
    const rows = this.#query(
      `SELECT ${integer('id')}, ${kindAndText('name')} FROM documents WHERE id NOT IN (SELECT id FROM documentTexts)`,
    );
    return new Map(rows.map(([id, isBlob, name]) => [id as number, loadText(isBlob, name, this.path)]));
  }

  /** Adds the texts of documents. Not part of the content: they follow from the data. */
  writeTexts(texts: readonly StoredDocument[]): void {
    this.#transaction(() => {
      const row = this.#db.prepare('INSERT OR IGNORE INTO documentTexts VALUES (?, ?, ?)');
      for (const { document, text } of texts) row.run(document, digestOf(text), blob(text));
    });
  }

  /** Adds the sinks of some sites. */
  writeSinks(sinks: Readonly<Record<string, StudySinks>>): void {
    const all = Object.entries({ ...this.info().sinks, ...sinks });
    if (all.length === 0) return;
    all.sort(([a], [b]) => (a < b ? -1 : 1));
    this.#transaction(() => this.#setMeta('sinks', Object.fromEntries(all)));
  }

  /** Keeps random text positions, with the texts of their tokens. Not part of the content: it follows from the text. */
  writeTextSample(sample: TextSample, text: (id: number) => string): void {
    this.#transaction(() => {
      const packed = pack({ ...sample });
      this.#db
        .prepare('INSERT OR IGNORE INTO textSample VALUES (0, ?, ?)')
        .run(digestOf(packed), blob(packed));
      const token = this.#db.prepare('INSERT OR IGNORE INTO tokens VALUES (?, ?)');
      for (const id of new Set(sample.tokens)) token.run(id, storedText(text(id)));
    });
  }

  /** Keeps the index that a search goes over. Not part of the content: it follows from the rest. */
  writePassages(passages: Uint8Array): void {
    this.#transaction(() => {
      // A study that was begun before there was one has no table for it: its index is made when it is searched.
      if (!hasTable(this.#query, 'passages')) return;
      const row = this.#db.prepare('INSERT OR REPLACE INTO passages VALUES (0, ?, ?)');
      row.run(digestOf(passages), blob(passages));
    });
  }

  /** What the study is made from. Not part of the content. */
  writeInputs(inputs: StudyInputs): void {
    this.#transaction(() => this.#setMeta('inputs', inputs));
  }

  /** Which tokens are special: they are part of no word. Not part of the content: it follows from the model. */
  writeSpecialIds(ids: Iterable<number>): void {
    this.#transaction(() =>
      this.#setMeta(
        'specialIds',
        [...ids].sort((a, b) => a - b),
      ),
    );
  }

  /** Adds the contexts that examples lie in, their documents, and the texts of their tokens. */
  writeContexts(contexts: PackedContexts, text: (id: number) => string): void {
    this.#transaction(() => {
      const context = this.#db.prepare('INSERT OR IGNORE INTO contexts VALUES (?, ?, ?, ?)');
      const document = this.#db.prepare('INSERT OR IGNORE INTO documents VALUES (?, ?)');
      const token = this.#db.prepare('INSERT OR IGNORE INTO tokens VALUES (?, ?)');
      const seen = new Set<number>();
      contexts.id.forEach((id, i) => {
        const tokens = contexts.tokens.slice(contexts.offset[i], contexts.offset[i + 1]);
        context.run(id, contexts.document[i], contexts.start[i], blob(new Uint8Array(tokens.buffer)));
        document.run(contexts.document[i], storedText(contexts.names[i]!));
        for (const t of tokens) {
          if (seen.has(t)) continue;
          seen.add(t);
          token.run(t, storedText(text(t)));
        }
      });
    });
  }

  /** Seals the study: counts, content hash, status `complete`. */
  finish(counts: StudyCounts): void {
    this.#transaction(() => {
      this.#setMeta('counts', counts);
      this.#setMeta('contentVersion', CONTENT_VERSION);
      this.#setMeta('contentHash', contentHash(this.path, this.#query, counts, CONTENT_VERSION));
      this.#setMeta('status', 'complete');
    });
    this.settle();
  }

  /** Leaves one file of a complete study, unless it is being read: its run may have been killed before it did so. */
  settle(): void {
    const [[mode]] = this.#query('PRAGMA journal_mode') as [[string]];
    if (mode !== 'wal') {
      // SQLite removes its log after the study says that it has none: a kill may come in between.
      for (const suffix of ['-wal', '-shm']) rmSync(this.path + suffix, { force: true });
      return;
    }
    guard(this.path, () => this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)'));
    try {
      this.#db.exec('PRAGMA journal_mode = DELETE');
    } catch {
      // Somebody is reading the study: it is complete all the same, with an empty log beside it.
    }
  }

  close(): void {
    this.#db.close();
  }

  #setMeta(key: string, value: unknown): void {
    this.#db.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(key, JSON.stringify(value));
  }

  #transaction(work: () => void): void {
    guard(this.path, () => {
      this.#db.exec('BEGIN IMMEDIATE');
      try {
        work();
        this.#db.exec('COMMIT');
      } catch (error) {
        if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
    });
  }
}

/** A record's values by the names of their columns. */
function unitValues(bank: number, record: UnitRecord): Record<string, unknown> {
  const stored: ColumnValues<StoredColumn> = { ...record, ...record.metrics, ...record.judgement };
  const words = JSON.stringify(record.words);
  const values: Record<string, unknown> = { ...stored };
  const row = Object.fromEntries([
    ...STORED.map((name) => [name, values[name]]),
    ['words', words],
    ['names', JSON.stringify(record.names)],
  ]);
  return { ...row, bank, idx: record.index, hash: blob(record.hash), digest: rowDigest(record.index, row) };
}

function blob(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
