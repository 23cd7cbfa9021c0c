import { type FileHandle, open, readFile, realpath, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { PolysemeError } from '../errors.ts';

const NAME = 'training.lock';
/** A lock of another machine is touched this often, and is left over when it was not for so long (ms). */
const TOUCH_EVERY = 10_000;
const STALE_AFTER = 120_000;
/** Between the making of a lock file and its first byte. */
const WRITING = 200;

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, in the kernel's own terms: a later process may have the same number. Null: unknown. */
  readonly began: string | null;
}

/** Locks that this process holds. */
const held = new Set<string>();

/**
 * Keeps a folder for this process until the returned function is called. What a killed process leaves behind is
 * recognised (its number is free, or belongs to a younger process) and taken over.
 *
 * @throws PolysemeError naming the process that trains there
 */
export async function lockFolder(dir: string): Promise<() => Promise<void>> {
  const path = join(await realpath(dir), NAME);
  const mine: Holder = { pid: process.pid, host: hostname(), began: await processStart(process.pid) };
  const text = `${JSON.stringify(mine)}\n`;
  for (;;) {
    const handle = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    if (handle) {
      await writeLock(handle, path, text);
      break;
    }
    const there = await readLock(path);
    if (there === null) continue;
    if (await isAlive(there, path)) {
      const { pid, host } = parse(there)!;
      const where = host === mine.host ? '' : ` on ${host}`;
      throw new PolysemeError(
        `process ${pid}${where} is training in ${dir}: wait for it or end it, or give another --out`,
      );
    }
    await takeAway(path, there);
  }
  held.add(path);
  const touch = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, TOUCH_EVERY).unref();
  return async () => {
    clearInterval(touch);
    held.delete(path);
    if ((await readFile(path, 'utf8').catch(() => '')) === text) await rm(path, { force: true });
  };
}

async function writeLock(handle: FileHandle, path: string, text: string): Promise<void> {
  try {
    await handle.writeFile(text);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await handle.close();
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
  const away = `${path}.${process.pid}`;
  try {
    await rename(path, away);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(away, 'utf8')) === text) await rm(away, { force: true });
  else await rename(away, path);
}

async function isAlive(text: string, path: string): Promise<boolean> {
  const there = parse(text);
  if (there === null) return false;
  if (there.host !== hostname()) {
    const found = await stat(path).catch(() => null);
    return found !== null && Date.now() - found.mtimeMs < STALE_AFTER;
  }
  if (there.pid === process.pid) return held.has(path);
  try {
    process.kill(there.pid, 0);
  } catch (error) {
    // EPERM: it lives, and is another user's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const began = await processStart(there.pid);
  return began === null || there.began === null || began === there.began;
}

function parse(text: string): Holder | null {
  try {
    const { pid, host, began } = JSON.parse(text) as Holder;
    return Number.isInteger(pid) && pid > 0 && typeof host === 'string' ? { pid, host, began } : null;
  } catch {
    return null;
  }
}

/** The boot, and the ticks since it at which a process began; null where the system does not say (Linux does). */
async function processStart(pid: number): Promise<string | null> {
  try {
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const line = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold anything; after it come the state and, in the 20th place, the start time.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return ['Z', 'X'].includes(fields[0]!) ? 'ended' : `${boot} ${fields[19]}`;
  } catch {
    return null;
  }
}
