import type { Command } from 'commander';

/** A subcommand: its options and action, loaded only when it is the one that runs. */
export interface CommandModule {
  define(command: Command): void | Promise<void>;
}
