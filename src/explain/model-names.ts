import type { LongCall } from '../base/progress.ts';
import { checkAborted } from '../base/progress.ts';
import { PolysemeError } from '../errors.ts';
import type { Study } from '../study/study.ts';
import type { Ask, Endpoint } from './chat.ts';
import type { KeptResults } from './explained.ts';
import { type ModelName, nameByModel, type ShownExample, type ShownPlace } from './namer.ts';
import { type UnitModelNames, unitModelNames } from './results.ts';

/** Of the prompts and of what is kept: another version names anew. */
const VERSION = 1;
/** What the last names of each unit are kept as. */
export const LAST_NAMES = `last model names ${VERSION}`;

/**
 * Names of a unit's features by a language model, scored. Names that were made before, by the same model at the same address, are
 * not made again.
 *
 * @throws PolysemeError (not-found) where there is no such unit; (unreachable) where the model gives no answer
 */
export async function modelNames(
  { study, results }: { readonly study: Study; readonly results: KeptResults },
  { bank, index }: { readonly bank: string; readonly index: number },
  { ask, url, model }: Pick<Endpoint, 'url' | 'model'> & { readonly ask: Ask },
  { signal, onProgress }: LongCall = {},
): Promise<UnitModelNames> {
  const key = { kind: `model names ${VERSION}`, key: JSON.stringify([url, model, bank, index]) };
  const known = results.read(key, unitModelNames);
  const names = known ?? { bank, index, model, features: await namedFeatures() };
  if (known === null) results.write(key, names);
  results.write(lastKey(bank, index), names);
  return names;

  async function namedFeatures(): Promise<UnitModelNames['features']> {
    const features = shownFeatures(study, bank, index);
    const random = randomPlaces(study);
    const named: UnitModelNames['features'] = [];
    for (const [feature, examples] of features.entries()) {
      checkAborted(signal);
      if (examples.length > 0) {
        const [name] = await nameByModel({ ask, features, random, wanted: [feature] });
        named.push({ feature, ...(name as ModelName) });
      }
      onProgress?.({
        stage: `${bank}/${index}`,
        done: feature + 1,
        total: features.length,
        unit: 'features',
      });
    }
    return named;
  }
}

/** The last names that a language model gave a unit's features, as they were kept; null where there are none. */
export function keptModelNames(results: KeptResults, bank: string, index: number): UnitModelNames | null {
  return results.read(lastKey(bank, index), unitModelNames);
}

function lastKey(bank: string, index: number) {
  return { kind: LAST_NAMES, key: `${bank}/${index}` };
}

/** Examples of each feature of a unit as a language model is shown them, strays left out. */
export function shownFeatures(study: Study, bank: string, index: number): ShownExample[][] {
  const { features } = study.unit(bank, index);
  const { stray } = study.features(study.detail(bank, index));
  return features.map(({ examples }) => examples.filter(({ id }) => stray?.[id] !== 1));
}

/** Random text positions of a study; of one of an older version none. */
function randomPlaces(study: Study): ShownPlace[] {
  const sample = study.textSample();
  if (sample === null) return [];
  const { offset, tokens, position } = sample;
  return Array.from(position, (at, i) => ({
    tokens: study.texts(tokens.subarray(offset[i]!, offset[i + 1]!)).tokens,
    position: at,
  }));
}

/**
 * The units that are asked about: one, or the first of those that are several things, by their effective features.
 * @throws PolysemeError where the study is of images, or has no such unit
 */
export function askedUnits(
  study: Study,
  unit: { readonly bank: string; readonly index: number } | undefined,
  count: number,
): { bank: string; index: number }[] {
  if ('image' in study.info().model) {
    throw new PolysemeError(
      `${study.path} is of images, and a language model is asked about passages of text: its features are named by what their images show`,
      'unsupported',
    );
  }
  if (unit !== undefined) return [unit];
  const units = study
    .units({ sort: 'effectiveFeatures', descending: true })
    .filter(({ featureCount }) => (featureCount ?? 0) > 1);
  if (units.length === 0) {
    throw new PolysemeError(`${study.path} has no unit with several features`, 'not-found');
  }
  return units.slice(0, count).map(({ bank, index }) => ({ bank, index }));
}
