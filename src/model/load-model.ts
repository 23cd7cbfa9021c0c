import { availableParallelism } from 'node:os';
import { connect, type Remote } from '../base/worker.ts';
import type { Pixels } from '../corpus/images/image.ts';
import { PolysemeError } from '../errors.ts';
import { loadTokenizer } from '../tokenizer/load-tokenizer.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { ModelConfig } from './architectures/architecture.ts';
import { openCheckpoint } from './checkpoint.ts';
import {
  compileGroups,
  type GraphEdit,
  type LayerGroup,
  type ModelFiles,
  type Program,
  readModel,
  sitesOf,
} from './compile.ts';
import { type Device, type DeviceOption, graphFor } from './device.ts';
import type { RopeLayoutOption } from './gguf/rope-layout.ts';
import type { ModelImages } from './image-input.ts';
import { streamGroups } from './layer-groups.ts';
import { loadImageInput } from './load-image-input.ts';
import { isOnnxFile, locateModel } from './locate.ts';
import { openOnnx } from './onnx/open-onnx.ts';
import { imageRows, joinRows, tokenRows } from './rows.ts';
import type { TapData } from './session.ts';
import type { RunnerMethods } from './session-worker.ts';
import {
  rowsPerRun,
  streamTaps,
  type TapBlock,
  type TapInput,
  type TapRun,
  type TapStreamOptions,
} from './taps.ts';
import { sampleText, textLoss } from './text-loss.ts';

/** A checkpoint that runs with taps. */
export interface Model extends AsyncDisposable {
  /** The source it was loaded from, as given. */
  readonly source: string;
  readonly config: ModelConfig;
  /** Of a model of images there is none: asking for it is an error that says so. */
  readonly tokenizer: Tokenizer;
  /** How it reads images; null of a model of text. */
  readonly images: ModelImages | null;
  /** Where it runs. */
  readonly device: Device;
  /** Every site, with the width of its last axis. */
  readonly sites: ReadonlyMap<string, number>;
  readonly files: ModelFiles;
  /** What the user should know of the checkpoint, a line each: what of its files takes no part. */
  readonly notes: readonly string[];
  /** Runs all rows and returns what the taps gave, [row, position, width]; positions past a row's end are 0. */
  run(request: RunRequest): Promise<Record<string, TapData>>;
  /**
   * Runs contexts one block after another, for any number of contexts: blocks in the order of the contexts, at most
   * two runs ahead of the receiver.
   */
  stream<C extends TapInput>(
    contexts: AsyncIterable<C> | Iterable<C>,
    taps: readonly string[],
    options?: TapStreamOptions,
  ): AsyncIterable<TapBlock<C>>;
  /** Taps for several streams, or with nodes added to the model: what they hold is kept until they are closed. */
  openTaps(taps: readonly string[], edits?: readonly GraphEdit[]): OpenTaps;
  close(): Promise<void>;
}

/** A model's taps, compiled. */
export interface OpenTaps {
  /** Width of each tap's last axis. */
  readonly widths: Readonly<Record<string, number>>;
  stream<C extends TapInput>(
    contexts: AsyncIterable<C> | Iterable<C>,
    options?: TapStreamOptions,
  ): AsyncIterable<TapBlock<C>>;
  close(): Promise<void>;
}

export interface RunRequest {
  /** Token ids, a row a sequence; rows may differ in length. Of a model of images left out. */
  readonly tokens?: readonly (readonly number[] | Int32Array)[];
  /** What a model of images reads (`model.images.read`), a row an image. */
  readonly pixels?: readonly Pixels[];
  /** Sites to return, e.g. `blocks.0.mlp.hook_post`, `logits`. Only the layers that they need are computed. */
  readonly taps: readonly string[];
  /** Nodes added at sites; internal to evaluation, see GraphEdit. `key` tells two sets of edits apart. */
  readonly edits?: { readonly key: string; readonly list: readonly GraphEdit[] };
}

