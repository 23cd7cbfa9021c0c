import type { ActivationSource } from '../activations/activation-source.ts';
import { openCache } from '../activations/cache.ts';
import { modelDigest } from '../activations/digest.ts';
import { streamActivations } from '../activations/stream.ts';
import type { Corpus } from '../corpus/corpus.ts';
import { firstText } from '../corpus/open-corpus.ts';
import { PolysemeError } from '../errors.ts';
import type { Model } from '../model/load-model.ts';
import { siteNamed } from '../model/sites.ts';
import { type ModelOfCall, toModel } from '../model/to-model.ts';
import type { ResolvedSaeTrainOptions } from './train-options.ts';

/** What a training reads, and the model that it is of where that is at hand. */
export interface TrainingSource {
  readonly source: ActivationSource;
  readonly model: Model | null;
  /** Why there is no model. */
  readonly note: string | null;
  /** What the activations are of: a corpus that the caller opened, or the name of one. */
  readonly data: Corpus | string;
  close(): Promise<void>;
}

/** What a caller gave, opened or by name. */
export interface GivenSources {
  readonly model?: Model | string;
  readonly data?: Corpus | string;
}

/** Opens a cache, or a model to stream from. @throws PolysemeError where the cache is of another model or site */
export async function openTrainingSource(
  options: ResolvedSaeTrainOptions,
  given: GivenSources,
): Promise<TrainingSource> {
  const { activations, device, threads, seed, ropeLayout } = options;
  if (activations !== undefined) return openCached(activations, options, given);
  const { site, column, context, contexts, bos } = options;
  const { data = 'builtin:sotu' } = given;
  const { model, release } = await toModel(given.model ?? 'builtin:folio-5m', {
    device,
    threads,
    ropeLayout,
    sample: () => firstText(data, { column }),
  });
  try {
    const source = await streamActivations({
      model,
      data,
      site: site!,
      column,
      context,
      contexts,
      bos,
      seed,
    });
    return { source, model, note: null, data, close: () => closeBoth(source, release) };
  } catch (error) {
    await release();
    throw error;
  }
}

async function closeBoth(source: ActivationSource, release: () => Promise<void>): Promise<void> {
  await source.close();
  await release();
}

async function openCached(
  dir: string,
  options: ResolvedSaeTrainOptions,
  given: GivenSources,
): Promise<TrainingSource> {
  const source = await openCache(dir, { seed: options.seed });
  let used: ModelOfCall | null = null;
  try {
    const { origin } = source;
    const refuse = (name: string, cached: unknown, asked: unknown): never => {
      throw new PolysemeError(
        `${dir} holds activations of ${name} ${cached}, not of ${asked}: leave option ${name} out, or make another cache`,
      );
    };
    let note: string | null = null;
    if (given.model === undefined) {
      used = await toModel(origin.model, options).catch((error: Error) => {
        note = `the model of the activations is not at hand: ${error.message}`;
        return null;
      });
    } else used = await toModel(given.model, options);
    const model = used?.model ?? null;
    if (model !== null && (await modelDigest(model.files)) !== origin.modelDigest) {
      const changed = options.model === undefined || options.model === origin.model;
      refuse('model', origin.model, changed ? 'the one that is there now under this name' : options.model);
    }
    const asked = options.site;
    const site = asked && model && siteNamed(asked, model.sites, model.config.rotary);
    if (asked !== undefined && (site ?? asked) !== origin.site) refuse('site', origin.site, asked);
    for (const key of ['data', 'context', 'contexts'] as const) {
      if (options[key] !== undefined && options[key] !== origin[key]) refuse(key, origin[key], options[key]);
    }
    const close = () => closeBoth(source, async () => used?.release());
    return { source, model, note, data: given.data ?? origin.data, close };
  } catch (error) {
    await closeBoth(source, async () => used?.release());
    throw error;
  }
}
