import type { Command } from 'commander';
import { createProgram } from '../../src/cli/program.ts';

/** Every command that `--help` shows, with its words: `run`, `sae train`. */
export async function allCommands(): Promise<Map<string, Command>> {
  const found = new Map<string, Command>();
  const visit = (parent: Command, words: readonly string[]): void => {
    for (const command of parent.createHelp().visibleCommands(parent)) {
      const path = [...words, command.name()];
      found.set(path.join(' '), command);
      visit(command, path);
    }
  };
  visit(await createProgram(null), []);
  return found;
}
