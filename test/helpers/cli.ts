import { spawn } from 'node:child_process';
import { expect } from 'vitest';

export const MAIN = new URL('../../dist/cli/main.js', import.meta.url).pathname;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `polyseme ARGUMENTS` as a user would. */
export function cli(
  args: readonly string[],
  { env = {}, cwd }: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Ended> {
  return spawned(process.execPath, [MAIN, ...args], { env, cwd });
}

/** Runs a line of shell, `polyseme` standing for the command. */
export function shell(line: string, env: Record<string, string> = {}): Promise<Ended> {
  const script = `polyseme() { "${process.execPath}" "${MAIN}" "$@"; }; ${line}`;
  return spawned('bash', ['-c', script], { env });
}

/** That it failed with exit code 1, one line that matches on standard error, and nothing on standard output. */
export function expectFailure({ code, stdout, stderr }: Ended, pattern: RegExp): void {
  // Progress of work that was done before comes first, on lines of its own.
  const lines = stderr.trimEnd().split('\n');
  const errors = lines.filter((line) => !/^(harvest|features)\b/.test(line));
  expect(errors.length, stderr).toBe(1);
  expect(errors[0]).toMatch(/^error: /);
  expect(errors[0]).toMatch(pattern);
  expect(errors[0]).not.toMatch(/not expected|\bat .*:\d+:\d+/);
  expect(stdout).toBe('');
  expect(code).toBe(1);
}

function spawned(
  command: string,
  args: readonly string[],
  { env, cwd }: { env: Record<string, string>; cwd?: string },
): Promise<Ended> {
  const { FORCE_COLOR: _, NO_COLOR: __, ...inherited } = process.env;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...inherited, ...env },
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
