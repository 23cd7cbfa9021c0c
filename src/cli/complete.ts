import type { Command, Option } from 'commander';
import { visible } from '../base/visible.ts';
import type { CreateProgram } from './command.ts';
import { print } from './terminal.ts';

/** What can stand at the cursor: values with their descriptions, and whether file names fit too. */
export interface Completions {
  readonly values: readonly (readonly [value: string, description: string])[];
  readonly files: boolean;
}

/** Placeholders that stand for a path. */
const PATHS = ['FILE', 'DIR', 'PATH', 'STUDY', 'IN', 'OUT', 'M', 'D'];
/** Values that are always there, by placeholder. */
const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  M: ['builtin:folio-5m'],
  D: ['builtin:sotu'],
};
const NOTHING: Completions = { values: [], files: false };

export function define(command: Command, createProgram: CreateProgram): void {
  command
    .description('Prints what can stand at the cursor; the scripts of `polyseme completion` call it.')
    .argument('[WORD...]', 'the words after polyseme; the last one is being typed')
    .action(async (words: string[]) => {
      const { values, files } = await completions(words.length === 0 ? [''] : words, createProgram);
      for (const [value, description] of values) print(`${visible(value)}\t${visible(description)}`);
      if (files) print(':files');
    });
}

/** What can stand in the place of the last word, which may be empty. */
export async function completions(
  words: readonly string[],
  createProgram: CreateProgram,
): Promise<Completions> {
  const before = words.slice(0, -1);
  const current = words.at(-1)!;
  let command = await createProgram(before);
  const positional: string[] = [];
  let open: Option | undefined;
  for (const word of before) {
    if (open !== undefined) open = undefined;
    else if (word.startsWith('-')) open = valueOption(command, word);
    else {
      const sub = command.commands.find((one) => one.name() === word);
      if (sub !== undefined) command = sub;
      else positional.push(word);
    }
  }
  if (open !== undefined) return valuesOf(open, current, positional[0]);
  if (current.startsWith('-')) return optionsOf(command);
  if (command.commands.length > 0) {
    const visible = command.createHelp().visibleCommands(command);
    return { values: visible.map((one) => [one.name(), one.summary()]), files: false };
  }
  const argument = command.registeredArguments[positional.length];
  if (argument === undefined) return NOTHING;
  if (argument.argChoices) return { values: argument.argChoices.map((choice) => [choice, '']), files: false };
  if (argument.name() === 'BANK/INDEX') return banks(positional[0], '', '/');
  return { values: [], files: PATHS.includes(argument.name()) };
}

/** The option that a word names, if a value has to follow it. */
function valueOption(command: Command, word: string): Option | undefined {
  return command.options.find(({ long, required }) => long === word && required);
}

function optionsOf(command: Command): Completions {
  const shown = command.createHelp().visibleOptions(command);
  const values = shown.flatMap(({ long, description }) =>
    long ? [[long, firstClause(description)] as const] : [],
  );
  return { values, files: false };
}

async function valuesOf(option: Option, current: string, study: string | undefined): Promise<Completions> {
  if (option.argChoices) return { values: option.argChoices.map((choice) => [choice, '']), files: false };
  const placeholder = /<(.*)>/.exec(option.flags)?.[1] ?? '';
  if (placeholder === 'BANK') return await banks(study, '', '');
  // Of a list, what was typed up to the last comma stays.
  if (placeholder === 'A,B') return await banks(study, current.slice(0, current.lastIndexOf(',') + 1), '');
  const values = (BUILT_IN[placeholder] ?? []).map((value) => [value, ''] as const);
  return { values, files: PATHS.includes(placeholder) };
}

/** The names of a study's banks, where it can be read. */
async function banks(study: string | undefined, prefix: string, suffix: string): Promise<Completions> {
  if (study === undefined) return NOTHING;
  const { openStudy } = await import('../study/open-study.ts');
  try {
    const opened = openStudy(study);
    try {
      const values = opened
        .info()
        .banks.map(
          ({ name, units, site }) => [`${prefix}${name}${suffix}`, `${units} units at ${site}`] as const,
        );
      return { values, files: false };
    } finally {
      opened.close();
    }
  } catch {
    return NOTHING;
  }
}

function firstClause(description: string): string {
  return description.split(/;| \(/)[0]!.trim();
}
