import { type ImageInput, imagePositions, type ModelConfig } from '../architectures/architecture.ts';
import { readClasses, readPixels } from '../architectures/image-config.ts';
import { RawConfig } from '../architectures/raw-config.ts';
import type { OnnxDescription } from './describe.ts';

/** What is known beside a file. */
export interface Beside {
  /** What config.json holds; nothing where there is none. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Where it lies, for messages. */
  readonly where: string;
  /** Whether a `preprocessor_config.json` says how images are read. */
  readonly hasProcessor: boolean;
}

/** Longest context where nothing says it. */
const DEFAULT_CONTEXT = 2048;

/** What a file and its config.json say, in the words of checkpoints. @param seesAhead whether a position sees later ones */
export function onnxConfig(description: OnnxDescription, beside: Beside, seesAhead: boolean): ModelConfig {
  const { blocks, positions, centresNorms, sites } = description;
  const [first] = blocks as [(typeof blocks)[number]];
  const logits = sites.find(({ site }) => site === 'logits')?.width;
  const image = imageOf(description, beside, logits);
  const places = image === undefined ? null : imagePositions(image, image);
  const rows = learnedPositions(description);
  return {
    architecture: 'onnx',
    layers: blocks.length,
    width: first.width,
    // Attention is not looked into.
    heads: 1,
    kvHeads: 1,
    headDim: first.width,
    mlpWidth: first.units,
    // What tokens are numbers of; of an image that is read as one there are none, but classes.
    vocabulary: (image?.patch ?? null) === null ? (positions.embedding?.rows ?? logits ?? 1) : places!,
    contextLength: places ?? contextLength(description, rows, beside.config),
    norm: { kind: centresNorms ? 'layernorm' : 'rmsnorm', epsilon: 1e-5 },
    activation: first.activation,
    gated: first.gate !== null,
    rotary: rows.length === 0,
    bidirectional: seesAhead,
    ...(image === undefined ? {} : { image }),
  };
}

// ----------------------------------------------------------------

/** Rows of the tables that positions look up; that of segments has two. */
function learnedPositions({ positions }: OnnxDescription): number[] {
  return positions.others.filter(({ rows }) => rows > 2).map(({ rows }) => rows);
}

function contextLength(
  { file }: OnnxDescription,
  rows: readonly number[],
  config: Readonly<Record<string, unknown>>,
): number {
  // Positions that are counted from the padding's id on, as in RoBERTa and OPT, leave out the first rows.
  const counted = file.nodes.some(({ op }) => op === 'CumSum');
  const padding = config['pad_token_id'];
  const skipped = counted ? (typeof padding === 'number' ? padding : 1) + 1 : 0;
  const limits = ['max_position_embeddings', 'n_positions', 'n_ctx']
    .map((key) => config[key])
    .filter((value): value is number => Number.isInteger(value) && (value as number) > 0);
  const known = [...rows.map((count) => count - skipped), ...limits];
  return Math.max(1, Math.min(...(known.length === 0 ? [DEFAULT_CONTEXT] : known)));
}

function imageOf(
  { image }: OnnxDescription,
  { config, where, hasProcessor }: Beside,
  logits: number | undefined,
): ImageInput | undefined {
  if (image === null) return undefined;
  const { channels, height, width } = image.input;
  const raw = new RawConfig(config, where);
  return {
    channels,
    height,
    width,
    patch: image.patches?.side ?? null,
    whole: image.patches?.whole ?? 1,
    registers: 0,
    anySize: false,
    classes: logits === undefined ? null : readClasses(raw, logits),
    pixels: hasProcessor ? 'ViTImageProcessor' : readPixels(raw, channels),
  };
}
