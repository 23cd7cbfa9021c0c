import type { Command } from 'commander';

/** A subcommand: its options and action, loaded only when it is the one that runs. */
export interface CommandModule {
  define(command: Command, createProgram: CreateProgram): void | Promise<void>;
}

/**
 * Makes the program with all its commands. Options and actions are loaded only for the command that `words` name (so
 * that `--help` is fast), or for every command where `words` is null.
 */
export type CreateProgram = (words: readonly string[] | null) => Promise<Command>;
