import { PolysemeError } from '../errors.ts';
import { contentHash } from './content-hash.ts';
import { checkDigest, checkedBytes, type HashedRecord, JUDGED, recordHash } from './digests.ts';
import { readBanks, readMeta } from './meta.ts';
import { openDatabase } from './schema.ts';
import { bytes, createQuery, hasTable, integer, type Query } from './select.ts';
import { StoredUnits, type UnitRow } from './stored-units.ts';

/** What a check of a study found to be right. */
export interface Verified {
  /** Units whose record is what the run wrote. */
  readonly units: number;
  /** Of the whole content; null where the study is unfinished, and so has none yet. */
  readonly contentHash: string | null;
}

/** Units that an error names. */
const NAMED = 4;

/**
 * Reads all of a study and checks each unit against its digests and everything together against the content hash.
 * @throws PolysemeError `damaged` that names the first units that are not what the run wrote
 */
export function verifyStudy(path: string): Verified {
  const db = openDatabase(path, 'read');
  try {
    const query = createQuery(path, db);
    const units = verifyUnits(path, query);
    const meta = readMeta(path, query);
    if (meta.contentHash === null || meta.counts === null) return { units, contentHash: null };
    const found = contentHash(path, query, meta.counts, meta.contentVersion);
    if (found === meta.contentHash) return { units, contentHash: found };
    throw damaged(path, `its content hash is ${found}, and was ${meta.contentHash}`);
  } finally {
    db.close();
  }
}

function verifyUnits(path: string, query: Query): number {
  const table = new StoredUnits(path, query);
  const wrong: string[] = [];
  let units = 0;
  readBanks(path, query).forEach(({ name }, bank) => {
    for (const [index] of query(`SELECT ${integer('idx')} FROM units WHERE bank = ? ORDER BY idx`, bank)) {
      const unit = `${name}/${index}`;
      units++;
      try {
        verifyUnit(table, query, bank, index as number, unit);
      } catch (error) {
        if (!(error instanceof PolysemeError)) throw error;
        wrong.push(unit);
      }
    }
    if (table.hasDigest) {
      for (const [digest, inputs] of query(
        `SELECT ${bytes('digest')}, ${bytes('inputs')} FROM bankInputs WHERE bank = ?`,
        bank,
      )) {
        checkedBytes(inputs, digest, `${path}: inputs of ${name}`);
      }
    }
  });
  if (hasTable(query, 'images')) {
    for (const [id, digest, png] of query(
      `SELECT ${integer('id')}, ${bytes('digest')}, ${bytes('png')} FROM images`,
    )) {
      checkedBytes(png, digest, `${path}: the image of context ${id}`);
    }
  }
  if (hasTable(query, 'documentTexts')) {
    for (const [id, digest, text] of query(
      `SELECT ${integer('id')}, ${bytes('digest')}, ${bytes('text')} FROM documentTexts`,
    )) {
      checkedBytes(text, digest, `${path}: the text of document ${id}`);
    }
  }
  if (hasTable(query, 'passages')) {
    for (const [digest, passages] of query(`SELECT ${bytes('digest')}, ${bytes('passages')} FROM passages`)) {
      checkedBytes(passages, digest, `${path}: its index of passages`);
    }
  }
  if (hasTable(query, 'textSample')) {
    for (const [digest, sample] of query(`SELECT ${bytes('digest')}, ${bytes('sample')} FROM textSample`)) {
      checkedBytes(sample, digest, `${path}: its sample of text`);
    }
  }
  if (wrong.length === 0) return units;
  const more = wrong.length > NAMED ? ` and ${wrong.length - NAMED} more` : '';
  throw damaged(path, `${wrong.slice(0, NAMED).join(', ')}${more} of ${units} units`);
}

function verifyUnit(table: StoredUnits, query: Query, bank: number, index: number, unit: string): void {
  const row = table.row(bank, index, unit);
  const packed = (name: string, column: string): Uint8Array => {
    const digest = table.hasDigest ? bytes('digest') : 'NULL';
    const sql = `SELECT ${bytes(column)}, ${digest} FROM ${name} WHERE bank = ? AND idx = ?`;
    const [found] = query(sql, bank, index);
    if (found === undefined) throw damaged(unit, `it has no ${column}`);
    return checkedBytes(found[0], table.hasDigest ? found[1] : undefined, unit);
  };
  const record = recordOf(index, row!, packed('details', 'detail'), packed('inputs', 'inputs'));
  const [[hash]] = query(`SELECT ${bytes('hash')} FROM units WHERE bank = ? AND idx = ?`, bank, index) as [
    [unknown],
  ];
  checkDigest(hash, recordHash(record), unit);
}

/** A unit as the run wrote it. */
function recordOf(index: number, row: UnitRow, detail: Uint8Array, inputs: Uint8Array): HashedRecord {
  const isJudged = JUDGED.some((name) => name in row);
  const { words, names, ...values } = row;
  const record = { ...values, index, words: JSON.parse(words as string), detail, inputs };
  const named = typeof names === 'string' ? { names: JSON.parse(names) } : {};
  return {
    ...record,
    ...named,
    metrics: values,
    judgement: isJudged ? values : undefined,
  } as unknown as HashedRecord;
}

function damaged(what: string, why: string): PolysemeError {
  return new PolysemeError(
    `${what} is damaged: ${why}; take a copy of the study, or make it anew`,
    'damaged',
  );
}
