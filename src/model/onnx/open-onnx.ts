import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { readJsonObject } from '../../base/json-file.ts';
import { PolysemeError } from '../../errors.ts';
import type { TensorRef } from '../../tensors/safetensors.ts';
import type { Architecture, MlpNames, ModelConfig, NeuronMatrix } from '../architectures/architecture.ts';
import { CONFIG, MAX_CONFIG, TOKENIZER } from '../checkpoint.ts';
import { compile, type ModelFiles, sitesOf } from '../compile.ts';
import { openBackend } from '../open-backend.ts';
import { Session } from '../session.ts';
import { describeOnnx, type OnnxDescription } from './describe.ts';
import type { Neurons } from './find-mlps.ts';
import { fillInputs } from './inputs.ts';
import { builderOptions, replay } from './replay.ts';

/** Longest context where nothing says it. */
const DEFAULT_CONTEXT = 2048;

/**
 * Opens an ONNX file as a model whose graph is the file's own. `tokenizer.json` and `config.json` lie beside it, or in
 * the folder above, as on the hub.
 */
export async function openOnnx(path: string): Promise<ModelFiles> {
  const description = describeOnnx(resolve(path));
  const dir = folderOf(description.file.path);
  const config = existsSync(join(dir, CONFIG)) ? await readJsonObject(join(dir, CONFIG), MAX_CONFIG) : {};
  const refs = [...description.file.tensors].filter(([, { ref }]) => ref !== null);
  const tensors = new Map<string, TensorRef>(refs.map(([name, { ref }]) => [name, ref!]));
  const filesWith = (bidirectional: boolean): ModelFiles => {
    const model = modelConfig(description, config, bidirectional);
    const architecture = onnxArchitecture(description, model);
    const { notes } = description;
    return { dir, config, tensors, graph: description.file.path, architecture, model, named: tensors, notes };
  };
  return filesWith(await seesAhead(filesWith(false)));
}

// ----------------------------------------------------------------

function folderOf(path: string): string {
  const dir = dirname(path);
  return [dir, dirname(dir)].find((folder) => existsSync(join(folder, TOKENIZER))) ?? dir;
}

function modelConfig(
  { file, blocks, positions, centresNorms, sites }: OnnxDescription,
  config: Readonly<Record<string, unknown>>,
  bidirectional: boolean,
): ModelConfig {
  const [first] = blocks as [(typeof blocks)[number]];
  const { embedding, others } = positions;
  const rows = others.filter((table) => table.rows > 2).map((table) => table.rows);
  // Positions that are counted from the padding's id on, as in RoBERTa and OPT, leave out the first rows.
  const counted = file.nodes.some(({ op }) => op === 'CumSum');
  const padding = config['pad_token_id'];
  const skipped = counted && rows.length > 0 ? (typeof padding === 'number' ? padding : 1) + 1 : 0;
  const limits = ['max_position_embeddings', 'n_positions', 'n_ctx']
    .map((key) => config[key])
    .filter((value): value is number => Number.isInteger(value) && (value as number) > 0);
  const contextLength =
    Math.min(...(rows.length + limits.length === 0 ? [DEFAULT_CONTEXT] : [...rows, ...limits])) - skipped;
  return {
    architecture: 'onnx',
    layers: blocks.length,
    width: first.width,
    heads: 1,
    kvHeads: 1,
    headDim: first.width,
    mlpWidth: first.units,
    vocabulary: embedding?.rows ?? sites.find(({ site }) => site === 'logits')?.width ?? 1,
    contextLength: Math.max(1, contextLength),
    norm: { kind: centresNorms ? 'layernorm' : 'rmsnorm', epsilon: 1e-5 },
    activation: first.activation,
    gated: first.gate !== null,
    rotary: rows.length === 0,
    bidirectional,
  };
}

function onnxArchitecture(
  { file, blocks, sites, inputs }: OnnxDescription,
  config: ModelConfig,
): Architecture {
  return {
    config,
    prefixes: [],
    ignored: /^$/,
    graph: builderOptions(file),
    mlp(layer): MlpNames {
      const { up, gate, width, units, activation } = blocks[layer]!;
      return { up: matrix(up), gate: gate && matrix(gate), norm: null, width, units, activation };
    },
    build(graph, _, mark): void {
      replay(graph, file, { inputs: fillInputs(graph, file, inputs), sites, mark });
    },
  };
}

function matrix({ linear, first }: Neurons): NeuronMatrix {
  const { weight, bias, layout } = linear;
  return { weight, bias, layout, first };
}

/** Token ids of the two contexts that tell whether a position sees those after it: only the last differs. */
const PROBES = [
  [0, 1, 2, 3],
  [0, 1, 2, 4],
];
/** Largest difference, relative to the largest value, of positions that do not see the last. */
const SAME = 1e-6;

/** Whether a position depends on those after it, seen by running the blocks that tell. */
async function seesAhead(files: ModelFiles): Promise<boolean> {
  const { layers, vocabulary, contextLength } = files.model;
  const tap = layers > 1 ? 'blocks.1.mlp.hook_in' : [...sitesOf(files).keys()].at(-1)!;
  const program = compile(files, [tap]);
  const session = await Session.open(await openBackend(), program, 1).catch((error: Error) => {
    throw new PolysemeError(
      `${files.graph} cannot be run: ${error.message.split('\n', 1)[0]}`,
      'unsupported',
    );
  });
  try {
    const [rows, length] = [PROBES.length, Math.min(PROBES[0]!.length, contextLength)];
    const tokens = Int32Array.from(
      PROBES.flatMap((row) => row.slice(-length)),
      (id) => id % vocabulary,
    );
    const { data } = (await session.run(tokens, rows, length))[tap]!;
    const perRow = data.length / rows;
    const shared = (perRow * (length - 1)) / length;
    let difference = 0;
    let largest = 0;
    for (let i = 0; i < shared; i++) {
      difference = Math.max(difference, Math.abs(data[i]! - data[perRow + i]!));
      largest = Math.max(largest, Math.abs(data[i]!));
    }
    return difference > SAME * largest;
  } finally {
    await session.close();
  }
}
