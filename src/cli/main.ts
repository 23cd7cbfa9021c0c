#!/usr/bin/env node
import { CommanderError } from 'commander';
import { isDiskFull } from '../base/files.ts';
import { visible, visibleLines } from '../base/visible.ts';
import { PolysemeError, UsageError } from '../errors.ts';
import { withFlags } from './flags.ts';
import { INTERRUPTED_STATUS, Interrupted } from './interrupt.ts';
import { createProgram } from './program.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  const why = isDiskFull(error) ? 'its disk is full' : visible(error.message);
  process.stderr.write(`error: cannot write to standard output: ${why}\n`);
  process.exit(1);
});
// What cannot be said ends no work; that something was not said, the exit status tells.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exitCode = 1;
});

try {
  const program = await createProgram(process.argv.slice(2));
  if (process.argv.length <= 2) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof Interrupted) process.exitCode = INTERRUPTED_STATUS;
  else {
    const verbose = process.argv.includes('--verbose');
    const message = withFlags(error instanceof Error ? error.message : String(error));
    process.stderr.write(
      `error: ${verbose && error instanceof Error ? visibleLines(error.stack ?? message) : oneLine(message, error)}\n`,
    );
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

function oneLine(message: string, error: unknown): string {
  const line = visible(message.replaceAll(/\s*\n\s*/g, ' '));
  return error instanceof PolysemeError
    ? line
    : `${line} (this is not expected: run again with --verbose and report it)`;
}
