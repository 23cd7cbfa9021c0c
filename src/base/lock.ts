import { readdirSync } from 'node:fs';
import { link, readFile, realpath, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { PolysemeError } from '../errors.ts';
import { diskFull, isDiskFull, isTemporary, removeLeftovers, temporaryName } from './files.ts';
import { isRunning, ownMark, type ProcessMark } from './process.ts';

/** In a folder that is written; a file's lock is called as the file and `.lock`. */
const NAME = 'polyseme.lock';
/** A lock of another machine is touched this often, and is left over when it was not for so long (ms). */
const TOUCH_EVERY = 10_000;
const STALE_AFTER = 120_000;
/** On a disk without links: most time between the making of a lock file and its first byte (ms). */
const WRITING = 200;
/** What systems say of a disk without hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'UNKNOWN']);

/** Until whoever takes a left-over lock away at the same time has put back what was not left over (ms). */
const SETTLE = 20;

/** Locks that this process holds or is taking. */
const held = new Set<string>();
/** Locks that it has asked for: no two have the same text. */
let count = 0;

/**
 * Keeps an output for this process until the returned function is called: a folder that is there, or a file whose
 * folder is there. What a killed process leaves behind is recognised (its number is free, or belongs to a younger
 * process) and taken over, and what it had begun to write is removed.
 *
 * @param doing what the process does with it, for others to read: `training in`, `writing`
 * @throws PolysemeError (busy) naming the process that has it
 */
export async function lockOutput(out: string, doing: string): Promise<() => Promise<void>> {
  const isFolder = (await stat(out).catch(() => null))?.isDirectory() ?? false;
  const failed = (error: unknown): never => {
    if (error instanceof PolysemeError) throw error;
    if (isDiskFull(error)) throw diskFull(out);
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR'].includes(code)) {
      throw new PolysemeError(`cannot write ${out}: there is no folder ${dirname(out)}`, 'not-found');
    }
    // The lock's own name would say nothing to whoever reads it.
    const isForbidden = ['EACCES', 'EPERM', 'EROFS'].includes(code);
    throw new PolysemeError(
      `cannot write ${out}: ${isForbidden ? `no permission in ${isFolder ? out : dirname(out)}` : message}`,
    );
  };
  const folder = await realpath(isFolder ? out : dirname(out)).catch(failed);
  const path = join(folder, isFolder ? NAME : `${basename(out)}.lock`);
  const busy = ({ pid, host }: ProcessMark) => {
    const where = host === hostname() ? '' : ` on ${host}`;
    return new PolysemeError(
      `process ${pid}${where} is ${doing} ${out}: wait for it or end it, or choose another output (option out)`,
      'busy',
    );
  };
  const mine = await ownMark();
  if (held.has(path)) throw busy(mine);
  held.add(path);
  const text = `${JSON.stringify({ ...mine, lock: count++ })}\n`;
  try {
    const holder = await take(path, text);
    if (holder !== null) throw busy(holder);
    if (isFolder) await removeLeftovers(folder);
    await clearBeside(out);
  } catch (error) {
    held.delete(path);
    return failed(error);
  }
  const touch = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, TOUCH_EVERY).unref();
  return async () => {
    clearInterval(touch);
    if ((await readFile(path, 'utf8').catch(() => '')) === text) await rm(path, { force: true });
    held.delete(path);
  };
}

/**
 * Removes what killed processes left of an output that is whole already: their lock, and what they had begun to write.
 * A lock that is held stays, and so does what this process may not remove.
 */
export async function clearLeftovers(out: string): Promise<void> {
  try {
    if ((await stat(out)).isDirectory()) {
      const folder = await realpath(out);
      await takeAwayDead(join(folder, NAME));
      await removeLeftovers(folder);
    }
    await clearBeside(out);
  } catch {
    // The output is whole: whoever only reads it needs no more.
  }
}

/** The same beside the output: while a folder is made under another name, its lock lies there. */
async function clearBeside(out: string): Promise<void> {
  const folder = await realpath(dirname(resolve(out)));
  const name = basename(resolve(out));
  await takeAwayDead(join(folder, `${name}.lock`));
  await removeLeftovers(folder, name);
  await removeLeftovers(folder, `${name}.lock`);
}

/** What lies in a folder, but for locks and what is only being written. */
export function contentsOf(folder: string): string[] {
  return readdirSync(folder).filter((name) => !name.startsWith(NAME) && !isTemporary(name));
}

/** Does `work` while this process keeps `out`: see lockOutput. */
export async function withLock<T>(out: string, doing: string, work: () => Promise<T>): Promise<T> {
  const unlock = await lockOutput(out, doing);
  try {
    return await work();
  } finally {
    await unlock();
  }
}

/** Puts a lock in its place; where another process holds it, returns that. */
async function take(path: string, text: string): Promise<ProcessMark | null> {
  for (;;) {
    if (await put(path, text)) {
      // Another may have taken the lock away that was left over, and this one with it: see takeAway.
      await new Promise((resolve) => setTimeout(resolve, SETTLE));
      if ((await readLock(path)) === text) return null;
      continue;
    }
    const theirs = await readLock(path);
    if (theirs === null) continue;
    const holder = parse(theirs);
    if (holder !== null && (await isHeld(holder, path))) return holder;
    await takeAway(path, theirs);
  }
}

/** Makes the lock file, with its text from the first moment on; false where there is one. */
async function put(path: string, text: string): Promise<boolean> {
  const temporary = join(dirname(path), temporaryName(basename(path)));
  try {
    await writeFile(temporary, text, { flag: 'wx' });
    await link(temporary, path);
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (!NO_LINKS.has(code)) throw error;
    // Awaited here: it would fail before anybody waits for it while the file is removed.
    return await putWithoutLink(path, text);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** On a disk without links: for a moment the lock is there without its text, and readers wait for it. */
async function putWithoutLink(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    await rm(path, { force: true });
    throw error;
  }
}

/** A lock's text, empty where its writer died at once; null where it is gone. */
async function readLock(path: string): Promise<string | null> {
  for (let wait = 0; ; wait += 20) {
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text === null || text !== '' || wait >= WRITING) return text;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Removes a lock that was left over: of several processes that want to, only one gets its name away. What it got is
 * looked at again, for in between another may have put its own there.
 */
async function takeAway(path: string, text: string): Promise<void> {
  if ((await readLock(path)) !== text) return;
  const away = join(dirname(path), temporaryName(basename(path)));
  try {
    await rename(path, away);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(away, 'utf8')) === text) await rm(away, { force: true });
  else await rename(away, path);
}

/** Removes a lock whose process has ended; what is no lock stays. */
async function takeAwayDead(path: string): Promise<void> {
  const text = await readLock(path);
  const holder = text === null ? null : parse(text);
  if (holder !== null && !held.has(path) && !(await isHeld(holder, path))) await takeAway(path, text!);
}

async function isHeld(holder: ProcessMark, path: string): Promise<boolean> {
  if (holder.host !== hostname()) {
    const found = await stat(path).catch(() => null);
    return found !== null && Date.now() - found.mtimeMs < STALE_AFTER;
  }
  // This process knows what it holds: what is called after it was an earlier one's.
  return holder.pid !== process.pid && isRunning(holder);
}

function parse(text: string): ProcessMark | null {
  try {
    const { pid, host, began } = JSON.parse(text) as ProcessMark;
    return Number.isInteger(pid) && pid > 0 && typeof host === 'string' ? { pid, host, began } : null;
  } catch {
    return null;
  }
}
