// The Python of the peers: a virtual environment of its own, made from requirements.txt.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '..', '.cache', 'peers');

/** The interpreter of the environment, which is made where there is none: it takes minutes and some GB. */
export function peersPython(progress) {
  const python = join(FOLDER, 'bin', 'python');
  if (existsSync(join(FOLDER, 'complete'))) return python;
  progress(`makes a virtual environment in ${FOLDER}`);
  run('python3', ['-m', 'venv', FOLDER]);
  const pinned = readFileSync(join(import.meta.dirname, 'requirements.txt'), 'utf8')
    .trim()
    .split('\n');
  // Together, so that versions fit; one by one where one of them cannot be installed: the others run.
  const install = (names) => run(python, ['-m', 'pip', 'install', '--quiet', ...names]);
  if (!install(pinned)) {
    for (const name of pinned) if (!install([name])) progress(`${name} could not be installed`);
  }
  run('touch', [join(FOLDER, 'complete')]);
  return python;
}

function run(command, args) {
  return spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}
