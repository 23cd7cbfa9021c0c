import type { GraphBuilder, Wire } from '../../onnx/graph.ts';
import type { OnnxFile, OnnxNode } from '../../onnx/read-onnx.ts';
import type { MarkSite } from '../architectures/architecture.ts';
import { TOKENS } from '../edits.ts';
import type { SiteValue } from './find-sites.ts';

/** Before the names of a file's values, so that they are never ours. */
const PREFIX = 'file/';
/** TensorProto.DataType of float: what taps and edits read and write. */
const FLOAT = 1;

/** The builder for the nodes of a file: what we add is written as the file's operator sets have it. */
export function builderOptions({ opsets }: OnnxFile): {
  opsets: ReadonlyMap<string, number>;
  prefix: string;
} {
  return { opsets: new Map([['com.microsoft', 1], ...opsets]), prefix: 'polyseme/' };
}

/**
 * Emits a file's nodes as they are, with its sites marked: what takes a site's place goes to the nodes that read it.
 * @param inputs what the file's inputs are filled with
 */
export function replay(
  graph: GraphBuilder,
  file: OnnxFile,
  { inputs, sites, mark }: { inputs: ReadonlyMap<string, Wire>; sites: readonly SiteValue[]; mark: MarkSite },
): void {
  const wires = new Map<string, Wire>(inputs);
  /** What single nodes read in a value's place. */
  const forNode = new Map<OnnxNode, Map<string, Wire>>();
  const marks = new Map<string, SiteValue[]>();
  for (const value of sites) marks.set(value.wire, [...(marks.get(value.wire) ?? []), value]);

  const wireOf = (name: string): Wire => {
    if (name === '') return '';
    const known = wires.get(name);
    if (known !== undefined) return known;
    const tensor = file.tensors.get(name)!;
    const wire = graph.tensor(PREFIX + name, tensor.encoded ?? tensor.ref!);
    wires.set(name, wire);
    return wire;
  };
  const markAll = (name: string): void => {
    for (const value of marks.get(name) ?? []) {
      const current = wireOf(name);
      const replaced = markValue(graph, value, current, mark);
      if (replaced === current) continue;
      if (value.readers === null) wires.set(name, replaced);
      for (const reader of value.readers ?? []) {
        forNode.set(reader, new Map([...(forNode.get(reader) ?? []), [name, replaced]]));
      }
    }
  };
  const captured = new Set<string>();
  for (const name of inputs.keys()) markAll(name);
  for (const node of file.nodes) {
    for (const name of node.captured) {
      if (captured.has(name)) continue;
      captured.add(name);
      // Graphs inside a node know the value by its own name.
      graph.foreign({ op: 'Identity', domain: '', inputs: [wireOf(name)], outputs: [name], attributes: {} });
    }
    const own = forNode.get(node);
    graph.foreign({
      op: node.op,
      domain: node.domain,
      inputs: node.inputs.map((name) => own?.get(name) ?? wireOf(name)),
      outputs: node.outputs.map((name) => (name === '' ? '' : PREFIX + name)),
      attributes: Object.fromEntries([...node.attributes].map(([name, { encoded }]) => [name, encoded])),
      captured: node.captured,
    });
    for (const name of node.outputs) {
      wires.set(name, PREFIX + name);
      markAll(name);
    }
  }
}

/** Marks a value as [batch, position, width] of float, whatever shape and type it has in the file. */
function markValue(
  graph: GraphBuilder,
  { site, width, type, isOfWhole = false }: SiteValue,
  wire: Wire,
  mark: MarkSite,
): Wire {
  const real = type === FLOAT ? wire : graph.op('Cast', [wire], { to: FLOAT });
  const tokens = graph.input(TOKENS, 'int32', ['batch', 'position']);
  const sizes = graph.op('Concat', [graph.op('Shape', [tokens]), graph.integers(width)], { axis: 0 });
  const rows = isOfWhole
    ? graph.op('Expand', [graph.op('Reshape', [real, graph.integers(-1, 1, width)]), sizes])
    : graph.op('Reshape', [real, sizes]);
  const marked = mark(site, rows, width);
  // What stands for the whole image is an output: nothing reads what takes its place.
  if (marked === rows || isOfWhole) return wire;
  const shaped = graph.op('Reshape', [marked, graph.op('Shape', [wire])]);
  return type === FLOAT ? shaped : graph.op('Cast', [shaped], { to: type });
}
