import { PolysemeError } from '../errors.ts';
import { createFitting, type Fit } from '../tokenizer/fit-vocabulary.ts';
import { loadTokenizer } from '../tokenizer/load-tokenizer.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { KNOWN_MODELS, type KnownType } from './architectures/known.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { type ModelFiles, readModel, sitesOf } from './compile.ts';
import { familyOf, hasRopeLayout, planTensors } from './gguf/plan.ts';
import { readGguf } from './gguf/read-gguf.ts';
import { loadImageInput } from './load-image-input.ts';
import { isGgufFile, isOnnxFile, resolveModel } from './locate.ts';
import { openOnnx } from './onnx/open-onnx.ts';
import { type OnnxSummary, onnxSummary } from './onnx/summary.ts';

/** What a checkpoint holds, and whether it can be run. */
export interface ModelDescription {
  readonly source: string;
  /** config.json's `model_type`; null where there is none. */
  readonly modelType: string | null;
  /** Its name in `polyseme models`; null where it is not known. */
  readonly family: string | null;
  /** Whether it can be run. */
  readonly runs: boolean;
  /** Why it can't be run; null where it can. */
  readonly reason: string | null;
  readonly weights: {
    readonly tensors: number;
    readonly bytes: number;
    /** Tensors of each type, e.g. `{ BF16: 148 }`. */
    readonly types: Readonly<Record<string, number>>;
  };
  /** What config.json describes; null where it can't be read. */
  readonly model: {
    readonly layers: number;
    readonly width: number;
    /** Null of an ONNX file, whose attention is not looked into, and of a model that has none. */
    readonly heads: number | null;
    readonly kvHeads: number | null;
    /** Neurons of one layer, and of all. */
    readonly mlpWidth: number;
    readonly units: number;
    readonly activation: string;
    readonly gated: boolean;
    /** Of one that reads images the width of its logits. */
    readonly vocabulary: number;
    readonly images: boolean;
    readonly contextLength: number;
    readonly bidirectional: boolean;
  } | null;
  /** Every site with its width; none where config.json can't be read. */
  readonly sites: Readonly<Record<string, number>>;
  /** Of an ONNX file: its graph, and where its MLPs are. */
  readonly onnx: OnnxSummary | null;
  /** What should be known besides. */
  readonly notes: readonly string[];
}

/**
 * Reads a model's files without running it: a folder, a `.gguf` or `.onnx` file, a hub id (which is downloaded) or `builtin:NAME`.
 *
 * @throws PolysemeError where there is no such model, or its files are damaged
 * @example
 * const { model, runs } = await inspectModel('builtin:folio-5m');
 * console.log(runs, model?.layers, model?.units); // true 4 4096
 */
export async function inspectModel(source: string): Promise<ModelDescription> {
  if (isOnnxFile(source)) return inspectOnnx(source, await resolveModel(source));
  const { checkpoint, tokenizer, weights, notes } = isGgufFile(source)
    ? await openGgufFile(source)
    : await openFolder(await resolveModel(source));
  const type = checkpoint.config['model_type'];
  const modelType = typeof type === 'string' ? type : null;
  const known =
    modelType !== null && Object.hasOwn(KNOWN_MODELS, modelType)
      ? KNOWN_MODELS[modelType as KnownType]
      : null;
  const files = refusal(() => readModel(checkpoint));
  const said = [...notes, ...('reason' in files ? [] : files.notes)];
  const tokens =
    'reason' in files
      ? files
      : await readerRefusal(files, (fit) => tokenizer({ ...fit, note: (line) => said.push(line) }));
  return {
    source,
    modelType,
    family: known?.family ?? null,
    runs: !('reason' in files) && tokens === null,
    reason: 'reason' in files ? files.reason : (tokens?.reason ?? null),
    weights,
    model: 'reason' in files ? null : describe(files),
    sites: 'reason' in files ? {} : Object.fromEntries(sitesOf(files)),
    onnx: null,
    notes: said,
  };
}

