#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { visible, visibleLines } from '../base/visible.ts';
import { PolysemeError } from '../errors.ts';
import type { CommandModule } from './command.ts';

/** Every command, with the line that describes it in the list. */
const COMMANDS = {
  run: {
    summary: 'harvest a model over a corpus, split every unit into features, measure: a study',
    load: () => import('./run.ts'),
  },
  info: { summary: 'what a study holds', load: () => import('./info.ts') },
  units: { summary: 'a table of units with their polysemy', load: () => import('./units.ts') },
  unit: { summary: 'one unit: its features and their examples', load: () => import('./unit.ts') },
  serve: { summary: 'the explorer, in the browser', load: () => import('./serve.ts') },
  compare: { summary: 'polysemy of two or more banks side by side', load: () => import('./compare.ts') },
  sae: { summary: 'sparse autoencoders: train, cache, eval, convert', load: () => import('./sae.ts') },
  export: { summary: 'hand a study over to other programs', load: () => import('./export.ts') },
} satisfies Record<string, { summary: string; load: () => Promise<CommandModule> }>;

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('polyseme')
  .description('What does this neuron respond to, and is it one thing?')
  .version(version, '-V, --version')
  .option('--verbose', 'show stack traces of errors')
  .helpCommand(false)
  .configureOutput({ outputError: (text, write) => write(visibleLines(text)) })
  .exitOverride()
  .configureHelp({ sortSubcommands: false })
  .addHelpText(
    'after',
    '\nExamples:\n  polyseme run --contexts 500\n  polyseme units study.db --sort clusters --desc --limit 10\n  polyseme unit study.db mlp.2/137',
  );

const named = process.argv.slice(2).find((argument) => !argument.startsWith('-'));
for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
  const command = program
    .command(name)
    .description(summary)
    .exitOverride()
    .option('--verbose', 'show stack traces of errors');
  if (named === name) await (await load()).define(command);
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  if (process.argv.length <= 2) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    const verbose = process.argv.includes('--verbose');
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(
      `error: ${verbose && error instanceof Error ? visibleLines(error.stack ?? message) : oneLine(message, error)}\n`,
    );
    process.exitCode = 1;
  }
}

function oneLine(message: string, error: unknown): string {
  const line = visible(message.replaceAll(/\s*\n\s*/g, ' '));
  return error instanceof PolysemeError
    ? line
    : `${line} (this is not expected: run again with --verbose and report it)`;
}
