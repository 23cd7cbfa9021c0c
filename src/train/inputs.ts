import type { ActivationSource } from '../activations/activation-source.ts';
import { openCache } from '../activations/cache.ts';
import { modelDigest } from '../activations/digest.ts';
import { streamActivations } from '../activations/stream.ts';
import { PolysemeError } from '../errors.ts';
import { loadModel, type Model } from '../model/load.ts';
import { siteNamed } from '../model/sites.ts';
import type { ResolvedSaeTrainOptions } from './train-options.ts';

/** What a training reads, and the model that it is of where that is at hand. */
export interface TrainingSource {
  readonly source: ActivationSource;
  readonly model: Model | null;
  /** Why there is no model. */
  readonly note: string | null;
}

/** Opens a cache, or a model to stream from. @throws PolysemeError where the cache is of another model or site */
export async function openTrainingSource(options: ResolvedSaeTrainOptions): Promise<TrainingSource> {
  const { activations, threads, seed } = options;
  if (activations !== undefined) return openCached(activations, options);
  const { data = 'builtin:sotu', site, column, context, contexts, bos } = options;
  const model = await loadModel(options.model ?? 'builtin:folio-5m', { threads });
  try {
    const source = await streamActivations({
      model,
      corpus: data,
      site: site!,
      column,
      context,
      contexts,
      bos,
      seed,
    });
    return { source, model, note: null };
  } catch (error) {
    await model.close();
    throw error;
  }
}

async function openCached(dir: string, options: ResolvedSaeTrainOptions): Promise<TrainingSource> {
  const source = await openCache(dir, { seed: options.seed });
  let model: Model | null = null;
  try {
    const { origin } = source;
    const refuse = (what: string, there: unknown, asked: unknown): never => {
      throw new PolysemeError(
        `${dir} holds activations of ${what} ${there}, not of ${asked}: leave option ${what} out, or make another cache`,
      );
    };
    let note: string | null = null;
    if (options.model === undefined) {
      model = await loadModel(origin.model, { threads: options.threads }).catch((error: Error) => {
        note = `the model of the activations is not at hand: ${error.message}`;
        return null;
      });
    } else model = await loadModel(options.model, { threads: options.threads });
    if (model !== null && (await modelDigest(model.files)) !== origin.modelDigest) {
      const changed = options.model === undefined || options.model === origin.model;
      refuse('model', origin.model, changed ? 'the one that is there now under this name' : options.model);
    }
    const asked = options.site;
    const site = asked && model && siteNamed(asked, model.sites, model.config.rotary !== null);
    if (asked !== undefined && (site ?? asked) !== origin.site) refuse('site', origin.site, asked);
    for (const key of ['data', 'context', 'contexts'] as const) {
      if (options[key] !== undefined && options[key] !== origin[key]) refuse(key, origin[key], options[key]);
    }
    return { source, model, note };
  } catch (error) {
    await source.close();
    await model?.close();
    throw error;
  }
}
