import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bank } from '../bank/bank.ts';
import { weightsWidth } from '../bank/embedding.ts';
import { mlpBank } from '../bank/mlp-bank.ts';
import { saeBank } from '../bank/sae-bank.ts';
import { unpackRows } from '../base/half.ts';
import { type Comparison, compareSources } from '../compare/compare-banks.ts';
import type { ExampleSource } from '../compare/matched.ts';
import { PolysemeError } from '../errors.ts';
import { type Harvest, harvest } from '../harvest/harvest.ts';
import { storedExamples } from '../harvest/stored-examples.ts';
import { layerOfSite } from '../model/sites.ts';
import { runOptions } from '../run/run-options.ts';
import type { Evaluation } from './result.ts';

/**
 * The polysemy of an SAE's latents beside the MLP neurons of its layer: examples of both from the same contexts,
 * with the options of a plain run, compared with equal numbers of examples. A line that says why where there is
 * no comparison.
 */
export async function comparePolysemy(evaluation: Evaluation): Promise<Comparison | string> {
  const { model, sae, attachment, contexts, context, specialIds, examples, seed, onProgress, signal } =
    evaluation;
  const layer = layerOfSite(attachment.site);
  if (layer === null)
    return `${attachment.site} is in no layer: there are no neurons to compare the latents with`;
  const defaults = runOptions.parse({});
  const banks = [mlpBank(model.files, layer, defaults), saeBank('latents', sae, attachment)];
  const stateDir = mkdtempSync(join(tmpdir(), 'polyseme-evaluate-'));
  try {
    const found = await harvest({
      model,
      banks,
      contexts() {
        const last = contexts.at(-1)!;
        const iterate = async function* () {
          yield* contexts;
        };
        return { summary: last.cursor.summary, [Symbol.asyncIterator]: iterate };
      },
      length: context,
      specialIds,
      tokenText: () => '',
      selection: { ...defaults, examples, seed },
      stateDir,
      saveEvery: Number.POSITIVE_INFINITY,
      signal,
      onProgress: ({ done }) =>
        onProgress?.({ stage: 'harvest', done, total: contexts.length, unit: 'contexts' }),
    });
    const sources = await Promise.all(banks.map((bank) => harvestSource(bank, found)));
    const cluster = { linkage: defaults.linkage as never, threshold: defaults.threshold };
    return await compareSources(sources, cluster, {
      seed,
      signal,
      onProgress: ({ done, total }) => onProgress?.({ stage: 'compare', done, total, unit: 'units' }),
    });
  } catch (error) {
    if (error instanceof PolysemeError && error.code !== 'aborted') return `no polysemy: ${error.message}`;
    throw error;
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

/** A harvested bank as compareSources reads it. */
async function harvestSource(bank: Bank, found: Harvest): Promise<ExampleSource> {
  const harvested = found.banks.find(({ name }) => name === bank.name)!;
  const weights = await bank.weights();
  const rowLength = weightsWidth(bank);
  return {
    name: bank.name,
    embedding: bank.embedding,
    width: bank.width,
    counts: harvested.chosen.counts,
    unit(index) {
      const { halves, scales, count } = storedExamples(harvested, index);
      return {
        inputs: unpackRows(halves, scales, bank.width),
        weights: weights.slice(index * rowLength, (index + 1) * rowLength),
        count,
        centre: harvested.inputMean,
        nullInputs: unpackRows(harvested.nullInputs.halves, harvested.nullInputs.scales, bank.width),
      };
    },
  };
}
