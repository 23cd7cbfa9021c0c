import { spread } from '../base/spread.ts';
import { PolysemeError } from '../errors.ts';
import { checkedBytes } from './digests.ts';
import { unpackText } from './document-text.ts';
import { bytes, hasTable, integer, kindAndText, type Query } from './select.ts';
import { loadText } from './stored-text.ts';
import { loadTokenIds } from './stored-tokens.ts';
import type { StudyContext } from './study.ts';

/** Bytes of one image. */
const MAX_IMAGE = 1 << 20;

/** The contexts of a study, with the documents or images that they are from; older files have no such texts or images. */
export class StoredContexts {
  readonly #path: string;
  readonly #query: Query;
  readonly #hasImages: boolean;
  readonly #hasTexts: boolean;

  constructor(path: string, query: Query) {
    this.#path = path;
    this.#query = query;
    this.#hasImages = hasTable(query, 'images');
    this.#hasTexts = hasTable(query, 'documentTexts');
  }

  read(ids: readonly number[]): Map<number, StudyContext> {
    const rows = this.#query(
      `SELECT ${integer('contexts.id')}, ${kindAndText('name')}, ${bytes('tokens')}
       FROM contexts JOIN documents ON documents.id = document
       WHERE contexts.id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(ids),
    );
    const found = new Map(
      rows.map(([id, isBlob, name, tokens]) => [
        id as number,
        {
          id: id as number,
          document: loadText(isBlob, name, this.#path),
          tokens: loadTokenIds(tokens, this.#path),
        },
      ]),
    );
    const missing = ids.find((id) => !found.has(id));
    if (missing !== undefined)
      throw new PolysemeError(`${this.#path} is damaged: it has no context ${missing}`, 'not-found');
    if (!this.#hasImages) return found;
    const labels = new Map(this.#labels(ids));
    return new Map(Array.from(found, ([id, context]) => [id, { ...context, label: labels.get(id) ?? null }]));
  }

  sample(count: number): StudyContext[] {
    const [[first, last]] = this.#query(
      `SELECT ${integer('MIN(id)')}, ${integer('MAX(id)')} FROM contexts`,
    ) as [[number | null, number]];
    if (first === null) return [];
    const ids = new Set<number>();
    for (const from of spread(first, last, count)) {
      const [row] = this.#query(
        `SELECT ${integer('id')} FROM contexts WHERE id >= ? ORDER BY id LIMIT 1`,
        from,
      );
      ids.add(row![0] as number);
    }
    return [...this.read([...ids]).values()];
  }

  image(context: number): Uint8Array | null {
    if (!this.#hasImages) return null;
    const where = `${this.#path}: the image of context ${context}`;
    const [row] = this.#query(
      `SELECT ${bytes('png')}, ${bytes('digest')} FROM images WHERE id = ? AND length(png) <= ${MAX_IMAGE}`,
      context,
    );
    return row === undefined ? null : checkedBytes(row[0], row[1], where);
  }

  images(): { context: number; label: string | null }[] {
    if (!this.#hasImages) return [];
    const ids = this.#query(`SELECT ${integer('id')} FROM images ORDER BY id`).map(([id]) => id as number);
    const labels = new Map(this.#labels(ids));
    return ids.map((context) => ({ context, label: labels.get(context) ?? null }));
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
    const where = `${this.#path}: the document of context ${context}`;
    return { text: unpackText(checkedBytes(row[0], row[1], where), where), start: row[2] as number };
  }

  #labels(ids: readonly number[]): [number, string][] {
    const rows = this.#query(
      `SELECT ${integer('id')}, ${kindAndText('label')} FROM images
       WHERE label IS NOT NULL AND id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(ids),
    );
    return rows.map(([id, isBlob, label]) => [id as number, loadText(isBlob, label, this.#path)]);
  }
}
