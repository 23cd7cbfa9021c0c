import { readFile, stat } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import * as z from 'zod';
import { visible } from '../base/visible.ts';
import { PolysemeError, UsageError } from '../errors.ts';
import { MOST_UNITS } from '../explain/limits.ts';
import type { Firing, ProbedText, ProbedUnit } from '../explain/probe.ts';
import { featureTitle } from '../features/feature-title.ts';
import type { FeatureName } from '../features/names.ts';
import type { Study } from '../study/study.ts';
import { type ExplainOptions, explainShape, withExplained } from './explained.ts';
import { addOptions, bankOption, studyArgument } from './options.ts';
import { cell, colors, print, printJson, printNote } from './terminal.ts';

/** Bytes of a file of keys. */
const MAX_KEY_BYTES = 64 << 20;

const shape = {
  bank: bankOption,
  top: z.int().min(1).max(MOST_UNITS).default(5).meta({ description: 'units shown of each token' }),
  keys: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'say of which feature these units fire: a JSON list of {layer or bank, unit, sign, position}, as circuit tracers ' +
        'and probe --json name them',
      value: 'FILE',
    }),
  ...explainShape,
};

interface Options extends ExplainOptions {
  readonly bank?: string;
  readonly top: number;
  readonly keys?: string;
}

export function define(command: Command): void {
  command
    .description(
      'Which units fire on a text of yours, and with which of their features: at each token the units that fire most, ' +
        'relative to their own maximum, each with the feature whose examples are nearest, or none of them.',
    )
    .argument('<STUDY>', studyArgument)
    .argument('<TEXT>', 'the text; -: standard input');
  addOptions(command, shape);
  command
    .addHelpText(
      'after',
      '\nExample:\n  polyseme probe study.db "the treaty with Spain" --bank mlp.2 --top 3',
    )
    .action(async (path: string, given: string, options: Options) => {
      if (options.keys !== undefined && options.bank !== undefined) {
        throw new UsageError('--keys and --bank exclude each other: the keys name their banks');
      }
      const text = given === '-' ? (await readAll(process.stdin)).replace(/\r?\n$/, '') : given;
      await withExplained(path, options, async (explained, signal) => {
        const { Prober } = await import('../explain/probe.ts');
        const prober = new Prober(explained);
        const { study } = explained;
        const described = describedBy(study);
        if (options.keys === undefined) {
          const { firings, missing, ...probed } = await prober.probe(text, { ...options, signal });
          for (const { reason } of missing) printNote(reason);
          await show(study, probed, firings, options.json, described);
        } else {
          const { findUnits, parseKeys } = await import('../explain/unit-keys.ts');
          const units = findUnits(parseKeys(await readKeys(options.keys), options.keys), study.info());
          const { units: found, ...probed } = await prober.keys(text, units, { signal });
          await show(study, probed, found, options.json, described);
        }
      });
    });
}

/** What is known of the feature of a firing. */
type Described = (firing: Firing) => { name: FeatureName | null; words: readonly string[] };

function describedBy(study: Study): Described {
  return ({ bank, index, feature }) =>
    feature === null
      ? { name: null, words: [] }
      : {
          name: study.names(bank, index)[feature] ?? null,
          words: study.words(bank, index)[feature] ?? [],
        };
}

async function show(
  study: Study,
  probed: ProbedText,
  firings: readonly (Firing | ProbedUnit)[],
  json: boolean,
  described: Described,
): Promise<void> {
  if (json) {
    const { keyOf } = await import('../explain/unit-keys.ts');
    const info = study.info();
    const keyed = firings.map((firing) => ({
      ...keyOf(firing, info),
      ...described(firing),
    }));
    printJson({ ...probed, firings: keyed });
    return;
  }
  const { tokens, windows, windowLength } = probed;
  if (windows.length > 1) {
    printNote(
      `the text is read in ${windows.length} windows of up to ${windowLength} tokens, each by itself`,
    );
  }
  let last = -1;
  for (const firing of [...firings].sort((a, b) => a.position - b.position)) {
    if (firing.position !== last) {
      print(
        `${String(firing.position).padStart(4)}  ${colors.bold(colors.inverse(visible(tokens[firing.position]!)))}`,
      );
      last = firing.position;
    }
    print(firingLine(firing, described));
  }
}

function firingLine(firing: Firing | ProbedUnit, described: Described): string {
  const { bank, index, activation, relative, feature, distances } = firing;
  const unit = `      ${visible(`${bank}/${index}`).padEnd(14)}`;
  const size = `${relative.toFixed(2)} of its maximum`;
  if ('fires' in firing && !firing.fires)
    return `${unit}${colors.dim(`does not fire (${cell(activation)})`)}`;
  const least = Math.min(...distances);
  const which =
    feature === null
      ? colors.dim(`none of its features (nearest at ${least.toFixed(2)})`)
      : `feature ${feature} at ${distances[feature]!.toFixed(2)}  ${colors.cyan(visible(featureTitle(described(firing))))}`;
  return `${unit}${size}  ${which}`;
}

async function readKeys(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new PolysemeError(`${path}: no such file (option keys)`, 'not-found');
  if (!found.isFile()) throw new PolysemeError(`${path} is not a file (option keys)`);
  if (found.size > MAX_KEY_BYTES) {
    throw new PolysemeError(
      `${path} has ${found.size} bytes; at most ${MAX_KEY_BYTES} of keys are read: split it`,
    );
  }
  return readFile(path, 'utf8');
}
