import type { Command } from 'commander';
import type { CommandModule } from './command.ts';

/** Every subcommand, with the line that describes it in the list. */
const SUBCOMMANDS = {
  train: {
    summary: 'train SAEs on a model’s activations, with or without the neuron-embedding loss',
    load: () => import('./sae-train.ts'),
  },
  cache: {
    summary: 'write a model’s activations to disk, for many trainings to read',
    load: () => import('./sae-cache.ts'),
  },
  eval: {
    summary: 'reconstruction, sparsity, loss recovered, and polysemy of an SAE in its model',
    load: () => import('./sae-eval.ts'),
  },
  convert: { summary: 'translate an SAE between file formats', load: () => import('./sae-convert.ts') },
} satisfies Record<string, { summary: string; load: () => Promise<CommandModule> }>;

export async function define(command: Command): Promise<void> {
  command.description('Sparse autoencoders: train, evaluate, translate.').helpCommand(false);
  const named = process.argv.slice(process.argv.indexOf('sae') + 1).find((word) => !word.startsWith('-'));
  for (const [name, { summary, load }] of Object.entries(SUBCOMMANDS)) {
    const subcommand = command
      .command(name)
      .summary(summary)
      .description(summary)
      .option('--verbose', 'show stack traces of errors');
    if (named === name) await (await load()).define(subcommand);
  }
}
