// npm run test:long: kills each long command at random moments, types it again until it ends, and compares with what it makes
// when nobody disturbs it. `tsx test/long/kills.ts [KILLS [SEED [COMMAND]]]`: 200 kills of all together unless said. Runs on
// dist.
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawn, ended, type LongCommand, longCommands, roomFor } from './commands.ts';

const [kills = '200', seed = String(Date.now() % 2 ** 31), only] = process.argv.slice(2);
const random = drawn(Number(seed));
const root = mkdtempSync(join(tmpdir(), 'polyseme-kills-'));
try {
  mkdirSync(join(root, 'given'));
  const commands = (await longCommands(join(root, 'given'))).filter(
    ({ name }) => only === undefined || name === only,
  );
  console.log(`${kills} kills of ${commands.length} commands, seed ${seed}`);
  for (const command of commands) await torment(command, Math.ceil(Number(kills) / commands.length));
} finally {
  rmSync(root, { recursive: true, force: true });
}

async function torment(command: LongCommand, wanted: number): Promise<void> {
  const { name, args, content, left } = command;
  const undisturbed = roomFor(command, root, 0);
  const begun = performance.now();
  const first = await ended(args(undisturbed));
  if (first.status !== 0) throw new Error(`${name}: ${first.said}`);
  const time = performance.now() - begun;
  const expected = await content(undisturbed);
  let [killed, rounds, faults] = [0, 0, 0];
  while (killed < wanted) {
    const out = roomFor(command, root, ++rounds);
    let { status, said } = await ended(args(out), { after: random() * time });
    while (status === null) {
      killed++;
      // In the end it is let alone: a command that goes on from where it was gets there anyway.
      const after = killed < wanted && random() < 0.6 ? random() * time : null;
      ({ status, said } = await ended(args(out), { after }));
    }
    // Killed between its last rename and its end, it finds what it has made, and may say so.
    const ends = status === 0 || (status === 1 && said.includes(' is there already: '));
    const same = ends && (await content(out)) === expected;
    const others = readdirSync(out).filter((entry) => !left.includes(entry));
    if (!same || others.length > 0) {
      faults++;
      console.log(
        `${name}: ${same ? `left ${others.join(', ')}` : `ended with ${status}: ${said || 'another content'}`}`,
      );
    }
    rmSync(out, { recursive: true, force: true });
  }
  console.log(`${name}: ${killed} kills, ${rounds} ends, ${faults} faults`);
  if (faults > 0) process.exitCode = 1;
}
