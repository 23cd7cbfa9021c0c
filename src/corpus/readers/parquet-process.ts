// The process in which Parquet files are decoded: see decode-parquet.ts. Of a row group it sends some rows, and the next when it
// is asked for them.
import { Worker } from 'node:worker_threads';
import type { FileMetaData } from 'hyparquet';
import { decodeFooter, decodeGroup, type GroupRequest, type GroupRow } from './parquet-group.ts';
import type { Watched } from './parquet-watch.ts';

/** `patience`: milliseconds of the processor that the answer may take. */
export type ToDecoder = { readonly patience: number } & Question;

export type Question =
  | { readonly kind: 'footer'; readonly path: string }
  | { readonly kind: 'group'; readonly request: GroupRequest }
  | { readonly kind: 'more' };

export type FromDecoder =
  | { readonly kind: 'footer'; readonly metadata: FileMetaData }
  | { readonly kind: 'rows'; readonly rows: readonly GroupRow[]; readonly isLast: boolean }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | null };

/** Bytes of a message, about. */
const MESSAGE = 1 << 24;

let rows: readonly GroupRow[] = [];
let sent = 0;

// The process that asks ends this one: Ctrl-C is for that alone.
process.on('SIGINT', () => {});
// Killed, it ends nothing itself.
const until = new Float64Array(new SharedArrayBuffer(8));
const watched: Watched = { parent: Number(process.argv[2]), until };
new Worker(new URL('./parquet-watch.js', import.meta.url), { workerData: watched, execArgv: [] }).unref();

process.on('message', async (message: ToDecoder) => {
  const { user, system } = process.cpuUsage();
  until[0] = (user + system) / 1000 + message.patience;
  try {
    if (message.kind === 'footer') {
      tell({ kind: 'footer', metadata: await decodeFooter(message.path) });
      return;
    }
    if (message.kind === 'group') {
      rows = await decodeGroup(message.request);
      sent = 0;
    }
    const from = sent;
    for (let bytes = 0; sent < rows.length && bytes < MESSAGE; sent++) bytes += sizeOf(rows[sent]);
    tell({ kind: 'rows', rows: rows.slice(from, sent), isLast: sent === rows.length });
    if (sent === rows.length) rows = [];
  } catch (error) {
    const { message: text, code } = error as NodeJS.ErrnoException;
    tell({ kind: 'failed', message: text, code: code ?? null });
  } finally {
    until[0] = 0;
  }
});

function tell(message: FromDecoder): void {
  // Where the reader has just ended, `disconnect` tells of it.
  if (process.connected) process.send!(message, undefined, undefined, () => {});
}

/** Bytes that a value takes in a message, about. */
function sizeOf(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  return Object.values(value).reduce((sum: number, part) => sum + sizeOf(part), 16);
}
