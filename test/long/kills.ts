// npm run test:long: kills each long command at random moments, types it again until it ends, and compares with what it makes
// when nobody disturbs it. `tsx test/long/kills.ts [KILLS [SEED [COMMAND]]]`: 200 kills of all together unless said. Runs on
// dist.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawn, longCommands } from './commands.ts';
import { torment } from './torment.ts';

const [kills = '200', seed = String(Date.now() % 2 ** 31), only] = process.argv.slice(2);
const random = drawn(Number(seed));
const root = mkdtempSync(join(tmpdir(), 'polyseme-kills-'));
try {
  mkdirSync(join(root, 'given'));
  const commands = (await longCommands(join(root, 'given'))).filter(
    ({ name }) => only === undefined || name === only,
  );
  console.log(`${kills} kills of ${commands.length} commands, seed ${seed}`);
  for (const command of commands) {
    const wanted = Math.ceil(Number(kills) / commands.length);
    const { killed, rounds, faults } = await torment(command, { root, wanted, random });
    for (const fault of faults) console.log(`${command.name}: ${fault}`);
    console.log(`${command.name}: ${killed} kills, ${rounds} ends, ${faults.length} faults`);
    if (faults.length > 0) process.exitCode = 1;
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
