// npm run test:long: kills each long command at each point at which it changes files, types it again, and compares with what it
// makes when nobody disturbs it. `tsx test/long/points.ts [EACH [SEED [COMMAND]]]`: where a command has more than EACH points,
// 40 unless said, so many are drawn. Runs on dist.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawn, longCommands } from './commands.ts';
import { killAtPoints } from './kill-at-points.ts';

const [each = '40', seed = String(Date.now() % 2 ** 31), only] = process.argv.slice(2);
const random = drawn(Number(seed));
const root = mkdtempSync(join(tmpdir(), 'polyseme-points-'));
try {
  mkdirSync(join(root, 'given'));
  const commands = (await longCommands(join(root, 'given'))).filter(
    ({ name }) => only === undefined || name === only,
  );
  console.log(`at most ${each} points of each of ${commands.length} commands, seed ${seed}`);
  for (const command of commands) {
    const { points, killed, faults } = await killAtPoints(command, { root, most: Number(each), random });
    for (const fault of faults) console.log(`${command.name}: ${fault}`);
    console.log(`${command.name}: ${killed} kills at ${points} points, ${faults.length} faults`);
    if (faults.length > 0) process.exitCode = 1;
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
