// Every command shown in a ```sh block of the README and docs runs, in order, in a folder of its own per page.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const CLI = join(ROOT, 'dist/cli/main.js');
const pages = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

function commandsOf(page: string): string[] {
  return [...page.matchAll(/```sh\n([\s\S]*?)```/g)]
    .flatMap(([, block]) => block!.replaceAll('\\\n', ' ').split('\n'))
    .map((line) => line.replace(/\s#.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

describe.each(pages)('%s', (name) => {
  const text = readFileSync(join(ROOT, name), 'utf8');
  const commands = commandsOf(text);

  const runs = () => {
    const folder = mkdtempSync(join(tmpdir(), 'polyseme-docs-'));
    try {
      for (const command of commands) {
        const [program, ...args] = command.split(/\s+/);
        expect(program, command).toBe('polyseme');
        const { status, stderr } = spawnSync(process.execPath, [CLI, ...args], {
          cwd: folder,
          encoding: 'utf8',
        });
        expect(status, `${command}\n${stderr}`).toBe(0);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  if (commands.length > 0) it('shows commands that run', runs);

  it('links only to files that are there', () => {
    for (const [, link] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      expect(existsSync(join(ROOT, dirname(name), link!)), link).toBe(true);
    }
  });
});
