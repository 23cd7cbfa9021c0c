import type { LongCommand } from './commands.ts';
import { faultOf, removeRoom, roomFor, typed, undisturbed } from './undisturbed.ts';

const KILL_AT = new URL('kill-at.mjs', import.meta.url).href;

/** Kills a command at the points at which it changes files, at `most` of them, and types it again after each. */
export async function killAtPoints(
  command: LongCommand,
  { root, most, random }: { root: string; most: number; random: () => number },
): Promise<{ readonly points: number; readonly killed: number; readonly faults: readonly string[] }> {
  const expected = await undisturbed(command, root);
  removeRoom(expected.out);
  const before = ['--import', KILL_AT];
  const counted = roomFor(command, root, 0);
  const { said } = await typed(command, counted, { before });
  removeRoom(counted);
  const points = Number(/^points: (\d+)$/.exec(said)?.[1]);
  const faults: string[] = [];
  let killed = 0;
  for (const at of some(points, most, random)) {
    const out = roomFor(command, root, at);
    const { signal } = await typed(command, out, { before, env: { KILL_AT: `${at}` } });
    if (signal === 'SIGKILL') killed++;
    const between = command.fault?.(out) ?? null;
    if (between !== null) faults.push(`point ${at}, killed: ${between}`);
    const fault = await faultOf(command, out, await typed(command, out), expected);
    if (fault !== null) faults.push(`point ${at}: ${fault}`);
    removeRoom(out);
  }
  return { points, killed, faults };
}

/** Of the numbers 1 to `of`, all or `most` that are drawn, evenly spread. */
function some(of: number, most: number, random: () => number): number[] {
  if (of <= most) return Array.from({ length: of }, (_, i) => i + 1);
  return Array.from({ length: most }, (_, i) => 1 + Math.floor(((i + random()) * of) / most));
}
