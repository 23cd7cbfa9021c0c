import type { Command } from 'commander';
import * as z from 'zod';
import { visible } from '../base/visible.ts';
import type { ComparedStudy, SimilarFeature } from '../explain/similar.ts';
import { SIMILARITIES, SIMILARITY_MEANINGS, type Similarity } from '../explain/similarities.ts';
import { featureTitle } from '../features/feature-title.ts';
import { whole } from '../model/text-options.ts';
import { spelledAt } from '../tokenizer/byte-tokens.ts';
import { type ExplainOptions, explainShape, type ModelOptions } from './explained.ts';
import { START_AGAIN, untilInterrupted } from './interrupt.ts';
import { addOptions, studyArgument, unitArgument } from './options.ts';
import { unitName } from './parse.ts';
import { colors, Progress, peakMark, print, printJson, printNote } from './terminal.ts';

/** Tokens shown to each side of the peak. */
const AROUND = 8;

const shape = {
  feature: whole(0).optional().meta({
    description: 'only this feature of the unit, by its number',
    value: 'F',
    fallback: 'all',
  }),
  by: z
    .enum(SIMILARITIES)
    .default('embedding')
    .meta({
      description: SIMILARITIES.map((by) => `${by}: ${SIMILARITY_MEANINGS[by]}`).join('; '),
      value: 'HOW',
    }),
  other: z.string().min(1).optional().meta({
    description: 'search the features of this study too',
    value: 'FILE',
  }),
  limit: whole(1).max(1000).default(10).meta({ description: 'show so many of each feature, at most' }),
  ...explainShape,
};

interface Options extends ExplainOptions {
  readonly feature?: number;
  readonly by: Similarity;
  readonly other?: string;
  readonly limit: number;
}

export function define(command: Command): void {
  command
    .description(
      'Where else the meaning of a feature lives: the features of other units, in all banks of the study, that are most ' +
        'like it. What is searched is computed once and kept in a folder beside the study.',
    )
    .argument('<STUDY>', studyArgument)
    .argument('<BANK/INDEX>', unitArgument, unitName);
  addOptions(command, shape);
  command
    .addHelpText('after', '\nExample:\n  polyseme neighbours study.db mlp.2/137 --feature 0')
    .action((path: string, unit: { bank: string; index: number }, options: Options) =>
      untilInterrupted(START_AGAIN, (signal) => run(path, unit, options, signal)),
    );
}

async function run(
  path: string,
  { bank, index }: { bank: string; index: number },
  { feature, by, other, limit, json, ...model }: Options,
  signal: AbortSignal,
): Promise<void> {
  const [{ openStudy }, { openVectors }, { SimilarFeatures }, { openExplained }, { outputDirections }] =
    await Promise.all([
      import('../study/open-study.ts'),
      import('../study/vectors.ts'),
      import('../explain/similar.ts'),
      import('../server/explain/open-explained.ts'),
      import('../explain/output-directions.ts'),
    ]);
  const progress = new Progress();
  const opened: { close(): unknown }[] = [];
  const open = async (file: string, options: ModelOptions): Promise<ComparedStudy> => {
    const study = openStudy(file);
    opened.push(study);
    const vectors = await openVectors(study, {
      signal,
      onProgress: ({ stage, done, total, unit }) => progress.show(stage, done, total, unit),
    });
    opened.push(vectors);
    progress.end();
    const explained = openExplained(study, { ...options, onNote: printNote });
    opened.push(explained);
    return { study, vectors, outputs: (name) => outputDirections(explained, name) };
  };
  try {
    const own = await open(path, model);
    const similar = new SimilarFeatures(own, other === undefined ? undefined : await open(other, {}));
    const words = own.study.words(bank, index);
    const names = own.study.names(bank, index);
    const asked = feature === undefined ? [...words.keys()] : [feature];
    const features = [];
    for (const id of asked) {
      const found = await similar.of(bank, index, id, { by, limit });
      features.push({ feature: id, name: names[id] ?? null, words: words[id] ?? [], similar: found });
    }
    if (json) {
      printJson({ bank, index, by, features });
      return;
    }
    if (features.length === 0) print(`${visible(`${bank}/${index}`)} has no features`);
    for (const { feature: id, similar: found, ...described } of features) {
      print(
        `${colors.bold(visible(`${bank}/${index}`))}  feature ${id}  ${colors.bold(colors.cyan(visible(featureTitle(described)) || '(no words)'))}`,
      );
      if (found.length === 0) print(colors.dim('  nothing like it'));
      for (const one of found) print(similarLine(one));
    }
  } finally {
    for (const one of opened.reverse()) await one.close();
  }
}

function similarLine(similar: SimilarFeature): string {
  const { bank, index, feature, similarity, passage, other } = similar;
  const { tokens, document } = passage;
  const position = spelledAt(tokens, passage.position);
  const first = Math.max(0, position - AROUND);
  const shown = tokens
    .slice(first, position + AROUND + 1)
    .map((token, i) => (first + i === position ? peakMark(token) : visible(token)));
  const unit = visible(`${bank}/${index}`);
  const where = other ? `${unit} (other study)` : unit;
  return `  ${similarity.toFixed(3)}  ${where} feature ${feature}  ${colors.cyan(visible(featureTitle(similar)))}  ${shown.join('')}  ${colors.dim(visible(document))}`;
}
