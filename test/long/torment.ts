import { statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { LongCommand } from './commands.ts';
import { faultOf, removeRoom, roomFor, typed, undisturbed } from './undisturbed.ts';

export interface Tormented {
  readonly killed: number;
  readonly rounds: number;
  /** A line each. */
  readonly faults: readonly string[];
}

/**
 * Kills a command at random moments, types it again until it ends, and compares with what it makes when nobody disturbs it; until it
 * was killed so often.
 */
export async function torment(
  command: LongCommand,
  { root, wanted, random }: { root: string; wanted: number; random: () => number },
): Promise<Tormented> {
  const expected = await undisturbed(command, root);
  const { time } = expected;
  let [killed, rounds] = [0, 0];
  const faults: string[] = [];
  const check = async (out: string, last: { status: number | null; said: string }) => {
    const fault = await faultOf(command, out, last, expected);
    if (fault !== null) faults.push(fault);
    removeRoom(out);
  };
  if (command.output !== undefined) {
    plantLeftovers(expected.out, command.output);
    await check(expected.out, await typed(command, expected.out));
  }
  while (killed < wanted) {
    const out = roomFor(command, root, ++rounds);
    let { status, said } = await typed(command, out, { after: random() * time });
    while (status === null) {
      killed++;
      const found = command.fault?.(out) ?? null;
      if (found !== null) faults.push(`killed: ${found}`);
      // In the end it is let alone: a command that goes on from where it was gets there anyway.
      const after = killed < wanted && random() < 0.6 ? random() * time : null;
      ({ status, said } = await typed(command, out, { after }));
    }
    await check(out, { status, said });
  }
  return { killed, rounds, faults };
}

/** What a process leaves that is killed after its output is whole and before it has given up its lock. */
function plantLeftovers(folder: string, output: string): void {
  const pid = 2 ** 22 + 12345;
  const lock = JSON.stringify({ pid, host: hostname(), began: null });
  const half = (name: string) =>
    `.${name}.${hostname().replaceAll(/[^A-Za-z0-9]/g, '_')}-${pid}-0.incomplete`;
  const plant = (at: string, name: string, lockName: string) => {
    writeFileSync(join(at, lockName), lock);
    writeFileSync(join(at, half(name)), 'half');
    writeFileSync(join(at, half(lockName)), lock);
  };
  plant(folder, output, `${output}.lock`);
  // SQLite, which says first that there is no log, and then removes it.
  if (output.endsWith('.db'))
    for (const log of ['-wal', '-shm']) writeFileSync(join(folder, output + log), '');
  const path = join(folder, output);
  if (statSync(path).isDirectory()) plant(path, 'manifest.json', 'polyseme.lock');
}
