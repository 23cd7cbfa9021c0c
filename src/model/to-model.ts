import { checkModel } from './check-model.ts';
import { type LoadOptions, loadModel, type Model } from './load-model.ts';

/** A model during one long call. */
export interface ModelOfCall {
  readonly model: Model;
  /** Closes the model if it was loaded for this call; one that the caller gave stays open. */
  release(): Promise<void>;
}

/**
 * The model that a call was given, or the one that it was given the name of, loaded and checked: what all that computes with
 * a model goes through.
 * @throws PolysemeError (damaged) where what holds in every model does not (`checkModel`)
 */
export async function toModel(model: Model | string, options: LoadOptions = {}): Promise<ModelOfCall> {
  if (typeof model !== 'string') return { model, release: async () => {} };
  const loaded = await loadModel(model, options);
  try {
    await checkModel(loaded);
  } catch (error) {
    await loaded.close();
    throw error;
  }
  return { model: loaded, release: () => loaded.close() };
}

/** The name that a model or a corpus was opened by. */
export function nameOf<T extends { readonly source: string }>(
  given: T | string | undefined,
): string | undefined {
  return typeof given === 'object' ? given.source : given;
}
