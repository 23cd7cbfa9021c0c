// The help of every command as it is printed, and docs/commands.md, whose tables of options are made from the same
// schemas. `npm run docs:commands` writes both anew.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { allCommands } from '../helpers/commands.ts';

const PAGE = new URL('../../docs/commands.md', import.meta.url).pathname;
const commands = await allCommands();

test('the list of commands', async () => {
  expect((await createProgram([])).helpInformation()).toMatchSnapshot();
});

test.each([...commands.keys()])('%s --help', (name) => {
  const help = commands.get(name)!.helpInformation();
  expect(help).toMatchSnapshot();
  // Nothing but the last paragraph of examples may be wider than a terminal.
  for (const line of help.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
});

test('docs/commands.md has the options of every command', async () => {
  const page = readFileSync(PAGE, 'utf8');
  const shown = [...page.matchAll(/^<!-- options of (.*) -->$/gm)].map(([, name]) => name!);
  const withOptions = [...commands].filter(([, command]) => rows(command).length > 0).map(([name]) => name);
  expect(shown.toSorted()).toEqual(withOptions.toSorted());
  const made = page.replaceAll(
    /^<!-- options of (.*) -->\n[\s\S]*?^<!-- end -->$/gm,
    (_, name) => `<!-- options of ${name} -->\n\n${table(commands.get(name)!)}\n\n<!-- end -->`,
  );
  const biome = ['node_modules/@biomejs/biome/bin/biome', 'format', '--stdin-file-path=docs/commands.md'];
  const formatted = execFileSync(process.execPath, biome, { input: made, encoding: 'utf8' });
  await expect(formatted).toMatchFileSnapshot(PAGE);
});

function table(command: Command): string {
  return ['| option | meaning |', '| --- | --- |', ...rows(command)].join('\n');
}

function rows(command: Command): string[] {
  const help = command.createHelp();
  return command.options
    .filter(({ long }) => long !== '--verbose')
    .map((option) => {
      // What commander says of choices and the default, in the words of the help.
      const [, text, extra] = /^([\s\S]*?)((?: \([^()]*"[\s\S]*\)| \(default: [\s\S]*\))?)$/.exec(
        help.optionDescription(option),
      )!;
      return `| \`${option.flags}\` | ${`${text}${extra}`.replaceAll('|', '\\|').replaceAll('"', '`')} |`;
    });
}
