import type { Command } from 'commander';
import * as z from 'zod';
import { visible } from '../base/visible.ts';
import { evaluateOptions } from '../evaluate/evaluate-options.ts';
import type { SaeEvaluation } from '../evaluate/result.ts';
import type { RopeLayoutOption } from '../model/gguf/rope-layout.ts';
import { textOptions } from '../model/text-options.ts';
import { withFlags } from './flags.ts';
import { START_AGAIN, untilInterrupted } from './interrupt.ts';
import { addOptions, saeArgument, siteOption } from './options.ts';
import { printRedrawn } from './redrawn-table.ts';
import { cell, colors, number, Progress, print, printJson, table } from './terminal.ts';

const shape = {
  model: textOptions.model,
  ropeLayout: textOptions.ropeLayout,
  data: textOptions.data,
  site: siteOption,
  ...evaluateOptions.shape,
  json: z
    .boolean()
    .default(false)
    .meta({ description: 'print one JSON document, which has SAEBench’s keys too' }),
};

type Options = z.output<typeof evaluateOptions> & {
  readonly model: string;
  readonly ropeLayout: RopeLayoutOption;
  readonly data: string;
  readonly site?: string;
  readonly json?: boolean;
};

export function define(command: Command): void {
  command
    .description(
      'Evaluates an SAE in its model: how well it reconstructs, how sparse it is, what the model loses when the SAE’s ' +
        'output replaces its site, and how polysemantic its latents are beside the MLP neurons of its layer. Special ' +
        'tokens enter no number.',
    )
    .argument('<PATH>', saeArgument);
  addOptions(command, shape);
  command
    .addHelpText(
      'after',
      '\nExample:\n  polyseme sae eval hf:jbloom/GPT2-Small-SAEs-Reformatted:blocks.8.hook_resid_pre --model openai-community/gpt2 --tokens 50000',
    )
    .action(act);
}

async function act(
  path: string,
  { site, json, verbose: _, ...options }: Options & { verbose?: boolean },
): Promise<void> {
  const [{ loadSae }, { evaluateSae }] = await Promise.all([
    import('../sae/load-sae.ts'),
    import('../evaluate/evaluate.ts'),
  ]);
  const sae = await loadSae(path, site === undefined ? {} : { hookName: site });
  const progress = new Progress();
  const found = await untilInterrupted(START_AGAIN, (signal) =>
    evaluateSae({
      ...options,
      signal,
      sae,
      onProgress: ({ stage, done, total, unit }) => progress.show(stage, done, total, unit),
    }),
  );
  progress.end();
  if (json) printJson(found);
  else printEvaluation(found);
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
  for (const note of found.notes) print(visible(`note: ${withFlags(note)}`));
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
  printRedrawn(found.polysemy);
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