export interface LoadOptions {
  /** Threads of the forward pass; default all cores. */
  readonly threads?: number | undefined;
  /**
   * Where the model runs; auto: the best of `cuda`, `webgpu` and `cpu` that is there and computes right. A GPU first
   * computes a stored reference, and of each set of taps the first block as the processor does. Default `cpu`.
   */
  readonly device?: DeviceOption | undefined;
  /**
   * For weights that are larger than memory: only so many layers are loaded at a time. Contexts run through them in
   * blocks, and what goes from one group of layers to the next waits on disk, in a file of the system's folder of
   * temporary files (`TMPDIR`) that is gone when the stream ends. The values are the same. Default: all layers.
   */
  readonly weightsAtOnce?: number | undefined;
  /**
   * How Q and K lie in a GGUF file of the architecture llama, which does not tell: as llama.cpp's converter puts them
   * (interleaved), as Mistral's leaves them (half), or the one under which the model reads a text better (auto, default).
   */
  readonly ropeLayout?: RopeLayoutOption | undefined;
  /** The text that `auto` reads, where one is at hand: the corpus's. */
  readonly sample?: (() => Promise<string>) | undefined;
  /** Told in a line what is made and found. */
  readonly note?: ((line: string) => void) | undefined;
}

/** Tokens of a run of `Model.run`. */
const TOKENS_PER_RUN = 2048;

/**
 * Opens a model: a folder with `config.json`, `model.safetensors` (or shards) and `tokenizer.json`, a Hugging
 * Face id (`openai-community/gpt2`), a `.gguf` file (dequantised once into the cache), or `builtin:folio-5m`. The weights are
 * mapped, not copied.
 *
 * @throws PolysemeError when the checkpoint is missing, damaged, of an unknown architecture, or its tokenizer
 *   is another model's; (unsupported) when the device is missing, or computes wrong values
 * @example
 * const model = await loadModel('builtin:folio-5m');
 * const tokens = [[...model.tokenizer.encode('The captain of the ship')]];
 * const taps = await model.run({ tokens, taps: ['blocks.0.mlp.hook_post', 'logits'] });
 * console.log(taps['logits']!.shape); // [1, 5, 8192]
 * await model.close();
 */
