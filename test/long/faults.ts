// npm run test:long: strikes each long command with a fault, then types it again undisturbed: it must end with what it makes
// anyway, or say in one line what is damaged. `tsx test/long/faults.ts [EACH [SEED [COMMAND]]]`: so many strikes of each
// fault on each command, 2 unless said. Runs on dist, as any user; a fault whose tool is missing is skipped, with a line.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawn, filesOf, type LongCommand, longCommands } from './commands.ts';
import {
  faultOf,
  makeRoom,
  removeRoom,
  roomFor,
  typed,
  type Undisturbed,
  undisturbed,
} from './undisturbed.ts';

const [each = '2', seed = String(Date.now() % 2 ** 31), only] = process.argv.slice(2);
const random = drawn(Number(seed));

interface Fault {
  readonly name: string;
  /** The program that it needs. */
  readonly tool?: string;
  /** Strikes the command, which writes into `out`. Whether the second one may refuse, naming what is damaged. */
  strike(command: LongCommand, out: string, whole: Undisturbed): Promise<{ readonly mayRefuse: boolean }>;
}

const through = (...words: string[]) => ({ through: words });
const failing = (...names: string[]) =>
  names.flatMap((name) => ['-c', `enable_random name=posix/io/${name},probability=0.02`]);

const FAULTS: readonly Fault[] = [
  {
    name: 'files no longer than some size (RLIMIT_FSIZE)',
    tool: 'prlimit',
    async strike(command, out, whole) {
      const largest = Math.max(...filesOf(whole.out).map((name) => statSync(join(whole.out, name)).size));
      const size = Math.floor(random() * largest);
      await typed(command, out, through('prlimit', `--fsize=${size}`));
      return { mayRefuse: false };
    },
  },
  {
    name: 'one write in fifty fails (fiu)',
    tool: 'fiu-run',
    async strike(command, out) {
      await typed(
        command,
        out,
        through('fiu-run', '-x', ...failing('rw/pwrite', 'rw/write', 'rw/pwritev', 'rw/writev')),
      );
      return { mayRefuse: false };
    },
  },
  {
    name: 'one sync, rename or truncation in fifty fails (fiu)',
    tool: 'fiu-run',
    async strike(command, out) {
      const names = ['sync/fsync', 'sync/fdatasync', 'sync/sync_file_range', 'dir/rename', 'oc/ftruncate'];
      await typed(command, out, through('fiu-run', '-x', ...failing(...names)));
      return { mayRefuse: false };
    },
  },
  {
    name: 'killed, and typed again four years before (faketime)',
    tool: 'faketime',
    async strike(command, out, { time }) {
      await typed(command, out, { after: random() * time });
      await typed(command, out, { after: 3 * time, ...through('faketime', '-f', '-1460d') });
      return { mayRefuse: false };
    },
  },
  {
    name: 'killed, and a byte of what lies there flipped',
    strike: (command, out, whole) =>
      damaged(command, out, whole, (path) => {
        const bytes = readFileSync(path);
        bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8);
        writeFileSync(path, bytes);
      }),
  },
  {
    name: 'killed, and a file that lies there cut short',
    strike: (command, out, whole) =>
      damaged(command, out, whole, (path) => truncateSync(path, Math.floor(random() * statSync(path).size))),
  },
];

/** Kills a command and damages a file of what it has written. */
async function damaged(
  command: LongCommand,
  out: string,
  { time }: Undisturbed,
  damage: (path: string) => void,
): Promise<{ readonly mayRefuse: boolean }> {
  const before = new Set(filesOf(out));
  // One that ends before it is killed leaves a whole output, whose damage is noticed when that is read.
  for (let after = (0.3 + 0.7 * random()) * time; ; after /= 2) {
    const { signal } = await typed(command, out, { after });
    if (signal === 'SIGKILL') break;
    makeRoom(command, out);
  }
  const written = filesOf(out).filter((name) => !before.has(name) && statSync(join(out, name)).size > 0);
  if (written.length > 0) damage(join(out, written[Math.floor(random() * written.length)]!));
  return { mayRefuse: true };
}

const root = mkdtempSync(join(tmpdir(), 'polyseme-faults-'));
try {
  mkdirSync(join(root, 'given'));
  const commands = (await longCommands(join(root, 'given'))).filter(
    ({ name }) => only === undefined || name === only,
  );
  console.log(`${each} of each fault on each of ${commands.length} commands, seed ${seed}`);
  const counts = new Map(FAULTS.map(({ name }) => [name, { same: 0, refused: 0, wrong: 0 }]));
  const usable = FAULTS.filter(({ name, tool }) => {
    const found = tool === undefined || spawnSync('which', [tool]).status === 0;
    if (!found) console.log(`skipped: ${name}: there is no ${tool} here`);
    return found;
  });
  for (const command of commands) {
    const whole = await undisturbed(command, root);
    let number = 0;
    for (const fault of usable) {
      for (let i = 0; i < Number(each); i++) {
        const out = roomFor(command, root, ++number);
        const { mayRefuse } = await fault.strike(command, out, whole);
        const last = await typed(command, out);
        const found = await faultOf(command, out, last, whole);
        // A study that was complete when it was damaged is found so by `info --verify`.
        const isNamed =
          last.status === 1 ? last.said.startsWith('error: ') : / is damaged: /.test(`${found}`);
        const refused = mayRefuse && isNamed;
        const outcome = found === null ? 'same' : refused ? 'refused' : 'wrong';
        counts.get(fault.name)![outcome]++;
        if (outcome === 'wrong') console.log(`${command.name}: ${fault.name}: ${found}`);
        removeRoom(out);
      }
    }
  }
  for (const { name } of usable) {
    const { same, refused, wrong } = counts.get(name)!;
    console.log(`${name}: ${same} ended the same, ${refused} named what is damaged, ${wrong} faults`);
    if (wrong > 0) process.exitCode = 1;
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
