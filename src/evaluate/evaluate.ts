import type * as z from 'zod';
import { checkAborted, type LongCall } from '../base/progress.ts';
import { type Context, cutContexts } from '../corpus/contexts.ts';
import type { Corpus } from '../corpus/corpus.ts';
import { firstText, toCorpus } from '../corpus/open-corpus.ts';
import { frameOf, windowSize } from '../corpus/windows.ts';
import { PolysemeError } from '../errors.ts';
import { beginsWithBos, contextLength } from '../model/context-rules.ts';
import type { Model } from '../model/load-model.ts';
import { predictedBy } from '../model/predicted.ts';
import { rowsPerRun } from '../model/taps.ts';
import { toModel } from '../model/to-model.ts';
import { attachSae } from '../sae/attach.ts';
import { loadSae } from '../sae/load-sae.ts';
import type { Sae } from '../sae/sae.ts';
import type { evaluateOptions } from './evaluate-options.ts';
import { EVALUATION_TAPS, evaluationEdits } from './evaluation-edits.ts';
import { comparePolysemy } from './polysemy.ts';
import { type Evaluation, type EvaluationProgress, type SaeEvaluation, saebenchKeys } from './result.ts';
import { Tally } from './tally.ts';

export interface EvaluateOptions
  extends Partial<z.output<typeof evaluateOptions>>,
    LongCall<EvaluationProgress> {
  /** A model that is loaded (and stays open), or the name of one. */
  readonly model: Model | string;
  /** An SAE, or where it lies. */
  readonly sae: Sae | string;
  /** A corpus that is opened, or the name of one. */
  readonly data: Corpus | string;
}

/** Contexts whose mean the legacy form of the explained variance takes: SAEBench's batch. */
const LEGACY_BATCH = 16;
/** Tokens a run of the model, counted three times: clean, with SAE, ablated. */
const TOKENS_PER_RUN = 2048;
/** Most numbers of the logits of a run: 128 MB. */
const LOGITS_PER_RUN = 2 ** 25;

/**
 * Evaluates an SAE in its model: how well it reconstructs, how sparse it is, what the model loses when its output
 * takes the site's place, and how polysemantic its latents are beside the MLP neurons of its layer. All sums are in
 * double precision; special tokens enter no figure.
 *
 * @throws PolysemeError where the SAE does not fit the model
 * @example
 * const model = await loadModel('builtin:folio-5m');
 * const result = await evaluateSae({ model, sae: 'folio-sae', data: 'builtin:sotu', tokens: 2000, examples: 8 });
 * console.log(result.reconstruction.explainedVariance, result.crossEntropy.recovered, result.crossEntropy.tokens);
 * await model.close();
 */
export async function evaluateSae(options: EvaluateOptions): Promise<SaeEvaluation> {
  const { model, release } = await toModel(options.model, {
    ...options,
    sample: () => firstText(options.data, options),
  });
  try {
    return await evaluateIn(model, options);
  } finally {
    await release();
  }
}

async function evaluateIn(model: Model, options: EvaluateOptions): Promise<SaeEvaluation> {
  const { tokens: wanted = 100_000, examples = 32, seeds = 5, seed = 0, column } = options;
  const { config, tokenizer } = model;
  const sae = typeof options.sae === 'string' ? await loadSae(options.sae) : options.sae;
  const attachment = attachSae(model, sae, options.centerWriting);
  const corpus = await toCorpus(options.data, { column });
  const context = contextLength(config, options.context);
  checkOptions({ tokens: wanted, examples, seeds, context });
  const bos = beginsWithBos(options.bos, tokenizer, sae.config.prependBos);
  const { specialIds } = tokenizer;
  const contexts: Context[] = [];
  const count = Math.ceil(wanted / windowSize(context, frameOf(tokenizer, bos)));
  for await (const found of cutContexts(corpus, tokenizer, { length: context, bos, count, seed })) {
    checkAborted(options.signal);
    contexts.push(found);
  }
  const request = {
    ...options,
    model,
    sae,
    attachment,
    contexts,
    context,
    specialIds,
    examples,
    seeds,
    seed,
  };
  const tally = await run(request);
  const notes = [...model.notes, ...attachment.notes];
  const compared = options.polysemy === false ? null : await comparePolysemy(request);
  if (typeof compared === 'string') notes.push(compared);
  const { architecture, dIn, dSae } = sae.config;
  const found = {
    sae: {
      label: sae.label,
      architecture,
      latents: dSae,
      width: dIn,
      site: attachment.site,
      output: attachment.output,
      centred: attachment.centred,
    },
    model: model.source,
    data: corpus.source,
    context,
    contexts: contexts.length,
    bos,
    seed,
    ...tally.figures(),
    polysemy: typeof compared === 'string' ? null : compared,
    notes,
  };
  return { ...found, saebench: saebenchKeys(found) };
}

async function run({
  model,
  sae,
  attachment,
  contexts,
  context,
  specialIds,
  onProgress,
  signal,
}: Evaluation): Promise<Tally> {
  const { vocabulary } = model.config;
  const predicted = predictedBy(model);
  const edits = evaluationEdits(sae, attachment, { specialIds, vocabulary, predicted });
  const taps = model.openTaps(Object.values(EVALUATION_TAPS), edits);
  const rows = rowsPerRun(3 * context, Math.min(TOKENS_PER_RUN, LOGITS_PER_RUN / vocabulary));
  const tally = new Tally(sae.config, LEGACY_BATCH, predicted);
  let done = 0;
  try {
    for await (const block of taps.stream(contexts, {
      specialIds,
      rows,
      copies: 3,
      signal,
    })) {
      tally.add(block);
      done += block.contexts.length;
      onProgress?.({ stage: 'evaluate', done, total: contexts.length, unit: 'contexts' });
    }
    return tally;
  } finally {
    await taps.close();
  }
}

function checkOptions(options: Record<'tokens' | 'examples' | 'seeds' | 'context', number>): void {
  for (const [name, least] of [
    ['tokens', 1],
    ['examples', 2],
    ['seeds', 5],
    ['context', 2],
  ] as const) {
    const value = options[name];
    if (!(Number.isSafeInteger(value) && value >= least)) {
      throw new PolysemeError(`${name} is ${value}; it must be a whole number of at least ${least}`);
    }
  }
}
