import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, inject } from 'vitest';

/** The JavaScript of a file of src/ or test/helpers, named from the root: for a process that a test starts. */
export const compiled = (path: string): string =>
  join(inject('compiledSources'), path.replace(/\.ts$/, '.js'));

/** What Node is given to be the `polyseme` of the sources; `cliOf` makes one of another main file. */
export const POLYSEME = [compiled('src/cli/main.ts')];

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

/** `polyseme ARGUMENTS` and lines of shell in which `polyseme` stands for the command, for one main file. */
export function cliOf(node: readonly string[]) {
  const quoted = [process.execPath, ...node].map((part) => `"${part}"`).join(' ');
  return {
    /** Runs `polyseme ARGUMENTS` as a user would. */
    cli: (args: readonly string[], { env = {}, cwd }: Surroundings = {}): Promise<Ended> =>
      spawned(process.execPath, [...node, ...args], { env, cwd }),
    /** Runs a line of shell, `polyseme` standing for the command. */
    shell: (line: string, env: Record<string, string> = {}): Promise<Ended> =>
      spawned('bash', ['-c', `polyseme() { ${quoted} "$@"; }; ${line}`], { env }),
  };
}

export const { cli, shell } = cliOf(POLYSEME);

/** Runs commands of a main file one after another in one process, which is a tenth of the work where they do little. */
export function manyCommands(main: string) {
  const script = join(import.meta.dirname, 'many-commands.mjs');
  const child = spawn(process.execPath, [script, main], {
    env: plainEnv(),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const died = new Promise<never>((_, reject) => {
    child.once('exit', (code, signal) =>
      reject(new Error(`the process of commands ended: ${code ?? signal}`)),
    );
  });
  died.catch(() => {});
  let before: Promise<unknown> = Promise.resolve();
  const ask = (args: readonly string[]): Promise<Ended> => {
    const answer = new Promise<Ended>((resolve) =>
      child.once('message', resolve as (value: unknown) => void),
    );
    child.send(args);
    return Promise.race([answer, died]);
  };
  return {
    cli(args: readonly string[]): Promise<Ended> {
      const ended = before.then(() => ask(args));
      before = ended.catch(() => {});
      return ended;
    },
    async close(): Promise<void> {
      if (child.connected) child.disconnect();
      await died.catch(() => {});
    },
  };
}

/** That it failed with exit code 1 (or that), one line that matches on standard error, and nothing on standard output. */
export function expectFailure({ code, stdout, stderr }: Ended, pattern: RegExp, expected = 1): void {
  // Progress of work that was done before comes first, on lines of its own.
  const lines = stderr.trimEnd().split('\n');
  const errors = lines.filter((line) => !/^(harvest|features|vectors)\b/.test(line));
  expect(errors.length, stderr).toBe(1);
  expect(errors[0]).toMatch(/^error: /);
  expect(errors[0]).toMatch(pattern);
  expect(errors[0]).not.toMatch(/not expected|\bat .*:\d+:\d+/);
  expect(stdout).toBe('');
  expect(code).toBe(expected);
}

function spawned(
  command: string,
  args: readonly string[],
  { env, cwd }: { env: Record<string, string>; cwd?: string },
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...plainEnv(), ...env },
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Without what decides on colours. */
function plainEnv(): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _, NO_COLOR: __, ...inherited } = process.env;
  return inherited;
}
