import { createHash } from 'node:crypto';
import { bytes, decodeText, integer, kindAndText, type Query } from './select.ts';
import { loadText } from './stored-text.ts';

/** Version of what a content hash is over: hashes of two versions are not to be compared. */
export const CONTENT_VERSION = 2;

/**
 * SHA-256 of what a run found, not of where or how fast: equal for equal inputs, options and seed.
 * @param counts what the study says of itself under that name
 * @param version of the hash
 */
export function contentHash(path: string, query: Query, counts: object, version: number): string {
  const hash = createHash('sha256');
  const add = (...values: readonly unknown[]): void => {
    for (const value of values)
      hash.update(value instanceof Uint8Array ? value : `${JSON.stringify(value)}\n`);
  };
  const text = (value: unknown): string => decodeText(value, path);
  // A text that was stored as bytes enters as those.
  const stored = (isBlob: unknown, value: unknown) => (isBlob === 1 ? value : loadText(isBlob, value, path));
  if (version > 1) hash.update(`polyseme content ${version}\n`);
  hash.update(JSON.stringify(counts));
  for (const [options] of query(`SELECT ${bytes('value')} FROM meta WHERE key = 'options'`))
    add(text(options));
  for (const [sinks] of query(`SELECT ${bytes('value')} FROM meta WHERE key = 'sinks'`)) add(text(sinks));
  const banks = [...['name', 'kind', 'site', 'embedding'].map(bytes), ...['units', 'dimension'].map(integer)];
  for (const [name, kind, site, embedding, units, width] of query(`SELECT ${banks} FROM banks ORDER BY id`)) {
    add(text(name), text(kind), text(site), units, width, text(embedding));
  }
  if (version > 1) {
    const inputs = query(`SELECT ${integer('bank')}, ${bytes('inputs')} FROM bankInputs ORDER BY bank`);
    for (const row of inputs) add(...row);
  }
  const units = `SELECT ${integer('bank')}, ${integer('idx')}, ${bytes('hash')} FROM units ORDER BY bank, idx`;
  for (const row of query(units)) add(...row);
  const contexts = `SELECT ${['contexts.id', 'document', 'start'].map(integer)}, ${kindAndText('name')}, ${bytes('tokens')}
    FROM contexts JOIN documents ON document = documents.id ORDER BY contexts.id`;
  for (const [id, document, start, isBlob, name, tokens] of query(contexts)) {
    add(id, document, stored(isBlob, name), start, tokens);
  }
  const tokens = `SELECT ${integer('id')}, ${kindAndText('text')} FROM tokens ORDER BY id`;
  for (const [id, isBlob, name] of query(tokens)) add(id, stored(isBlob, name));
  return hash.digest('hex');
}
