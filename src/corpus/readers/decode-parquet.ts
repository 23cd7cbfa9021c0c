import { type ChildProcess, fork } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { FileMetaData } from 'hyparquet';
import { PolysemeError } from '../../errors.ts';
import type { GroupRequest, GroupRow } from './parquet-group.ts';
import type { FromDecoder, Question, ToDecoder } from './parquet-process.ts';

/** Milliseconds of the processor that an answer may take, and those more for each byte of the file. */
const PATIENCE = 10_000;
const PATIENCE_A_BYTE = 1 / 256;
/** How many times as long it may take by the clock, on a machine that is busy. */
const WAIT = 30;
/** Milliseconds that a process without work is kept for the next file. */
const KEPT = 2000;

/** Processes without work. */
const idle: ChildProcess[] = [];

/**
 * What the footer of a Parquet file says. Parquet is decoded in a process of its own: a damaged file can make the library compute
 * without end, or bring its process down, and no other. It ends itself when an answer takes too long (see parquet-watch.ts).
 *
 * @throws PolysemeError (damaged) where that happens; else what the library throws
 */
export async function readFooter(path: string, name: string): Promise<FileMetaData> {
  const { size } = await stat(path);
  const child = take();
  let isFree = false;
  try {
    const answer = await asked(child, { kind: 'footer', path }, name, size);
    isFree = true;
    return (answer as Extract<FromDecoder, { kind: 'footer' }>).metadata;
  } catch (error) {
    // What the library itself refuses leaves the process as it was.
    isFree = !(error instanceof PolysemeError);
    throw error;
  } finally {
    giveBack(child, isFree);
  }
}

/** The rows of a row group, decoded likewise. @param patience milliseconds of the processor for an answer, at least */
export async function* readGroup(
  request: GroupRequest,
  name: string,
  patience?: number,
): AsyncGenerator<GroupRow> {
  const { size } = await stat(request.path);
  const child = take();
  let isFree = false;
  try {
    let message: Question = { kind: 'group', request };
    for (;;) {
      const answer = await asked(child, message, name, size, patience);
      const { rows, isLast } = answer as Extract<FromDecoder, { kind: 'rows' }>;
      isFree = isLast;
      yield* rows;
      if (isLast) return;
      message = { kind: 'more' };
    }
  } catch (error) {
    // What the library itself refuses leaves the process as it was.
    isFree = !(error instanceof PolysemeError);
    throw error;
  } finally {
    giveBack(child, isFree);
  }
}

function take(): ChildProcess {
  for (let child = idle.pop(); child !== undefined; child = idle.pop()) {
    if (!child.connected || child.exitCode !== null || child.signalCode !== null) continue;
    child.ref();
    child.channel?.ref();
    return child;
  }
  const child = fork(new URL('./parquet-process.js', import.meta.url), [`${process.pid}`], {
    execArgv: [],
    serialization: 'advanced',
    // A process that is brought down writes pages about it.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  // What could not be sent has an `exit` to tell of it.
  child.on('error', () => {});
  return child;
}

/** Keeps the process for the next question, if it is free for one; it does not keep this one alive. */
function giveBack(child: ChildProcess, isFree: boolean): void {
  if (!isFree) {
    child.kill('SIGKILL');
    return;
  }
  child.unref();
  child.channel?.unref();
  idle.push(child);
  setTimeout(() => {
    const at = idle.indexOf(child);
    if (at < 0) return;
    idle.splice(at, 1);
    if (child.connected) child.disconnect();
  }, KEPT).unref();
}

function asked(
  child: ChildProcess,
  message: Question,
  name: string,
  size: number,
  least = PATIENCE,
): Promise<Exclude<FromDecoder, { kind: 'failed' }>> {
  const patience = least + PATIENCE_A_BYTE * size;
  const damaged = (what: string) =>
    new PolysemeError(`${name}: not readable as Parquet (${what}: a page is damaged)`, 'damaged');
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      child.off('message', listen);
      child.off('exit', gone);
    };
    const listen = (answer: FromDecoder): void => {
      end();
      if (answer.kind !== 'failed') resolve(answer);
      else reject(Object.assign(new Error(answer.message), answer.code !== null && { code: answer.code }));
    };
    const gone = (code: number | null, signal: NodeJS.Signals | null): void => {
      end();
      reject(
        damaged(
          signal === 'SIGKILL'
            ? `reading it takes longer than ${Math.round(patience / 1000)} s`
            : `reading it ended its process with ${signal ?? `status ${code}`}`,
        ),
      );
    };
    // A longer wait is more than timers have.
    const timer = setTimeout(() => gone(null, 'SIGKILL'), Math.min(WAIT * patience, 2 ** 31 - 1));
    child.on('message', listen);
    child.on('exit', gone);
    if (child.connected) child.send({ ...message, patience } satisfies ToDecoder);
    else gone(child.exitCode, child.signalCode);
  });
}
