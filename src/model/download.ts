import { join } from 'node:path';
import { type ErrorCode, PolysemeError } from '../errors.ts';
import { type DownloadOptions, downloadAll, openHubRepository, parseHubId } from '../hub/hub.ts';
import { readHubSettings } from '../hub/hub-settings.ts';
import { CONFIG, noWeights, readShardNames, TOKENIZER, WEIGHTS, WEIGHTS_INDEX } from './checkpoint.ts';
import { PREPROCESSOR } from './image-input.ts';

const TOKENIZER_CONFIG = 'tokenizer_config.json';

/**
 * Downloads what a model needs into the standard cache (`config.json`, `tokenizer.json`, `tokenizer_config.json`
 * where there is one, and the safetensors weights) and gives the snapshot's folder. What the cache holds is not
 * fetched again; offline, a complete cache is enough.
 * `id` is `owner/name` or `owner/name@revision`.
 */
export async function downloadModel(
  id: string,
  options: DownloadOptions & { revision?: string } = {},
): Promise<string> {
  const { name, revision = options.revision } =
    parseHubId(id) ?? fail(`${JSON.stringify(id)} is no hub id (owner/name)`, 'bad-input');
  const settings = readHubSettings();
  const repository = await openHubRepository({ type: 'model', name, revision }, settings);
  const { files, listed, dir } = repository;
  // A model of images has no tokenizer, but says how it reads them.
  const reader = files.has(TOKENIZER) || !files.has(PREPROCESSOR) ? TOKENIZER : PREPROCESSOR;
  if (!listed) {
    const missing = [CONFIG, reader].find((file) => !files.has(file));
    const weights =
      files.has(WEIGHTS) || files.has(WEIGHTS_INDEX) ? missing : (missing ?? 'its safetensors weights');
    if (weights !== undefined) {
      fail(`the cache ${settings.cacheDir} lacks ${weights} of ${name}, and ${repository.offline}`);
    }
  }
  for (const file of [CONFIG, reader]) {
    if (!files.has(file)) fail(`the model ${name} has no ${file}; its files: ${some(files.keys())}`);
  }
  if (!files.has(WEIGHTS) && !files.has(WEIGHTS_INDEX))
    throw noWeights(`the model ${name}`, new Set(files.keys()));

  const small = [CONFIG, TOKENIZER, TOKENIZER_CONFIG, PREPROCESSOR].filter((file) => files.has(file));
  await downloadAll(repository, small, options);
  if (files.has(WEIGHTS)) {
    await downloadAll(repository, [WEIGHTS], options);
    return dir;
  }
  await downloadAll(repository, [WEIGHTS_INDEX], options);
  const shards = await readShardNames(join(dir, WEIGHTS_INDEX));
  for (const shard of shards) {
    if (files.has(shard)) continue;
    fail(
      listed
        ? `the model ${name} has no ${shard}, which its ${WEIGHTS_INDEX} names`
        : `the cache ${settings.cacheDir} lacks ${shard} of ${name}, and ${repository.offline}`,
    );
  }
  await downloadAll(repository, shards, options);
  return dir;
}

function some(names: Iterable<string>): string {
  const all = [...names];
  return all.slice(0, 8).join(', ') + (all.length > 8 ? ` and ${all.length - 8} more` : '');
}

function fail(message: string, code: ErrorCode = 'not-found'): never {
  throw new PolysemeError(message, code);
}
