import type { Command } from 'commander';
import { PASSAGES } from '../explain/intruders.ts';
import { whole } from '../model/text-options.ts';
import { withExplained } from './explained.ts';
import { type NamerOptions, namerOf, namerShape } from './namer.ts';
import { addOptions, jsonOption, studyArgument, unitArgument } from './options.ts';
import { unitName } from './parse.ts';
import { colors, Progress, print, printJson } from './terminal.ts';

const shape = {
  ...namerShape,
  units: whole(1).default(20).meta({
    description: 'without a unit: how many, of those with several features, most effective features first',
  }),
  tests: whole(1).max(1000).default(4).meta({ description: 'tests of each unit' }),
  passages: whole(3)
    .max(20)
    .default(PASSAGES)
    .meta({ description: 'passages of a test, the intruder among them' }),
  seed: whole(0).default(0).meta({ description: 'seed of the draw' }),
  json: jsonOption,
};

interface Options extends NamerOptions {
  readonly units: number;
  readonly tests: number;
  readonly passages: number;
  readonly seed: number;
  readonly json: boolean;
}

export function define(command: Command): void {
  command
    .description(
      'Lets a language model find intruders: it is shown passages of one feature of a unit and one of another of its ' +
        'features, without names, and must tell which does not belong. It judges the split without any name.',
    )
    .argument('<STUDY>', studyArgument)
    .argument('[BANK/INDEX]', unitArgument, unitName);
  addOptions(command, shape);
  command
    .addHelpText(
      'after',
      '\nExample (with Ollama on this machine):\n  polyseme intruders study.db --units 20 --namer http://localhost:11434/v1 --namer-model llama3.2',
    )
    .action(async (path: string, unit: { bank: string; index: number } | undefined, options: Options) => {
      const [{ askedUnits }, { playIntruders }] = await Promise.all([
        import('../explain/model-names.ts'),
        import('../explain/play-intruders.ts'),
      ]);
      const { tests, passages, seed } = options;
      const progress = new Progress();
      const found = await withExplained(path, {}, async ({ study }, signal) =>
        playIntruders(study, askedUnits(study, unit, options.units), namerOf(options, signal).ask, {
          ...{ tests, passages, seed, signal },
          onProgress: ({ stage, done, total, unit: counted }) => progress.show(stage, done, total, counted),
        }),
      );
      progress.end();
      if (options.json) {
        printJson(found);
        return;
      }
      const { tests: all, found: right, accuracy, interval, chance, unanswered } = found;
      if (accuracy === null) {
        print(`no test: a unit needs two features, one of them of ${passages - 1} examples or more`);
        return;
      }
      print(
        `${colors.bold(`${right} of ${all}`)} intruders found: accuracy ${accuracy.toFixed(2)}, 95 % interval ` +
          `${interval!.map((end) => end.toFixed(2)).join(' to ')}; chance is ${chance!.toFixed(2)}` +
          (unanswered > 0 ? `; ${unanswered} answers name no passage and count as wrong` : ''),
      );
    });
}
