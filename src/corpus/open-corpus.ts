import { createHash } from 'node:crypto';
import { PolysemeError } from '../errors.ts';
import { type HubFiles, type HubRepo, hubFiles } from '../hub/hub.ts';
import type { Corpus, Document, DocumentCursor } from './corpus.ts';
import { formatOf } from './formats.ts';
import { type HubPlan, type HubSource, parseHubSource, planHubFiles } from './hub-plan.ts';
import { type LocalFile, localFiles } from './local.ts';
import { readPieces } from './read.ts';
import { START } from './row-pieces.ts';
import { sotuFile } from './sotu.ts';

export interface CorpusOptions {
  /** Column of the text in JSONL, JSON, CSV and Parquet (default `text`); an array of strings is joined by line ends. */
  column?: string;
  /** Folder that a relative path or pattern starts from (default: the working directory). */
  root?: string;
  /** Access to the hub, for `hf:` sources; default: the Hugging Face hub (or `HF_ENDPOINT`) and its cache. */
  hub?: HubFiles;
}

/** Local data over this size, in bytes as stored, are read as a stream. */
export const FINITE_LIMIT = 2 ** 30;
/** Branch that the hub keeps its own Parquet conversion of a dataset in. */
const CONVERTED = 'refs/convert/parquet';

/** A file of the corpus that may have to be fetched first. */
interface CorpusFile {
  name: string;
  size: number;
  /** When it was last changed; 0 where a file of that name and size does not change. */
  time: number;
  path(): Promise<string>;
}

/**
 * Opens the texts of a file, a folder, a pattern, `hf:owner/name[@revision][:config[:split]]` or `builtin:sotu`.
 * Nothing is read but the list of files; a bad file shows when reading reaches it.
 *
 * @throws PolysemeError where there is nothing to read
 * @example
 * const corpus = await openCorpus('builtin:sotu');
 * for await (const { name, text } of corpus.documents()) console.log(name, text.length);
 */
export async function openCorpus(source: string, options: CorpusOptions = {}): Promise<Corpus> {
  const { column = 'text', root = process.cwd(), hub = hubFiles } = options;
  if (source.startsWith('hf:')) return openHub(source, column, hub);
  if (source === 'builtin:sotu') {
    const corpus = localCorpus(source, [await sotuFile()], 'text');
    return {
      ...corpus,
      description: 'State of the Union addresses',
      documents: (from) => named(corpus.documents(from)),
    };
  }
  if (source.startsWith('builtin:'))
    throw new PolysemeError(`${source}: the one built-in corpus is builtin:sotu`, 'not-found');
  return localCorpus(source, await localFiles(source, root), column);
}

/** The corpus that a call was given, or the one that it was given the name of, opened. */
export async function toCorpus(data: Corpus | string, options: CorpusOptions = {}): Promise<Corpus> {
  return typeof data === 'string' ? openCorpus(data, options) : data;
}

/** The first text of a corpus that is given or named; of a long one its first part, and '' where there is none. */
export async function firstText(data: Corpus | string, options: CorpusOptions = {}): Promise<string> {
  for await (const { text } of (await toCorpus(data, options)).documents()) return text;
  return '';
}

function localCorpus(source: string, found: LocalFile[], column: string): Corpus {
  const files = found.map(({ path, ...file }) => ({ ...file, path: async () => path }));
  return corpusOf(source, files, column, (bytes) => (bytes > FINITE_LIMIT ? 'stream' : 'finite'));
}

async function openHub(source: string, column: string, hub: HubFiles): Promise<Corpus> {
  const asked = parseHubSource(source);
  const { repo, plan } = await planHub(asked, hub);
  const files = plan.files.map(({ path, size }) => ({
    name: path,
    size,
    time: 0,
    path: () => hub.download(repo, path),
  }));
  const corpus = corpusOf(source, files, column, () => 'stream');
  return { ...corpus, description: `${asked.name}, ${plan.config}/${plan.split}: ${corpus.description}` };
}

/** The repository's own files, or where they do not hold what is asked for, the hub's conversion of them. */
export async function planHub(asked: HubSource, hub: HubFiles): Promise<{ repo: HubRepo; plan: HubPlan }> {
  const repo: HubRepo = { type: 'dataset', name: asked.name, revision: asked.revision };
  const files = await hub.list(repo);
  try {
    return { repo, plan: planHubFiles(files, asked) };
  } catch (error) {
    if (asked.revision !== undefined) throw error;
    const converted = { ...repo, revision: CONVERTED };
    const more = await hub.list(converted).catch(() => []);
    if (more.length === 0) throw error;
    return { repo: converted, plan: planHubFiles(more, asked) };
  }
}

function corpusOf(
  source: string,
  files: CorpusFile[],
  column: string,
  kindOf: (bytes: number) => Corpus['kind'],
): Corpus {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return {
    source,
    description: `${files.length} file${files.length === 1 ? '' : 's'}, ${(bytes / 1e6).toFixed(1)} MB`,
    kind: kindOf(bytes),
    files: files.length,
    bytes,
    stamp: stampOf(files),
    documents: (from) => readDocuments(source, files, column, from),
  };
}

function stampOf(files: readonly CorpusFile[]): string {
  const hash = createHash('sha256');
  for (const { name, size, time } of files) hash.update(JSON.stringify([name, size, time]));
  return hash.digest('hex');
}

async function* readDocuments(
  source: string,
  files: CorpusFile[],
  column: string,
  from?: DocumentCursor,
): AsyncGenerator<Document> {
  const { file: first, document: firstOrdinal, ...cursor } = from ?? { file: 0, document: 0, ...START };
  if (first >= files.length) {
    throw new PolysemeError(
      `${source}: has ${files.length} files, but is to be continued at file ${first + 1}; it has changed`,
    );
  }
  let ordinal = firstOrdinal;
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let before = files.slice(0, first).reduce((sum, { size }) => sum + size, 0);
  for (let index = first; index < files.length; index++) {
    const { name, path, size } = files[index]!;
    const { format, gzip } = formatOf(name)!;
    const input = { path: await path(), name, gzip, read: 0 };
    for await (const piece of readPieces(input, format, column, index === first ? cursor : START)) {
      const { row, part, byte } = piece;
      const cursor = { file: index, row, part, byte, document: ordinal };
      const done = total === 0 ? 1 : Math.min(1, (before + input.read) / total);
      yield { name: piece.name, text: piece.text, ordinal, cursor, done };
      ordinal++;
    }
    before += size;
  }
}

/** Documents by the label of their row alone: `1863 Abraham Lincoln`. */
async function* named(documents: AsyncIterable<Document>): AsyncGenerator<Document> {
  for await (const document of documents) yield { ...document, name: document.name.replace(/^\S+ /, '') };
}
