import { type Command, InvalidArgumentError, Option } from 'commander';
import { visible } from '../base/visible.ts';
import type { TrainedSae } from '../train/run-file.ts';
import { type SaeTrainProgress, trainSae } from '../train/train.ts';
import { parseSaeTrainOptions, saeTrainOptions } from '../train/train-options.ts';
import { realNumber, wholeNumber } from './parse.ts';
import { cell, colors, number, Progress, print, printJson, printNote, table } from './terminal.ts';

export function define(command: Command): void {
  const { shape } = saeTrainOptions;
  const defaults = saeTrainOptions.parse({});
  command
    .description(
      'Trains sparse autoencoders on a model’s activations, with the loss ‖x − x̂‖² + λ·sparsity + γ·L_N, where L_N\n' +
        'penalises latents whose neuron embeddings differ. Lists of --l1, --k or --embedding-weight make a sweep: every\n' +
        'combination from one pass over the activations. Killed and typed again, it continues to the same weights.',
    )
    .option('--model <M>', 'a folder, a hub id or builtin:folio-5m (default: builtin:folio-5m)')
    .option('--data <D>', 'as for run (default: builtin:sotu)')
    .option('--site <SITE>', 'where in the model, e.g. blocks.2.hook_resid_post, blocks.2.mlp.hook_in')
    .option('--activations <DIR>', 'train from what sae cache wrote, instead of --model, --data, --site')
    .addOption(
      new Option(
        '--arch <A>',
        'relu: L1, every latent may fire; topk: k latents a token; batchtopk: k on average; jumprelu: a threshold a latent; matryoshka: batchtopk in nested groups',
      )
        .choices(shape.architecture.unwrap().options)
        .default(defaults.architecture),
    )
    .option('--latents <N>', 'more: finer features, slower (default: 8 × the site’s width)', wholeNumber(1))
    .option(
      '--l1 <LIST>',
      'λ of relu and jumprelu; larger: fewer active latents (default: 3, jumprelu 0.5)',
      list,
    )
    .option('--k <LIST>', 'active latents a token, of the top-k kinds (default: 32)', list)
    .option(
      '--embedding-weight <LIST>',
      'γ of L_N; larger: neuron embeddings of one latent more alike (not its inputs: see docs/monosemantic.md), less variance explained',
      list,
      defaults.embeddingWeight,
    )
    .option(
      '--tokens <N>',
      'vectors to train on; the data is read again as needed',
      wholeNumber(1),
      defaults.tokens,
    )
    .option('--batch <N>', 'vectors a step; smaller: more steps, slower', wholeNumber(1), defaults.batch)
    .option('--lr <R>', 'Adam’s step size (default: 2e-3 · √(2048 / latents), at most 2e-3)', realNumber)
    .option('--seed <N>', 'of starting weights and mixing', wholeNumber(0), defaults.seed)
    .option('--out <DIR>', 'the SAE’s folder; of a sweep, a folder in it for each', defaults.out)
    .option(
      '--context <N>',
      'tokens of a context, BOS counted (default: 128, or the model’s limit)',
      wholeNumber(2),
    )
    .option('--contexts <N>', 'contexts spread over the documents (default: all, in order)', wholeNumber(1))
    .addOption(
      new Option('--bos <WHEN>', 'begin contexts with BOS; auto: what the tokenizer does')
        .choices(shape.bos.unwrap().options)
        .default(defaults.bos),
    )
    .option('--column <NAME>', 'column of the text in JSONL, CSV and Parquet', defaults.column)
    .option('--buffer <N>', 'vectors mixed in memory (default: 256 MB of them)', wholeNumber(1))
    .option('--clip <NORM>', 'scale larger gradients down; 0: never', realNumber, defaults.clip)
    .option(
      '--no-scale',
      'leave inputs as they are; else scaled to mean norm √d, so that λ and γ mean the same everywhere',
    )
    .addOption(
      new Option('--decoder-bias <HOW>', 'where b_dec starts, from the first batch')
        .choices(shape.decoderBias.unwrap().options)
        .default(defaults.decoderBias),
    )
    .option('--no-aux', 'without the auxiliary loss that revives dead latents of the top-k kinds')
    .option(
      '--dead-after <N>',
      'vectors without activation until a latent is dead (default: a tenth of --tokens)',
      wholeNumber(1),
    )
    .option(
      '--resample <STEPS>',
      'give dead latents new weights so often; 0: never',
      wholeNumber(0),
      defaults.resample,
    )
    .option(
      '--eval-tokens <N>',
      'tokens of the evaluation at the end; 0: none',
      wholeNumber(0),
      defaults.evalTokens,
    )
    .option('--log-every <STEPS>', 'steps a line of log.jsonl', wholeNumber(1), defaults.logEvery)
    .option('--threads <N>', 'default: all cores; the SAE does not depend on it', wholeNumber(1))
    .option('--json', 'print what came out as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  polyseme sae train --site blocks.2.hook_resid_post --out my-sae\n  polyseme sae train --model openai-community/gpt2 --data books.jsonl.gz --site blocks.8.hook_resid_pre --embedding-weight 0,0.3 --out sweep',
    )
    .action(act);
}

