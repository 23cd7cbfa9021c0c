import { PolysemeError } from '../../errors.ts';
import type { GraphBuilder, Wire } from '../../onnx/graph.ts';
import type { OnnxFile, OnnxValue } from '../../onnx/read-onnx.ts';
import { TOKENS } from '../edits.ts';

/** What an input of a file is filled with. */
export type InputKind = 'ids' | 'mask' | 'positions' | 'segments' | 'past';

/** TensorProto.DataType */
const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;
const FLOAT16 = 10;
const WHOLE = new Set([INT32, INT64]);
const TYPE_NAMES: Readonly<Record<number, string>> = {
  1: 'float',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
};

/** Names that exporters give to the inputs of text models. */
const NAMES: readonly [RegExp, InputKind][] = [
  [/^(input_?ids?|tokens|token_ids)$/, 'ids'],
  [/^(attention_mask|input_mask|mask)$/, 'mask'],
  [/^position_ids?$/, 'positions'],
  [/^(token_type_ids?|segment_ids?)$/, 'segments'],
  [/^past_key|^past|^key_cache|^value_cache/, 'past'],
];

/** What each input of a file is filled with, by name; one that cannot be filled is an error. */
export function inputKinds({ path, inputs }: OnnxFile): ReadonlyMap<string, InputKind> {
  const kinds = new Map<string, InputKind>();
  const unknown: OnnxValue[] = [];
  for (const input of inputs) {
    const kind = NAMES.find(([name]) => name.test(input.name))?.[1];
    if (kind === undefined) unknown.push(input);
    else kinds.set(input.name, kind);
  }
  // A lone input of whole numbers, whatever it is called.
  const whole = unknown.filter(({ type, shape }) => WHOLE.has(type) && shape?.length === 2);
  if (whole.length === 1 && ![...kinds.values()].includes('ids')) {
    kinds.set(whole[0]!.name, 'ids');
    unknown.splice(unknown.indexOf(whole[0]!), 1);
  }
  if (unknown.length > 0) {
    const [{ name, type, shape }] = unknown as [OnnxValue];
    throw new PolysemeError(
      `${path}: its input ${JSON.stringify(name)} (${TYPE_NAMES[type] ?? `element type ${type}`} [${shape ?? '?'}]) is ` +
        'none that can be filled: input_ids, attention_mask, position_ids, token_type_ids and past_key_values can',
      'unsupported',
    );
  }
  if (![...kinds.values()].includes('ids')) {
    throw new PolysemeError(
      `${path} has no input of token ids; its inputs: ${inputs.map(({ name }) => name).join(', ')}`,
      'unsupported',
    );
  }
  for (const input of inputs) checkInput(path, input, kinds.get(input.name)!);
  return kinds;
}

/**
 * Nodes that fill the inputs of a file from the token ids [batch, position]. Rows of one length run together, so that
 * every position is real.
 */
export function fillInputs(
  graph: GraphBuilder,
  { inputs }: OnnxFile,
  kinds: ReadonlyMap<string, InputKind>,
): ReadonlyMap<string, Wire> {
  const tokens = graph.input(TOKENS, 'int32', ['batch', 'position']);
  const shape = graph.op('Shape', [tokens]);
  const everywhere = (value: Wire): Wire => graph.op('Expand', [value, shape]);
  const cast = (wire: Wire, type: number): Wire => graph.op('Cast', [wire], { to: type });
  const fill = ({ name, type, shape: asked }: OnnxValue): Wire => {
    switch (kinds.get(name)!) {
      case 'ids':
        return cast(tokens, type);
      case 'mask':
        return cast(everywhere(graph.integers(1)), type);
      case 'segments':
        return cast(everywhere(graph.integers(0)), type);
      case 'positions': {
        const at = (n: number): Wire => graph.constant(BigInt64Array.of(BigInt(n)), []);
        const length = graph.op('Squeeze', [graph.op('Gather', [shape, graph.integers(1)])]);
        return cast(everywhere(graph.op('Range', [at(0), length, at(1)])), type);
      }
      case 'past': {
        const batch = graph.op('Gather', [shape, graph.integers(0)]);
        const [, heads, , width] = asked as [unknown, number, unknown, number];
        const sizes = graph.op('Concat', [batch, graph.integers(heads, 0, width)], { axis: 0 });
        return cast(graph.op('Expand', [graph.scalar(0), sizes]), type);
      }
    }
  };
  return new Map(inputs.map((input) => [input.name, fill(input)]));
}

// ----------------------------------------------------------------

function checkInput(path: string, { name, type, shape }: OnnxValue, kind: InputKind): void {
  const fail = (what: string): never => {
    throw new PolysemeError(`${path}: its input ${JSON.stringify(name)} ${what}`, 'unsupported');
  };
  if (kind === 'past') {
    const fits = shape?.length === 4 && typeof shape[1] === 'number' && typeof shape[3] === 'number';
    if (!fits || (type !== FLOAT && type !== FLOAT16)) {
      fail(
        `has the shape [${shape ?? '?'}]; [batch, heads, past, width] is needed: export the model without a cache`,
      );
    }
    return;
  }
  if (shape !== null && shape.length !== 2) fail(`has the shape [${shape}]; [batch, sequence] is needed`);
  if (shape?.some((size) => typeof size === 'number')) {
    fail(`is fixed at [${shape}]: export the file with dynamic axes for batch and sequence`);
  }
  if (kind !== 'mask' && !WHOLE.has(type))
    fail(`is ${TYPE_NAMES[type] ?? type}; token ids are whole numbers`);
}
