import { createHash } from 'node:crypto';
import { mkdir, utimes } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { digestFiles, type FileDigest, fileStamp } from '../../base/file-digest.ts';
import { writeWhole } from '../../base/files.ts';
import { makeRoom } from '../../base/folder-size.ts';
import { readJsonObject } from '../../base/json-file.ts';
import { PolysemeError } from '../../errors.ts';
import type { Origin } from '../origin.ts';
import { makeCheckpoint, type PlannedCheckpoint } from './convert.ts';
import { convertedModels } from './converted-models.ts';
import type { Metadata } from './metadata.ts';
import type { Gguf } from './open-gguf.ts';
import { describeTypes, familyOf, hasRopeLayout, planTensors, type RopeLayout } from './plan.ts';
import { readGguf } from './read-gguf.ts';
import { chooseLayout, describeLosses, type RopeLayoutOption } from './rope-layout.ts';

export interface GgufOptions {
  readonly ropeLayout: RopeLayoutOption;
  /** Mean loss per token of the checkpoint in a folder, on a text that is the same for each. */
  lossOf(dir: string): Promise<number>;
  /** What is done and found, in lines. */
  note(line: string): void;
}

/** The folder of the checkpoint that a GGUF file was made into. */
export interface GgufModel {
  readonly dir: string;
  readonly origin: Origin;
}

/** Other where the same file becomes another checkpoint. */
const VERSION = 1;
/** Bytes of all that were made: those that were not used for longest make room. */
const MOST_BYTES = 64e9;
/** Bytes of what is remembered of a file. */
const MAX_MEMO = 1 << 16;

/**
 * Makes a GGUF file into a checkpoint of 32-bit floats in the cache of Hugging Face's libraries (`HF_ASSETS_CACHE`), once:
 * a folder there is called after the digest of the file.
 */
export async function openGgufModel(path: string, options: GgufOptions): Promise<GgufModel> {
  const { gguf, meta, config, tokenizer, beside } = await readGguf(path);
  const cache = convertedModels();
  const files = [...gguf.files, ...(beside === null ? [] : [beside])].map((file) => resolve(file));
  const base = join(cache, `${await digestOf(files, cache)}-v${VERSION}`);
  const quantisation = describeTypes(gguf);
  const json = {
    'config.json': config,
    'tokenizer.json': tokenizer.tokenizer,
    'tokenizer_config.json': tokenizer.config,
  };
  const make = async (layout: RopeLayout): Promise<string> => {
    const dir = join(base, layout);
    const other = join(base, layout === 'half' ? 'interleaved' : 'half');
    await makeCheckpoint(dir, planFiles(gguf, meta, { layout, other, json }), (bytes) =>
      options.note(`${path}: dequantising (${quantisation}) to ${(bytes / 1e6).toFixed(0)} MB in ${dir}`),
    );
    // Its time says when it was last used.
    await utimes(base, new Date(), new Date()).catch(() => {});
    await makeRoom(cache, MOST_BYTES, base);
    return dir;
  };
  if (!hasRopeLayout(familyOf(meta))) {
    if (options.ropeLayout !== 'auto') throw noChoice(path, meta.architecture);
    return { dir: await make('half'), origin: { files, facts: { format: 'gguf', quantisation } } };
  }
  const layout = options.ropeLayout === 'auto' ? await decide(meta, base, make, options) : options.ropeLayout;
  return {
    dir: await make(layout),
    origin: { files, facts: { format: 'gguf', quantisation, ropeLayout: layout } },
  };
}

/** The error for option rope-layout where there is nothing to choose. */
export function noChoice(source: string, architecture?: string): PolysemeError {
  const why = architecture === undefined ? 'is no GGUF file' : `is of the architecture ${architecture}`;
  return new PolysemeError(
    `${source} ${why}: --rope-layout is for GGUF files of the architecture llama, leave it out`,
  );
}

/** Compares the two layouts, once for each file. */
async function decide(
  meta: Metadata,
  base: string,
  make: (layout: RopeLayout) => Promise<string>,
  { lossOf, note }: GgufOptions,
): Promise<RopeLayout> {
  const memo = join(base, 'rope-layout.json');
  const known = await readJsonObject(memo, MAX_MEMO).catch(() => null);
  let losses = { interleaved: Number(known?.['interleaved']), half: Number(known?.['half']) };
  const isKnown = Number.isFinite(losses.interleaved) && Number.isFinite(losses.half);
  if (!isKnown)
    losses = { interleaved: await lossOf(await make('interleaved')), half: await lossOf(await make('half')) };
  const layout = chooseLayout(meta.label, losses, meta.shape('token_embd.weight')[0]!);
  if (!isKnown) await writeWhole(memo, [`${JSON.stringify(losses)}\n`]);
  note(`${meta.label}: rotary positions ${layout} (${describeLosses(losses)}; --rope-layout chooses)`);
  return layout;
}

interface Planning {
  readonly layout: RopeLayout;
  /** The folder of the other layout, which has the same weights but for Q and K. */
  readonly other: string;
  readonly json: Readonly<Record<string, object>>;
}

function planFiles(gguf: Gguf, meta: Metadata, { layout, other, json }: Planning): PlannedCheckpoint {
  const tensors = planTensors(gguf, meta, layout);
  if (!hasRopeLayout(familyOf(meta))) return { json, weights: { 'model.safetensors': tensors } };
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
  const isRotated = (name: string): boolean => /\.[qk]_proj\.\w+$/.test(name);
  const shardOf = (name: string): string => (isRotated(name) ? shards[1] : shards[0]);
  const weightMap = Object.fromEntries(tensors.map(({ name }) => [name, shardOf(name)]));
  return {
    json: { ...json, 'model.safetensors.index.json': { metadata: {}, weight_map: weightMap } },
    weights: {
      [shards[0]]: tensors.filter(({ name }) => !isRotated(name)),
      [shards[1]]: tensors.filter(({ name }) => isRotated(name)),
    },
    shared: { dir: other, name: shards[0] },
  };
}

/** One digest of files; those that have the size and the time that they had are not read again. */
async function digestOf(files: readonly string[], cache: string): Promise<string> {
  const sums: string[] = [];
  for (const file of files) {
    const memo = join(cache, 'seen', `${sha256(file).slice(0, 32)}.json`);
    const known = (await readJsonObject(memo, MAX_MEMO).catch(() => null)) as FileDigest | null;
    const [digest] = await digestFiles([file], known === null ? [] : [known]);
    if (known?.sha256 !== digest!.sha256 || known.time !== digest!.time) {
      await mkdir(dirname(memo), { recursive: true }).catch((error: Error) => {
        throw new PolysemeError(
          `cannot write ${cache}: ${error.message}; HF_ASSETS_CACHE names another folder`,
        );
      });
      await writeWhole(memo, [`${JSON.stringify({ ...(await fileStamp(file)), sha256: digest!.sha256 })}\n`]);
    }
    sums.push(digest!.sha256);
  }
  return (sums.length === 1 ? sums[0]! : sha256(sums.join('\n'))).slice(0, 40);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