async function inspectOnnx(source: string, path: string): Promise<ModelDescription> {
  const files = await openOnnx(path).catch(refused);
  const tokens =
    'reason' in files ? files : await readerRefusal(files, (fit) => loadTokenizer(files.dir, fit));
  return {
    source,
    modelType: null,
    family: 'ONNX file',
    runs: tokens === null,
    reason: tokens?.reason ?? null,
    weights: weightsOf('reason' in files ? { tensors: new Map() } : files),
    model: 'reason' in files ? null : { ...describe(files), heads: null, kvHeads: null },
    sites: 'reason' in files ? {} : Object.fromEntries(sitesOf(files)),
    onnx: 'reason' in files ? null : onnxSummary(files.description),
    notes: 'reason' in files ? [] : files.notes,
  };
}

/** A model's files, and what is read of them where they are inspected. */
interface Opened {
  readonly checkpoint: Checkpoint;
  readonly weights: ModelDescription['weights'];
  readonly notes: readonly string[];
  tokenizer(fit: Fit): Promise<Tokenizer> | Tokenizer;
}

async function openFolder(dir: string): Promise<Opened> {
  const checkpoint = await openCheckpoint(dir);
  return {
    checkpoint,
    weights: weightsOf(checkpoint),
    notes: [],
    tokenizer: (fit) => loadTokenizer(dir, fit),
  };
}

/** As the checkpoint that would be made of it. */
async function openGgufFile(path: string): Promise<Opened> {
  const { gguf, meta, config, tokenizer } = await readGguf(path);
  const types: Record<string, number> = {};
  let bytes = 0;
  for (const { type, length } of gguf.tensors.values()) {
    types[type.name] = (types[type.name] ?? 0) + 1;
    bytes += length;
  }
  const tensors = planTensors(gguf, meta, 'half').map(({ name, shape, from }) => {
    const length = shape.reduce((product, n) => product * n, 4);
    return [name, { file: from.file, dtype: 'F32' as const, shape, offset: 0, length }] as const;
  });
  return {
    checkpoint: { dir: path, config, tensors: new Map(tensors) },
    weights: { tensors: gguf.tensors.size, bytes, types },
    notes: hasRopeLayout(familyOf(meta))
      ? [
          'the file does not say how its rotary positions lie: --rope-layout, or what is found when it is first loaded',
        ]
      : [],
    tokenizer: (fit) =>
      createFitting({ ...tokenizer, tokenizerConfig: tokenizer.config, modelConfig: config, path }, fit),
  };
}

interface Refusal {
  readonly reason: string;
}

function refusal<T>(work: () => T): T | Refusal {
  try {
    return work();
  } catch (error) {
    return refused(error);
  }
}

/** Why it cannot be run; a damaged file is no model at all. */
function refused(error: unknown): Refusal {
  if (error instanceof PolysemeError && error.code !== 'damaged') return { reason: error.message };
  throw error;
}

/** What is wrong with its tokenizer, or with how it reads images. */
async function readerRefusal(
  { dir, model }: ModelFiles,
  load: (fit: Fit) => Promise<Tokenizer> | Tokenizer,
): Promise<Refusal | null> {
  try {
    const images = await loadImageInput(dir, model);
    if (images === null) await load({ vocabulary: model.vocabulary });
    return null;
  } catch (error) {
    if (error instanceof PolysemeError) return { reason: error.message };
    throw error;
  }
}

function weightsOf({ tensors }: Pick<Checkpoint, 'tensors'>): ModelDescription['weights'] {
  const types: Record<string, number> = {};
  let bytes = 0;
  for (const { dtype, length } of tensors.values()) {
    types[dtype] = (types[dtype] ?? 0) + 1;
    bytes += length;
  }
  return { tensors: tensors.size, bytes, types };
}

function describe(files: ModelFiles): NonNullable<ModelDescription['model']> {
  const { model } = files;
  const { layers, width, heads, kvHeads, mlpWidth, activation, gated, vocabulary, contextLength } = model;
  const sites = sitesOf(files);
  const units = Array.from({ length: layers }, (_, l) => `blocks.${l}.mlp.`)
    .flatMap((at) => [sites.get(`${at}hook_post`)!, sites.get(`${at}shared.hook_post`) ?? 0])
    .reduce((a, b) => a + b);
  const { bidirectional } = model;
  const attends = [...sites.keys()].some((site) => site.endsWith('.hook_attn_out'));
  return {
    layers,
    width,
    heads: attends ? heads : null,
    kvHeads: attends ? kvHeads : null,
    mlpWidth,
    units,
    activation,
    gated,
    vocabulary,
    images: model.image !== undefined,
    contextLength,
    bidirectional,
  };
}