async function act(
  { json, verbose: _, arch, lr, ...rest }: Record<string, unknown> & { json?: boolean },
  command: Command,
): Promise<void> {
  const options = { ...rest, architecture: arch, ...(lr === undefined ? {} : { learningRate: lr }) };
  try {
    parseSaeTrainOptions(options as never);
  } catch (error) {
    command.error(`error: ${(error as Error).message}`);
  }
  const progress = new Progress();
  // Said when the folder is there.
  let watchable = false;
  const trained = await trainSae(options as never, {
    onNote: printNote,
    onProgress({ stage, done, total, unit, saes }) {
      if (process.stderr.isTTY && !json && !watchable) {
        watchable = true;
        process.stderr.write(`${colors.dim(visible(watchLine(rest['out'] as string)))}\n`);
      }
      progress.show(stage, done, total, unit, saes.map(figures).join(' | '));
    },
  });
  progress.end();
  if (json) printJson(trained);
  else printTrained(trained);
}

/** How to watch the training in the explorer. */
function watchLine(out: string): string {
  return `watch: polyseme serve --trainings ${/^[\w./~+-]+$/.test(out) ? out : JSON.stringify(out)}`;
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
  ];
  return `${name === '' ? '' : `${name}: `}${parts.join(', ')}`;
}

function printTrained(trained: readonly TrainedSae[]): void {
  const rows = [['SAE', 'tokens', 'variance explained', 'L0', 'CE recovered', 'L_N distance']];
  for (const { dir, tokens, last, evaluation } of trained) {
    const { explainedVariance } = evaluation?.reconstruction ?? last;
    rows.push([
      visible(dir),
      number(tokens),
      cell(explainedVariance, 4),
      cell(evaluation?.sparsity.l0 ?? last.l0, 1),
      cell(evaluation?.crossEntropy.recovered ?? null, 4),
      cell(last.meanEmbeddingDistance),
    ]);
  }
  for (const line of table(rows, [false, true, true, true, true, true])) print(line);
  const [first] = trained;
  if (first!.evaluation === null) print(colors.dim('variance explained and L0 of the last training batch'));
  else
    print(
      colors.dim(
        `evaluated on ${number(first!.evaluation.reconstruction.tokens)} tokens of the training data`,
      ),
    );
}

/** `0.1,0.3` → [0.1, 0.3] */
function list(text: string): number[] {
  const values = text.split(',').map(Number);
  if (text.split(',').some((part) => part.trim() === '') || !values.every(Number.isFinite)) {
    throw new InvalidArgumentError('It must be a number, or several with commas between.');
  }
  return values;
}
