// npm run test:long [-- KILLS [SEED]]: kills each long command at random moments, types it again until it ends, and compares
// with what it makes when nobody disturbs it. 200 kills of all together unless said. Runs on dist.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAIN = new URL('../../dist/cli/main.js', import.meta.url).pathname;
const [kills = '200', seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);

/** Each command, what it writes to `out`, and what of that must be the same. */
const COMMANDS = {
  run: {
    args: (out) => [
      'run',
      '--contexts',
      '60',
      '--layers',
      '1,2',
      '--examples',
      '16',
      '--threads',
      '1',
      '--out',
      join(out, 'study.db'),
    ],
    content: async (out) => JSON.parse(await printed(['info', join(out, 'study.db'), '--json'])).contentHash,
    left: ['study.db'],
  },
  'run --select fraction': {
    args: (out) => [
      'run',
      '--contexts',
      '60',
      '--layers',
      '1',
      '--select',
      'fraction',
      '--threads',
      '2',
      '--out',
      join(out, 'study.db'),
    ],
    content: async (out) => JSON.parse(await printed(['info', join(out, 'study.db'), '--json'])).contentHash,
    left: ['study.db'],
  },
  'sae cache': {
    args: (out) => [
      'sae',
      'cache',
      '--site',
      'blocks.1.hook_resid_post',
      '--tokens',
      '20000',
      '--out',
      join(out, 'cache'),
    ],
    content: (out) => digestOf(join(out, 'cache')),
    left: ['cache'],
  },
  'sae train': {
    args: (out) => [
      'sae',
      'train',
      '--site',
      'blocks.1.hook_resid_post',
      '--latents',
      '128',
      '--k',
      '8',
      '--tokens',
      '20000',
      '--batch',
      '512',
      '--embedding-weight',
      '0.3',
      '--eval-tokens',
      '0',
      '--threads',
      '1',
      '--out',
      join(out, 'sae'),
    ],
    content: (out) => digestOf(join(out, 'sae'), /\.safetensors$/),
    left: ['sae'],
  },
  'export --format jsonl': {
    prepare: (out, reference) => cpSync(join(reference.run, 'study.db'), join(out, 'study.db')),
    args: (out) => ['export', join(out, 'study.db'), '--format', 'jsonl', '--out', join(out, 'study.jsonl')],
    content: (out) => digestOf(join(out, 'study.jsonl')),
    left: ['study.db', 'study.jsonl'],
  },
};

let state = Number(seed) >>> 0;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

const root = mkdtempSync(join(tmpdir(), 'polyseme-kills-'));
const reference = {};
console.log(`${kills} kills of ${Object.keys(COMMANDS).length} commands, seed ${seed}`);
try {
  for (const [name, command] of Object.entries(COMMANDS))
    await torment(name, command, Math.ceil(Number(kills) / Object.keys(COMMANDS).length));
} finally {
  rmSync(root, { recursive: true, force: true });
}

async function torment(name, { prepare = () => {}, args, content, left }, wanted) {
  const undisturbed = mkdtempSync(join(root, 'whole-'));
  prepare(undisturbed, reference);
  const begun = performance.now();
  const first = await ended(args(undisturbed));
  if (first.status !== 0) throw new Error(`${name}: ${first.stderr}`);
  const time = performance.now() - begun;
  const expected = await content(undisturbed);
  reference[name] = undisturbed;
  let killed = 0;
  let rounds = 0;
  let faults = 0;
  while (killed < wanted) {
    const out = mkdtempSync(join(root, 'out-'));
    prepare(out, reference);
    let { status, stderr } = await ended(args(out), random() * time);
    while (status === null) {
      killed++;
      // In the end it is let alone: a command that goes on from where it was gets there anyway.
      ({ status, stderr } = await ended(
        args(out),
        killed < wanted && random() < 0.8 ? random() * time : null,
      ));
    }
    rounds++;
    const same = status === 0 && (await content(out)) === expected;
    const others = readdirSync(out).filter((entry) => !left.includes(entry));
    if (!same || others.length > 0) {
      faults++;
      console.log(
        `${name}: ${same ? `left ${others.join(', ')}` : `ended with ${status}: ${stderr || 'another content'}`}`,
      );
    }
    rmSync(out, { recursive: true, force: true });
  }
  console.log(`${name}: ${killed} kills, ${rounds} ends, ${faults} faults`);
  if (faults > 0) process.exitCode = 1;
}

/** Runs a command; killed after `after` milliseconds, its status is null. */
async function ended(args, after = null) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const timer = after === null ? undefined : setTimeout(() => child.kill('SIGKILL'), after);
  const [status] = await once(child, 'close');
  clearTimeout(timer);
  return { status, stderr: stderr.trim().split('\n').at(-1) ?? '' };
}

async function printed(args) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (piece) => {
    text += piece;
  });
  await once(child, 'close');
  return text;
}

/** A digest of the names and bytes of a file, or of all files in a folder that match. */
function digestOf(path, pattern = /./) {
  const hash = createHash('sha256');
  const names = statSync(path).isDirectory() ? readdirSync(path, { recursive: true }).sort() : [''];
  for (const name of names) {
    const file = join(path, name);
    if (!pattern.test(file) || statSync(file).isDirectory()) continue;
    hash.update(name).update(readFileSync(file));
  }
  return hash.digest('hex');
}
