import type { Command } from 'commander';
import * as z from 'zod';
import { visible } from '../base/visible.ts';
import type { TrainedSae } from '../train/run-file.ts';
import type { SaeTrainProgress } from '../train/train.ts';
import { saeTrainOptions } from '../train/train-options.ts';
import { RESUME, untilInterrupted } from './interrupt.ts';
import { addOptions } from './options.ts';
import { cell, colors, number, Progress, print, printJson, printNote, shellWord, table } from './terminal.ts';

const json = z.boolean().default(false).meta({ description: 'print what was trained, as one JSON document' });

export function define(command: Command): void {
  command.description(
    'Trains sparse autoencoders on a model’s activations, with the loss ‖x − x̂‖² + λ·sparsity + γ·L_N + w·L_R, where L_N ' +
      'penalises latents whose neuron embeddings differ, and L_R latents whose decoder row is not what the others leave ' +
      'for it. Lists of --l1, --k, --embedding-weight or --residual-weight make a sweep: every ' +
      'combination is trained in one pass over the activations. Run the same command again to resume an interrupted training.',
  );
  addOptions(command, { ...saeTrainOptions.shape, json });
  command
    .addHelpText(
      'after',
      '\nExamples:\n  polyseme sae train --site blocks.2.hook_resid_post --latents 512 --tokens 50000 --out first-sae\n  polyseme sae train --model openai-community/gpt2 --data books.jsonl.gz --site blocks.8.hook_resid_pre --embedding-weight 0,0.3 --out sweep',
    )
    .action(act);
}

async function act({
  json,
  verbose: _,
  ...options
}: Record<string, unknown> & { json?: boolean }): Promise<void> {
  const { trainSae } = await import('../train/train.ts');
  const progress = new Progress();
  // Said when the folder is there.
  let watchable = false;
  const trained = await untilInterrupted(RESUME, (signal) =>
    trainSae({
      ...options,
      signal,
      onNote: printNote,
      onProgress({ stage, done, total, unit, saes }) {
        if (process.stderr.isTTY && !json && !watchable) {
          watchable = true;
          process.stderr.write(`${colors.dim(watchLine(options['out'] as string))}\n`);
        }
        progress.show(stage, done, total, unit, saes.map(figures).join(' | '));
      },
    }),
  );
  progress.end();
  if (json) printJson(trained);
  else printTrained(trained);
}

/** How to watch the training in the explorer. */
function watchLine(out: string): string {
  return `watch: polyseme serve --trainings ${shellWord(out)}`;
}

/** One step in a few words. */
function figures({ name, latents, step }: SaeTrainProgress['saes'][number]): string {
  const parts = [
    `loss ${cell(step.loss, 2)}`,
    `mse ${cell(step.mse, 2)}`,
    `sparsity ${cell(step.sparsity, 1)}`,
    `L0 ${cell(step.l0, 1)}`,
    `FVE ${cell(step.explainedVariance)}`,
    `dead ${cell((100 * step.dead) / latents, 1)} %`,
    `L_N distance ${cell(step.meanEmbeddingDistance)}`,
    ...(step.meanResidualDistance === null ? [] : [`L_R distance ${cell(step.meanResidualDistance)}`]),
  ];
  return `${name === '' ? '' : `${name}: `}${parts.join(', ')}`;
}

function printTrained(trained: readonly TrainedSae[]): void {
  const rows = [
    ['SAE', 'tokens', 'variance explained', 'L0', 'CE recovered', 'L_N distance', 'L_R distance'],
  ];
  for (const { dir, tokens, last, evaluation } of trained) {
    const { explainedVariance } = evaluation?.reconstruction ?? last;
    rows.push([
      visible(dir),
      number(tokens),
      cell(explainedVariance, 4),
      cell(evaluation?.sparsity.l0 ?? last.l0, 1),
      cell(evaluation?.crossEntropy.recovered ?? null, 4),
      cell(last.meanEmbeddingDistance),
      cell(last.meanResidualDistance),
    ]);
  }
  for (const line of table(rows, [false, true, true, true, true, true, true])) print(line);
  const [first] = trained;
  if (first!.evaluation === null) print(colors.dim('variance explained and L0 of the last training batch'));
  else
    print(
      colors.dim(
        `evaluated on ${number(first!.evaluation.reconstruction.tokens)} tokens of the training data`,
      ),
    );
}
