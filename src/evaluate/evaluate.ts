import { availableParallelism } from 'node:os';
import type * as z from 'zod';
import { connect } from '../base/rpc.ts';
import { type Context, cutContexts } from '../corpus/contexts.ts';
import { openCorpus } from '../corpus/open.ts';
import type { Corpus } from '../corpus/types.ts';
import { PolysemeError } from '../errors.ts';
import { hubFiles } from '../hub/hub.ts';
import { compile } from '../model/compile.ts';
import type { Model } from '../model/load.ts';
import type { RunnerMethods } from '../model/session-worker.ts';
import { settleBos } from '../run/sae-banks.ts';
import { placeSae } from '../sae/attach.ts';
import { loadSae } from '../sae/load.ts';
import type { Sae } from '../sae/sae.ts';
import type { evaluateOptions } from './evaluate-options.ts';
import { EVALUATION_TAPS, evaluationEdits, PADDING } from './graph.ts';
import { comparePolysemy } from './polysemy.ts';
import { type Evaluation, type EvaluationProgress, type SaeEvaluation, saebenchKeys } from './result.ts';
import { Tally } from './tally.ts';

export interface EvaluateOptions extends Partial<z.output<typeof evaluateOptions>> {
  readonly model: Model;
  /** An SAE, or where it lies. */
  readonly sae: Sae | string;
  /** A corpus, or what `run` takes as data. */
  readonly corpus: Corpus | string;
  readonly onProgress?: (progress: EvaluationProgress) => void;
}

/** Contexts whose mean the legacy form of the explained variance takes: SAEBench's batch. */
const LEGACY_BATCH = 16;
/** Tokens a run of the model, counted three times: clean, with SAE, ablated. */
const TOKENS_A_RUN = 2048;
/** Most numbers of the logits of a run: 128 MB. */
const LOGITS_A_RUN = 2 ** 25;
/** Runs under way at a time: one in the model, one being summed. */
const AHEAD = 2;

/**
 * Evaluates an SAE in its model: how well it reconstructs, how sparse it is, what the model loses when its output
 * takes the site's place, and how polysemantic its latents are beside the MLP neurons of its layer. All sums are in
 * double precision; special tokens enter no figure.
 *
 * @throws PolysemeError where the SAE does not fit the model
 * @example
 * const model = await loadModel('builtin:folio-5m');
 * const result = await evaluateSae({ model, sae: 'folio-sae', corpus: 'builtin:sotu', tokens: 2000, examples: 8 });
 * console.log(result.reconstruction.explainedVariance, result.crossEntropy.recovered, result.crossEntropy.tokens);
 * await model.close();
 */
export async function evaluateSae(options: EvaluateOptions): Promise<SaeEvaluation> {
  const { model, tokens: wanted = 100_000, examples = 64, seed = 0, column } = options;
  const { config, tokenizer } = model;
  const sae = typeof options.sae === 'string' ? await loadSae(options.sae) : options.sae;
  const place = placeSae(model, sae, options.centerWriting);
  const corpus =
    typeof options.corpus === 'string'
      ? await openCorpus(options.corpus, { column, hub: hubFiles })
      : options.corpus;
  const context = options.context ?? Math.min(128, config.contextLength);
  checkOptions({ tokens: wanted, examples, context }, config.contextLength);
  const bos = settleBos(options.bos ?? 'auto', [{ name: sae.label, sae }], tokenizer.addsBos);
  const specialIds = new Set(tokenizer.specialIds);
  if (bos && tokenizer.bosId !== null) specialIds.add(tokenizer.bosId);
  const contexts: Context[] = [];
  const encoder = { encode: (text: string) => tokenizer.encode(text), bosId: tokenizer.bosId ?? undefined };
  const count = Math.ceil(wanted / (context - (bos ? 1 : 0)));
  for await (const found of cutContexts(corpus, encoder, { length: context, bos, count, seed })) {
    contexts.push(found);
  }
  const request = { ...options, sae, place, contexts, context, specialIds, examples, seed };
  const tally = await run(request);
  const notes = [...place.notes];
  const compared = options.polysemy === false ? null : await comparePolysemy(request);
  if (typeof compared === 'string') notes.push(compared);
  const { architecture, dIn, dSae } = sae.config;
  const found = {
    sae: {
      label: sae.label,
      architecture,
      latents: dSae,
      width: dIn,
      site: place.site,
      output: place.output,
      centred: place.centred,
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
  place,
  contexts,
  context,
  specialIds,
  threads = availableParallelism(),
  onProgress,
}: Evaluation): Promise<Tally> {
  const { vocabulary } = model.config;
  const edits = evaluationEdits(sae, place, { specialIds, vocabulary });
  const program = compile(model.files, Object.values(EVALUATION_TAPS), edits);
  const rows = Math.max(
    1,
    Math.floor(Math.min(TOKENS_A_RUN / (3 * context), LOGITS_A_RUN / (3 * context * vocabulary))),
  );
  const tally = new Tally(sae.config, LEGACY_BATCH, specialIds);
  const remote = connect<RunnerMethods>(new URL('../model/session-worker.js', import.meta.url));
  const underWay: Promise<void>[] = [];
  let done = 0;
  let order: Promise<void> = Promise.resolve();
  try {
    for (let first = 0; first < contexts.length; first += rows) {
      const batch = contexts.slice(first, first + rows).map(({ tokens }) => tokens);
      const length = Math.max(...batch.map((tokens) => tokens.length));
      const padded = new Int32Array(3 * batch.length * length).fill(PADDING);
      for (let i = 0; i < 3 * batch.length; i++) padded.set(batch[i % batch.length]!, i * length);
      const answer = remote.call('run', {
        key: '',
        program,
        tokens: padded,
        batch: 3 * batch.length,
        length,
        threads,
      });
      const before = order;
      order = answer.then(async (taps) => {
        await before;
        tally.add(batch, length, taps);
        done += batch.length;
        onProgress?.({ stage: 'evaluate', done, total: contexts.length, unit: 'contexts' });
      });
      order.catch(() => {});
      underWay.push(order);
      if (underWay.length >= AHEAD) await underWay.shift();
    }
    await order;
    return tally;
  } finally {
    await Promise.allSettled(underWay);
    await remote.close();
  }
}

function checkOptions(
  { tokens, examples, context }: { tokens: number; examples: number; context: number },
  longest: number,
): void {
  for (const [name, value, least] of [
    ['tokens', tokens, 1],
    ['examples', examples, 2],
    ['context', context, 2],
  ] as const) {
    if (!(Number.isSafeInteger(value) && value >= least)) {
      throw new PolysemeError(`${name} is ${value}; it must be a whole number of at least ${least}`);
    }
  }
  if (context > longest) {
    throw new PolysemeError(`a context of ${context} tokens is longer than the model's ${longest}`);
  }
}
