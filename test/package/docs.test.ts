// Every command that README, docs and help texts show is typed in the order in which it is shown, in one folder, after
// `npm start`. Runs and trainings are made smaller, and so is the bundled model.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { allCommands } from '../helpers/commands.ts';
import { smallPackage } from './small-package.ts';

const ROOT = join(import.meta.dirname, '../..');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const pages = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
/** The commands of docs/scaling.md are typed by scaling.test.ts. */
const typed = pages.filter((name) => name !== 'docs/scaling.md');

/** The lines of the ```sh blocks of a page. */
function commandsOf(page: string): string[] {
  return [...page.matchAll(/```sh\n([\s\S]*?)```/g)]
    .flatMap(([, block]) => block!.replaceAll('\\\n', ' ').split('\n'))
    .map((line) => line.replace(/\s#.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** The examples of every help text. */
function helpExamples(): string[] {
  return [program, ...commands.values()].flatMap((command) => {
    let help = '';
    command.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    command.outputHelp();
    const examples = /\nExamples?:\n([\s\S]*)$/.exec(help)?.[1] ?? '';
    return examples
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.startsWith('polyseme '));
  });
}

const program = await createProgram(null);
const commands = await allCommands();
const folder = mkdtempSync(join(tmpdir(), 'polyseme-docs-'));
const programs = mkdtempSync(join(tmpdir(), 'polyseme-programs-'));
const MAIN = smallPackage(join(programs, 'package'));
writeFileSync(join(programs, 'polyseme'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`, {
  mode: 0o755,
});
afterAll(() => {
  for (const made of [folder, programs]) rmSync(made, { recursive: true, force: true });
});

/** What makes long work smaller: an option that is given again replaces the first. */
const SMALLER: Record<string, string> = {
  run: '--contexts 12 --examples 8',
  'run of every layer': '--contexts 12 --examples 8 --layers 2',
  'run of images': '--contexts 150 --examples 12',
  'sae train': '--tokens 3000 --eval-tokens 500',
  importance: '--examples 2',
  ablate: '--contexts 10',
};

function smaller(command: string): string {
  const [, first = '', second = ''] = command.split(/\s+/);
  // A shard has the options of its plan.
  if (first === 'run' && / --shard /.test(command)) return command;
  const options = SMALLER[first === 'run' ? kindOfRun(command) : first] ?? SMALLER[`${first} ${second}`];
  return options === undefined ? command : `${command} ${options}`;
}

function kindOfRun(command: string): string {
  if (/builtin:digits/.test(command)) return 'run of images';
  return / --layers /.test(command) ? 'run' : 'run of every layer';
}

const done = new Set<string>();

/** Types a line in a shell in which `polyseme` is the built program; one that several pages show, under whatever name, once. */
function types(command: string): void {
  const work = command.replace(/ --out \S+/, '');
  if (done.has(work)) return;
  done.add(work);
  const { status, stderr } = spawnSync('/bin/sh', ['-c', command], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${programs}:${process.env['PATH']}` },
  });
  expect(status, `${command}\n${stderr}`).toBe(0);
}

describe('in one folder, in this order', () => {
  it('npm start', () => {
    const run = /node dist\/cli\/main\.js (run .*)$/.exec(scripts['start']!)![1]!;
    types(`polyseme ${run.replace('--contexts 2000', '--contexts 30 --examples 12')}`);
    expect(run).toContain('--contexts 2000');
    expect(readdirSync(folder)).toEqual(['study.db']);
  });

  it.each(typed)('%s', async (name) => {
    for (const command of commandsOf(readFileSync(join(ROOT, name), 'utf8'))) {
      if (isServer(command)) await served(`${command} --port 0`);
      else types(smaller(command));
    }
  });

  it('the examples of help texts', async () => {
    const examples = helpExamples();
    expect(examples.length).toBeGreaterThan(12);
    for (const example of examples) {
      // What needs the hub or another server is only checked to name a command and options that exist.
      if (/hf:|openai-community|localhost:/.test(example)) exists(example);
      else if (isServer(example)) await served(`${example} --port 0`);
      else types(smaller(example));
    }
  });
});

/** That a command has the options that a line gives it. */
function exists(line: string): void {
  const words = line.split(/\s+/).slice(1);
  const command = commands.get(words.slice(0, 2).join(' ')) ?? commands.get(words[0]!)!;
  const flags = words.filter((word) => word.startsWith('--'));
  expect(command.options.map(({ long }) => long)).toEqual(expect.arrayContaining(flags));
}

const isServer = (line: string): boolean => line.startsWith('polyseme serve');

/** That a server starts, and stops when it is told to. */
function served(line: string): Promise<void> {
  const server = spawn(process.execPath, [MAIN, ...line.split(/\s+/).slice(1)], { cwd: folder });
  return new Promise((resolve, reject) => {
    let said = '';
    server.stdout.on('data', (text) => {
      said += text;
      if (/ at http:/.test(said)) server.kill('SIGTERM');
    });
    server.stderr.on('data', (text) => {
      said += text;
    });
    server.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${line}: ${said}`))));
  });
}

it.each([...pages, 'CONTRIBUTING.md', 'CHANGELOG.md', 'examples/README.md'])(
  '%s links only to files that are there',
  (name) => {
    const text = readFileSync(join(ROOT, name), 'utf8');
    for (const [, link] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      expect(existsSync(join(ROOT, dirname(name), link!)), link).toBe(true);
    }
  },
);

it('a second build makes nothing', () => {
  const before = readFileSync(join(ROOT, 'dist/build.json'), 'utf8');
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/build.mjs'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(readFileSync(join(ROOT, 'dist/build.json'), 'utf8')).toBe(before);
});
