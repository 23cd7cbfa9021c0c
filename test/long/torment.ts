import { readdirSync, rmSync } from 'node:fs';
import { ended, isDone, type LongCommand, roomFor } from './commands.ts';

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
  const { name, args, content, left } = command;
  const undisturbed = roomFor(command, root, 0);
  const begun = performance.now();
  const first = await ended(args(undisturbed));
  if (first.status !== 0) throw new Error(`${name}: ${first.said}`);
  const time = performance.now() - begun;
  const expected = await content(undisturbed);
  let [killed, rounds] = [0, 0];
  const faults: string[] = [];
  while (killed < wanted) {
    const out = roomFor(command, root, ++rounds);
    let { status, said } = await ended(args(out), { after: random() * time });
    while (status === null) {
      killed++;
      // In the end it is let alone: a command that goes on from where it was gets there anyway.
      const after = killed < wanted && random() < 0.6 ? random() * time : null;
      ({ status, said } = await ended(args(out), { after }));
    }
    const same = isDone({ status, said }) && (await content(out)) === expected;
    const others = readdirSync(out).filter((entry) => !left.includes(entry));
    if (!same) faults.push(`ended with ${status}: ${said || 'another content'}`);
    else if (others.length > 0) faults.push(`left ${others.join(', ')}`);
    rmSync(out, { recursive: true, force: true });
  }
  return { killed, rounds, faults };
}
