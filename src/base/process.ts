import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** A process, as it is told from any other, later ones of the same number included. */
export interface ProcessMark {
  readonly pid: number;
  readonly host: string;
  /** The boot, and the ticks since it at which the process began; null where the system does not say (Linux does). */
  readonly began: string | null;
}

/** The mark of this process. */
export async function ownMark(): Promise<ProcessMark> {
  return { pid: process.pid, host: hostname(), began: await processStart(process.pid) };
}

/** Whether a process of this machine still runs. */
export async function isRunning({ pid, began }: Omit<ProcessMark, 'host'>): Promise<boolean> {
  if (!hasProcess(pid)) return false;
  const now = await processStart(pid);
  return now === null || began === null || now === began;
}

/** Whether this machine has a process of that number, whoever's it is. */
export function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and is another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

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
