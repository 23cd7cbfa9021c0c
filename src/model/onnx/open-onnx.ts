import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { readJsonObject } from '../../base/json-file.ts';
import { PolysemeError } from '../../errors.ts';
import type { TensorRef } from '../../tensors/safetensors.ts';
import type { Architecture, MlpNames, ModelConfig, NeuronMatrix } from '../architectures/architecture.ts';
import { CONFIG, MAX_CONFIG, TOKENIZER } from '../checkpoint.ts';
import { compile, type ModelFiles, sitesOf } from '../compile.ts';
import { PREPROCESSOR } from '../image-input.ts';
import { openBackend } from '../open-backend.ts';
import { Session } from '../session.ts';
import { describeOnnx, type OnnxDescription } from './describe.ts';
import type { Neurons } from './find-mlps.ts';
import { fillInputs } from './inputs.ts';
import { onnxConfig } from './onnx-config.ts';
import { fillPixels } from './pixels.ts';
import { builderOptions, replay } from './replay.ts';

/** An ONNX file as a model, and what was found in it. */
export interface OnnxModelFiles extends ModelFiles {
  readonly description: OnnxDescription;
}

/**
 * Opens an ONNX file as a model whose graph is the file's own. `tokenizer.json` (of images `preprocessor_config.json`) and
 * `config.json` lie beside it, or in the folder above, as on the hub.
 */
export async function openOnnx(path: string): Promise<OnnxModelFiles> {
  const file = resolve(path);
  const dir = folderOf(file);
  const where = join(dir, CONFIG);
  const config = existsSync(where) ? await readJsonObject(where, MAX_CONFIG) : {};
  const beside = { config, where, hasProcessor: existsSync(join(dir, PREPROCESSOR)) };
  const description = describeOnnx(file, config);
  const { image, notes } = description;
  const refs = [...description.file.tensors].filter(([, { ref }]) => ref !== null);
  const tensors = new Map<string, TensorRef>(refs.map(([name, { ref }]) => [name, ref!]));
  const filesWith = (ahead: boolean): OnnxModelFiles => {
    const model = onnxConfig(description, beside, ahead);
    const architecture = onnxArchitecture(description, model);
    return { dir, config, tensors, graph: file, architecture, model, named: tensors, notes, description };
  };
  // The patches of an image see each other; an image that is read as one has one position.
  return filesWith(image === null ? await seesAhead(filesWith(false)) : image.patches !== null);
}

// ----------------------------------------------------------------

function folderOf(path: string): string {
  const dir = dirname(path);
  const has = (folder: string): boolean =>
    [TOKENIZER, PREPROCESSOR].some((name) => existsSync(join(folder, name)));
  return [dir, dirname(dir)].find(has) ?? dir;
}

function onnxArchitecture(
  { file, blocks, sites, inputs, image }: OnnxDescription,
  config: ModelConfig,
): Architecture {
  return {
    config,
    prefixes: [],
    ignored: /^$/,
    graph: builderOptions(file),
    mlp(layer): MlpNames {
      const { up, gate, down, width, units, activation } = blocks[layer]!;
      const { weight, bias, layout } = down;
      const out = { weight, bias, layout };
      return { up: matrix(up), gate: gate && matrix(gate), out, norm: null, width, units, activation };
    },
    build(graph, _, mark): void {
      const filled = image === null ? fillInputs(graph, file, inputs) : fillPixels(graph, image.input);
      replay(graph, file, { inputs: filled, sites, mark });
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
