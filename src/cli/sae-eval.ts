import { type Command, Option } from 'commander';
import { visible } from '../base/visible.ts';
import { type EvaluateOptions, evaluateSae } from '../evaluate/evaluate.ts';
import type { SaeEvaluation } from '../evaluate/result.ts';
import { loadModel } from '../model/load.ts';
import { runOptions } from '../run/run-options.ts';
import { loadSae } from '../sae/load.ts';
import { printComparison } from './compare.ts';
import { wholeNumber } from './parse.ts';
import { cell, colors, number, Progress, print, printJson, table } from './terminal.ts';

interface Options extends Pick<EvaluateOptions, 'bos' | 'centerWriting' | 'column' | 'context' | 'polysemy'> {
  readonly model: string;
  readonly data: string;
  readonly tokens: number;
  readonly site?: string;
  readonly examples: number;
  readonly seed: number;
  readonly threads?: number;
  readonly json?: boolean;
}

export function define(command: Command): void {
  const { shape } = runOptions;
  const defaults = runOptions.parse({});
  command
    .description(
      'Evaluates an SAE in its model: reconstruction, sparsity, what the model loses when the SAE takes its site’s\n' +
        'place, and the polysemy of its latents beside the MLP neurons of its layer. Special tokens enter no figure.',
    )
    .argument('<PATH>', 'a folder, a weights file or hf:owner/name[@revision][:path]')
    .option('--model <M>', 'a folder, a hub id or builtin:folio-5m', defaults.model)
    .option('--data <D>', 'as for run', defaults.data)
    .option('--tokens <N>', 'about so many text tokens, in whole contexts', wholeNumber(1), 100_000)
    .option(
      '--context <N>',
      'tokens of a context, BOS counted (default: 128, or the model’s limit)',
      wholeNumber(2),
    )
    .option('--column <NAME>', 'column of the text in JSONL, CSV and Parquet', defaults.column)
    .option('--site <SITE>', 'the site that it reads, where its files do not say or are wrong')
    .addOption(
      new Option(
        '--bos <WHEN>',
        'begin contexts with BOS; auto: as the SAE was made, or what the tokenizer does',
      )
        .choices(shape.bos.unwrap().options)
        .default(defaults.bos),
    )
    .addOption(
      new Option('--center-writing <WHEN>', 'it reads x − mean(x); auto: where its config asks for it')
        .choices(shape.centerWriting.unwrap().options)
        .default(defaults.centerWriting),
    )
    .option('--no-polysemy', 'leave the comparison with the MLP neurons out')
    .option('--examples <N>', 'most examples a unit, for the polysemy', wholeNumber(2), defaults.examples)
    .option('--seed <N>', 'seed of every choice', wholeNumber(0), defaults.seed)
    .option('--threads <N>', 'default: all cores; the figures do not depend on it', wholeNumber(1))
    .option('--json', 'as JSON, with SAEBench’s keys')
    .addHelpText(
      'after',
      '\nExample:\n  polyseme sae eval hf:jbloom/GPT2-Small-SAEs-Reformatted:blocks.8.hook_resid_pre --model openai-community/gpt2 --tokens 50000',
    )
    .action(act);
}

async function act(path: string, { model: source, data, site, json, ...options }: Options): Promise<void> {
  const model = await loadModel(source, { threads: options.threads });
  try {
    const sae = await loadSae(path, site === undefined ? {} : { hookName: site });
    const progress = new Progress();
    const found = await evaluateSae({
      ...options,
      model,
      sae,
      corpus: data,
      onProgress: ({ stage, done, total, unit }) => progress.show(stage, done, total, unit),
    });
    progress.end();
    if (json) printJson(found);
    else printEvaluation(found);
  } finally {
    await model.close();
  }
}

function printEvaluation(found: SaeEvaluation): void {
  const { sae, reconstruction: r, sparsity: s, crossEntropy: ce, divergence: kl } = found;
  const where = sae.output === sae.site ? sae.site : `${sae.site} → ${sae.output}`;
  print(
    `${colors.bold(visible(sae.label))}: ${sae.architecture}, ${number(sae.width)} → ${number(sae.latents)} latents, ${visible(`${where} of ${found.model}`)}${sae.centred ? ', centred' : ''}`,
  );
  print(
    colors.dim(
      `${number(found.contexts)} contexts of ${found.context} tokens${found.bos ? ' with BOS' : ''} from ${visible(found.data)}`,
    ),
  );
  for (const note of found.notes) print(visible(`note: ${note}`));
  const percent = (share: number | null): string => (share === null ? '–' : `${cell(100 * share, 2)} %`);
  const rows = [['', '', 'tokens']];
  const add = (name: string, value: string, tokens: number): void => {
    rows.push([name, value, number(tokens)]);
  };
  add('variance explained, pooled', cell(r.explainedVariance, 4), r.tokens);
  add(
    `variance explained, legacy (mean over tokens, batches of ${r.legacyBatch} contexts)`,
    cell(r.explainedVarianceLegacy, 4),
    r.tokens,
  );
  add('MSE, ‖x − x̂‖²', cell(r.mse, 4), r.tokens);
  add('MSE per dimension', cell(r.msePerDimension, 5), r.tokens);
  add('cosine', cell(r.cosine, 4), r.tokens);
  add('L2 ratio, ‖x̂‖ / ‖x‖', cell(r.l2Ratio, 4), r.tokens);
  add('relative reconstruction bias', cell(r.relativeReconstructionBias, 4), r.tokens);
  add('L0', cell(s.l0, 2), s.tokens);
  add('L1', cell(s.l1, 2), s.tokens);
  add(`dead latents (of ${number(sae.latents)})`, `${number(s.dead)}, ${percent(s.deadShare)}`, s.tokens);
  add(
    'latents active on over 1 %, 10 %',
    `${percent(s.over1Percent)}, ${percent(s.over10Percent)}`,
    s.tokens,
  );
  add('cross-entropy, clean', cell(ce.clean, 4), ce.tokens);
  add('cross-entropy, with SAE', cell(ce.withSae, 4), ce.tokens);
  add('cross-entropy, zero-ablated', cell(ce.ablated, 4), ce.tokens);
  add('cross-entropy recovered', cell(ce.recovered, 4), ce.tokens);
  add('KL, with SAE', cell(kl.withSae, 4), kl.tokens);
  add('KL, zero-ablated', cell(kl.ablated, 4), kl.tokens);
  add('KL recovered', cell(kl.recovered, 4), kl.tokens);
  print();
  for (const line of table(rows, [false, true, true])) print(line);
  printDensities(s.densityHistogram);
  if (found.polysemy === null) return;
  print(
    `\n${colors.bold('Polysemy')} of its latents beside the MLP neurons of its layer, on the same contexts`,
  );
  printComparison(found.polysemy);
}

/** Live latents by how often they are active, a bar for each half decade that holds some. */
function printDensities({ edges, counts }: SaeEvaluation['sparsity']['densityHistogram']): void {
  const most = Math.max(...counts);
  if (most === 0) return;
  print('\nlive latents by log10 of density');
  const first = counts.findIndex((count) => count > 0);
  for (let i = first; i < counts.length; i++) {
    const bar = '█'.repeat(Math.round((40 * counts[i]!) / most));
    print(`  ${edges[i]!.toFixed(1).padStart(4)}  ${colors.cyan(bar)} ${number(counts[i]!)}`);
  }
}
