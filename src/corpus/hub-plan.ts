import { PolysemeError } from '../errors.ts';
import type { HubFile } from '../hub/hub.ts';
import { byCodeUnits } from './local.ts';

/** What `hf:owner/name[@revision][:config[:split]]` says. */
export interface HubSource {
  name: string;
  revision?: string;
  config?: string;
  split: string;
}

/** Which Parquet files make up one split of one configuration of a hub dataset. */
export interface HubPlan {
  config: string;
  split: string;
  /** in reading order */
  files: HubFile[];
}

/** Splits that a file or folder name may stand for without `-00000-of-00002` behind it, and how they are called. */
const SPLIT_WORDS: Record<string, string> = {
  train: 'train',
  training: 'train',
  validation: 'validation',
  valid: 'validation',
  val: 'validation',
  dev: 'validation',
  test: 'test',
  testing: 'test',
  eval: 'test',
  evaluation: 'test',
};
const DEFAULT = 'default';
/** Most configurations or splits that an error lists. */
const LISTED = 40;

export function parseHubSource(source: string): HubSource {
  const parts = /^hf:([\w.-]+\/[\w.-]+)(?:@([^:\s]+))?(?::([^:\s]*))?(?::([^:\s]+))?$/.exec(source);
  if (!parts) {
    throw new PolysemeError(`${source}: a hub dataset is written hf:owner/name[@revision][:config[:split]]`);
  }
  const [, name, revision, config, split = 'train'] = parts;
  return { name: name!, revision, config: config || undefined, split };
}

/**
 * The files of a configuration and split, by the hub's naming conventions:
 * `data/train-00000-of-00002.parquet`, `CONFIG/SPLIT-*.parquet`, `CONFIG/SPLIT/*.parquet`, `train.parquet`.
 * A file that names no split counts as `train`; one in no folder but `data` belongs to `default`.
 * Without a configuration asked for: `default`, else the only one.
 *
 * @throws PolysemeError that lists the configurations or the splits there are
 */
export function planHubFiles(files: HubFile[], { name, config, split }: HubSource): HubPlan {
  const configs = new Map<string, Map<string, HubFile[]>>();
  for (const file of [...files].sort((a, b) => byCodeUnits(a.path, b.path))) {
    const named = splitOf(file.path);
    if (!named) continue;
    const splits = configs.get(named.config) ?? new Map<string, HubFile[]>();
    splits.set(named.split, [...(splits.get(named.split) ?? []), file]);
    configs.set(named.config, splits);
  }
  const names = [...configs.keys()];
  if (names.length === 0)
    throw new PolysemeError(`hf:${name}: the dataset has no Parquet files`, 'not-found');
  const chosen = config ?? (configs.has(DEFAULT) || names.length > 1 ? DEFAULT : names[0]!);
  const splits = configs.get(chosen);
  if (!splits) {
    const what = config === undefined ? 'choose a configuration' : `no configuration "${config}"`;
    throw new PolysemeError(`hf:${name}: ${what}; there are ${list(names)} (hf:${name}:${names[0]})`);
  }
  const found = splits.get(split) ?? splits.get(SPLIT_WORDS[split] ?? '');
  if (!found) {
    const [first] = splits.keys();
    throw new PolysemeError(
      `hf:${name}: configuration "${chosen}" has no split "${split}"; there are ${list([...splits.keys()])} (hf:${name}:${chosen}:${first})`,
      'not-found',
    );
  }
  return { config: chosen, split, files: found };
}

/** The configuration and split that a file's path stands for; undefined where it is not Parquet. */
function splitOf(path: string): { config: string; split: string } | undefined {
  const folders = path.split('/');
  const file = folders.pop()!;
  if (!file.endsWith('.parquet') || folders.some((folder) => folder.startsWith('.'))) return undefined;
  const stem = file.slice(0, -'.parquet'.length);
  const numbered = /^(.*?)-\d{5}-of-\d{5}(?:-[0-9a-f]+)?$/.exec(stem);
  // The hub's own conversion once wrote DATASET-SPLIT-00000-of-00002; a split's name has no hyphen.
  let split = numbered ? numbered[1]!.split('-').pop()! : splitWord(stem);
  const last = folders.at(-1);
  if (!split && last !== undefined) {
    // CONFIG/SPLIT/0000.parquet is how the hub converts datasets; partial-SPLIT where only a part was.
    const folder = last.replace(/^partial-/, '');
    const converted = /^\d{4}$/.test(stem) && folders.length > 1;
    split = SPLIT_WORDS[folder] ?? (converted ? folder : undefined);
    if (split) folders.pop();
  }
  if (folders[0] === 'data' && folders.length === 1) folders.pop();
  return { config: folders.join('/') || DEFAULT, split: split || 'train' };
}

/** The split that a file name mentions as a word of its own: `train`, `wiki_test`, `dev-1`. */
function splitWord(stem: string): string | undefined {
  const words = stem.toLowerCase().split(/[^a-z]+/);
  const word = words.findLast((candidate) => Object.hasOwn(SPLIT_WORDS, candidate));
  return word === undefined ? undefined : SPLIT_WORDS[word];
}

function list(names: string[]): string {
  const rest = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
  return names.slice(0, LISTED).join(', ') + rest;
}
