import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { visibleLines } from '../base/visible.ts';
import type { CommandModule } from './command.ts';

/** A command that has commands of its own (`sae train`) lists them here; it may do something by itself too (`models`). */
interface Entry {
  readonly summary: string;
  readonly hidden?: boolean;
  readonly load?: () => Promise<CommandModule>;
  readonly commands?: Readonly<Record<string, Entry>>;
}

/** Every command, with the line that describes it in the list. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  run: {
    summary: 'run a model over text, split every unit into features, measure: a study',
    load: () => import('./run.ts'),
  },
  merge: {
    summary: 'what the shards of a divided run found, into a study',
    load: () => import('./merge.ts'),
  },
  worker: { summary: 'works on the runs of a queue', load: () => import('./worker.ts') },
  info: { summary: 'what a study holds', load: () => import('./info.ts') },
  units: { summary: 'a table of units with their polysemy', load: () => import('./units.ts') },
  unit: { summary: 'one unit: its features and their examples', load: () => import('./unit.ts') },
  search: {
    summary: 'units and passages by words, phrases and names',
    load: () => import('./search.ts'),
  },
  serve: { summary: 'the explorer, in the browser', load: () => import('./serve.ts') },
  probe: {
    summary: 'which units fire on a text of yours, and with which of their features',
    load: () => import('./probe.ts'),
  },
  neighbours: {
    summary: 'where else the meaning of a feature lives',
    load: () => import('./neighbours.ts'),
  },
  importance: { summary: 'which tokens make a unit fire', load: () => import('./importance.ts') },
  ablate: {
    summary: 'what a unit and each of its features does to the output',
    load: () => import('./ablate.ts'),
  },
  name: { summary: 'names of features by a language model, scored', load: () => import('./name.ts') },
  intruders: {
    summary: 'whether a language model sees that a unit is several things',
    load: () => import('./intruders.ts'),
  },
  compare: { summary: 'polysemy of two or more banks side by side', load: () => import('./compare.ts') },
  sae: {
    summary: 'sparse autoencoders: train, cache, eval, convert',
    commands: {
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
    },
  },
  models: {
    summary: 'the kinds of models that can be run',
    load: () => import('./models.ts'),
    commands: {
      inspect: {
        summary: 'what a model holds, and whether it runs',
        load: () => import('./models-inspect.ts'),
      },
    },
  },
  export: { summary: 'hand a study over to other programs', load: () => import('./export.ts') },
  caches: {
    summary: 'what is kept on disk to save time, and how to remove it',
    load: () => import('./caches.ts'),
  },
  completion: { summary: 'print the completion script of a shell', load: () => import('./completion.ts') },
  complete: { summary: 'what can stand at the cursor', hidden: true, load: () => import('./complete.ts') },
};

/**
 * The program with all its commands. Options and actions are loaded only for the command that `words` name (so that
 * `--help` is fast), or for every command where `words` is null.
 */
export async function createProgram(words: readonly string[] | null): Promise<Command> {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const program = new Command('polyseme')
    .description('What does this neuron respond to, and is it one thing?')
    .version(version, '-V, --version')
    .option('--verbose', 'show stack traces of errors')
    .helpCommand(false)
    // Else what follows `models inspect` would be taken for options of `models`.
    .enablePositionalOptions()
    .configureOutput({ outputError: (text, write) => write(visibleLines(text)) })
    .exitOverride()
    .configureHelp({ sortSubcommands: false })
    .addHelpText(
      'after',
      '\nExit status: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C; a stopped run or training is resumed by the same command.\n\nExamples:\n  polyseme run --contexts 200 --out first.db\n  polyseme units study.db --sort clusters --desc --limit 10\n  polyseme unit study.db mlp.2/137',
    );
  await addCommands(program, COMMANDS, words);
  return program;
}

async function addCommands(
  parent: Command,
  commands: Readonly<Record<string, Entry>>,
  words: readonly string[] | null,
): Promise<void> {
  const at = words === null ? -1 : words.findIndex((word) => !word.startsWith('-'));
  for (const [name, { summary, hidden = false, load, commands: more }] of Object.entries(commands)) {
    const command = parent
      .command(name, { hidden })
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
      .option('--verbose', 'show stack traces of errors');
    if (words !== null && words[at] !== name) continue;
    if (load !== undefined) await (await load()).define(command, createProgram);
    if (more !== undefined) await addCommands(command.helpCommand(false), more, words?.slice(at + 1) ?? null);
  }
}
