// The help of every command as it is printed, and docs/commands.md, whose tables of options are made from the same
// schemas. `npm run docs:options` writes both anew.
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { allCommands } from '../helpers/commands.ts';
import { expectTables } from '../helpers/option-tables.ts';

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
  const withOptions = [...commands].filter(([, command]) => rows(command).length > 0).map(([name]) => name);
  await expectTables(PAGE, withOptions, (name) => table(commands.get(name)!));
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