export async function loadModel(source: string, options: LoadOptions = {}): Promise<Model> {
  const { path, origin } = await locateModel(source, {
    ropeLayout: options.ropeLayout ?? 'auto',
    note: options.note ?? (() => {}),
    async lossOf(folder) {
      const { threads, weightsAtOnce } = options;
      const model = await loadModel(folder, { threads, weightsAtOnce });
      return textLoss(model, await sampleText(options.sample)).finally(() => model.close());
    },
  });
  const files = isOnnxFile(path)
    ? await openOnnx(path)
    : readModel({ ...(await openCheckpoint(path)), origin });
  const notes = [...files.notes];
  const images = await loadImageInput(files.dir, files.model);
  const tokenizer =
    images === null
      ? await loadTokenizer(files.dir, {
          isEncoder: files.model.bidirectional,
          vocabulary: files.model.vocabulary,
          note: (line) => notes.push(line),
        })
      : null;
  let worker: Remote<RunnerMethods> | null = null;
  const start = (): Remote<RunnerMethods> =>
    connect<RunnerMethods>(new URL('./session-worker.js', import.meta.url));
  let device: Device = 'cpu';
  if (options.device !== undefined && options.device !== 'cpu') {
    worker = start();
    const chosen = await provenDevice(worker, options.device);
    device = chosen.device;
    notes.push(...chosen.notes);
  }
  for (const line of notes) options.note?.(line);
  const threads = options.threads ?? availableParallelism();
  // The nodes of a foreign graph may add up in another order where rows are longer.
  const sameLength = files.graph !== undefined;
  const compiled = (taps: readonly string[], edits: readonly GraphEdit[] = []): LayerGroup[] =>
    compileGroups(files, checkTaps(taps), edits, options.weightsAtOnce, graphFor(device));
  const known = new Map<string, LayerGroup[]>();
  let opened = 0;
  let closed = false;
  /** A program on the worker, which keeps its session by `key`. @param spare memory that taps may lie in */
  const runOf =
    (key: string, program: Program, spare: ArrayBuffer[] = []): TapRun =>
    async (tokens, batch, length, _, inputs) => {
      if (closed) throw new PolysemeError('the model was closed: load it again');
      const missing = program.inputs.find((name) => name !== 'tokens' && !(name in inputs));
      if (missing === 'pixels') throw new PolysemeError(`${source} reads images, but the contexts are text`);
      if (missing !== undefined) throw new PolysemeError(`contexts lack the input ${missing} of an edit`);
      worker ??= start();
      // What a GPU gives comes in memory of its own.
      const own = device === 'cpu' ? spare.splice(0) : [];
      const request = { key, program, tokens, batch, length, inputs, spare: own, threads, device };
      return worker.call('run', request, own);
    };
  const release = async (key: string): Promise<void> => {
    if (!closed) await worker?.call('release', key);
  };
  const keyOf = (key: string, group: number): string => `${key}, group ${group}`;
  /** Streams through the sessions of a key, one for each group of layers. */
  const streamOf =
    (key: string, groups: readonly LayerGroup[]): OpenTaps['stream'] =>
    (contexts, given) => {
      const options = { ...given, sameLength };
      const running = groups.map((group, g) => ({
        group,
        run: runOf(keyOf(key, g), group, groups.length === 1 ? given?.spare : undefined),
        release: () => release(keyOf(key, g)),
      }));
      return running.length === 1
        ? streamTaps(contexts, running[0]!.run, options)
        : streamGroups(contexts, running, options);
    };
  const openTaps: Model['openTaps'] = (taps, edits) => {
    const groups = compiled(taps, edits);
    const key = `taps ${opened++}`;
    return {
      widths: widthsOf(groups),
      stream: streamOf(key, groups),
      async close() {
        for (const g of groups.keys()) await release(keyOf(key, g));
      },
    };
  };
  const model: Model = {
    source,
    config: files.model,
    get tokenizer() {
      if (tokenizer !== null) return tokenizer;
      throw new PolysemeError(
        `${source} reads images (a ${files.model.architecture} model): it has no tokenizer, and this needs text`,
        'unsupported',
      );
    },
    images,
    device,
    files,
    notes,
    sites: sitesOf(files),
    async run({ tokens, pixels, taps, edits }) {
      const contexts =
        images === null ? tokenRows(tokens ?? [], files.model) : imageRows(pixels ?? [], images);
      const length = Math.max(...contexts.map((context) => context.tokens.length));
      const key = JSON.stringify([taps, edits?.key ?? '']);
      const groups = known.get(key) ?? compiled(taps, edits?.list);
      known.set(key, groups);
      const rows = rowsPerRun(length, TOKENS_PER_RUN);
      return joinRows(streamOf(key, groups)(contexts, { rows }), widthsOf(groups), contexts.length, length);
    },
    async *stream(contexts, taps, options) {
      const open = openTaps(taps);
      try {
        yield* open.stream(contexts, options);
      } finally {
        await open.close();
      }
    },
    openTaps,
    async close() {
      closed = true;
      await worker?.close();
    },
    [Symbol.asyncDispose]: () => model.close(),
  };
  return model;
}

/** The device that an option means, proven in the thread that will run the model; where there is none, the thread ends. */
async function provenDevice(
  worker: Remote<RunnerMethods>,
  option: DeviceOption,
): Promise<{ readonly device: Device; readonly notes: readonly string[] }> {
  // CUDA's libraries round products to TF32 unless the environment says so; a thread's own environment is a copy.
  if (option !== 'webgpu') process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';
  try {
    return await worker.call('prove', option);
  } catch (error) {
    await worker.close();
    throw error;
  }
}

/** Width of each tap that was asked for. */
function widthsOf(groups: readonly LayerGroup[]): OpenTaps['widths'] {
  return Object.fromEntries(
    groups.flatMap(({ taps, widths }) => taps.map((tap) => [tap, widths[tap]!] as const)),
  );
}

function checkTaps(taps: readonly string[]): readonly string[] {
  if (taps.length === 0) throw new PolysemeError('taps is empty: name at least one site, e.g. logits');
  return taps;
}
