import { mlpBank } from '../bank/mlp-bank.ts';
import { saeBank } from '../bank/sae-bank.ts';
import type { LinkageMethod } from '../cluster/linkage-methods.ts';
import { compareDraws, type Redrawn } from '../compare/redraw.ts';
import { PolysemeError } from '../errors.ts';
import { layerOfSite } from '../model/sites.ts';
import { runOptions } from '../run/run-options.ts';
import { drawBanks } from './draw-banks.ts';
import type { Evaluation } from './result.ts';

/**
 * The polysemy of an SAE's latents beside the MLP neurons of its layer, with the options of a plain run: examples of
 * both drawn at random among all positions that activate a unit, as many of each, from the same contexts. A line that
 * says why where there is no comparison.
 */
export async function comparePolysemy(evaluation: Evaluation): Promise<Redrawn | string> {
  const { model, sae, attachment, contexts, context, specialIds, examples, seeds, seed } = evaluation;
  const { onProgress, signal } = evaluation;
  const layer = layerOfSite(attachment.site);
  if (layer === null)
    return `${attachment.site} is in no layer: there are no neurons to compare the latents with`;
  const { linkage, threshold, ...defaults } = runOptions.parse({});
  try {
    const { banks, tokens } = await drawBanks({
      model,
      banks: [mlpBank(model.files, layer, defaults), saeBank('latents', sae, attachment)],
      contexts() {
        const last = contexts.at(-1)!;
        const iterate = async function* () {
          yield* contexts;
        };
        return { summary: last.cursor.summary, [Symbol.asyncIterator]: iterate };
      },
      length: context,
      specialIds,
      seeds,
      most: examples,
      seed,
      sign: defaults.sign,
      center: defaults.center,
      signal,
      onProgress: ({ done }) =>
        onProgress?.({ stage: 'harvest', done, total: contexts.length, unit: 'contexts' }),
    });
    return await compareDraws(banks, { linkage: linkage as LinkageMethod, threshold }, tokens, {
      seed,
      signal,
      onProgress: ({ done, total }) => onProgress?.({ stage: 'compare', done, total, unit: 'units' }),
    });
  } catch (error) {
    if (error instanceof PolysemeError && error.code !== 'aborted') return `no polysemy: ${error.message}`;
    throw error;
  }
}
