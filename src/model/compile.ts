import { PolysemeError } from '../errors.ts';
import { GraphBuilder, type GraphOptions, type Wire } from '../onnx/graph.ts';
import type { TensorRef } from '../tensors/safetensors.ts';
import type { Architecture, MlpNames, ModelConfig, Weights } from './architectures/architecture.ts';
import { readArchitecture } from './architectures/model-config.ts';
import type { Checkpoint } from './checkpoint.ts';

/** A checkpoint whose config was understood and whose tensors are all accounted for. */
export interface ModelFiles extends Checkpoint {
  readonly architecture: Architecture;
  readonly model: ModelConfig;
  /** The tensors by their names without prefix. */
  readonly named: ReadonlyMap<string, TensorRef>;
  /** What the user should know, a line each: tensors of the file that config.json rules out. */
  readonly notes: readonly string[];
}

/** A graph ready to run: ONNX bytes, which output carries which tap, and the weights that it maps. */
export interface Program {
  readonly bytes: Uint8Array;
  /** Names of the inputs that it reads: `tokens`, and those that edits added. */
  readonly inputs: readonly string[];
  readonly outputs: Readonly<Record<string, string>>;
  /** Width of each tap's last axis. */
  readonly widths: Readonly<Record<string, number>>;
  readonly weights: ReadonlyMap<string, TensorRef>;
}

/**
 * Nodes added to a model's graph: an extra tap computed from a site (an SAE's latents), or a value that takes
 * a site's place (its reconstruction). Edits of one site run in order.
 */
export interface GraphEdit {
  readonly site: string;
  /** Adds nodes that read `wire`; returns extra taps by name, and what flows on in the site's place, if not `wire`. */
  apply(graph: GraphBuilder, wire: Wire, width: number): EditResult;
}

export interface EditResult {
  readonly taps?: Readonly<Record<string, { readonly wire: Wire; readonly width: number }>>;
  readonly replacement?: Wire;
}

/** Reads a checkpoint's config, and checks that every tensor is one that the architecture uses. */
export function readModel(checkpoint: Checkpoint): ModelFiles {
  const where = `${checkpoint.dir}/config.json`;
  const architecture = readArchitecture(checkpoint.config, where);
  const model = architecture.config;
  const named = withoutPrefixes(checkpoint, architecture);
  const used = new Set<string>();
  const passedOver: string[] = [];
  const notes: string[] = [];
  const files: ModelFiles = { ...checkpoint, architecture, model, named, notes: [] };
  const sites = emit(files, [], { used, passedOver, notes });
  if (sites.size === 0) throw new PolysemeError(`${where}: the model has no sites`, 'not-found');
  for (const name of checkpoint.tensors.keys()) {
    const bare = bareName(name, architecture);
    if (used.has(bare) || passedOver.includes(bare) || architecture.ignored.test(bare)) continue;
    throw new PolysemeError(
      `${checkpoint.dir}: tensor ${name} takes no part in a ${model.architecture} model as config.json describes it: ` +
        'the checkpoint is of another architecture or variant',
    );
  }
  return { ...files, notes: [...ignoredNotes(where, passedOver), ...notes] };
}

/** The sites of a model, with the width of each. */
export function sitesOf(files: ModelFiles): ReadonlyMap<string, number> {
  return new Map([...emit(files, [])].map(([site, { width }]) => [site, width]));
}

/** What the banks read of a layer's MLP. */
export function mlpNamesOf({ architecture, named }: ModelFiles, layer: number): MlpNames {
  return architecture.mlp(layer, { has: (name) => named.has(name) });
}

/** Layers that one group may have at most. */
const ALL = Number.POSITIVE_INFINITY;

/** Some layers of a model, a graph by itself: from the residual stream before them to the one after. */
export interface LayerGroup extends Program {
  readonly layers: { readonly first: number; readonly last: number };
  /** The input that takes the stream that it goes on from; null: it begins with the model's own input. */
  readonly from: string | null;
  /** The output with the stream that the next group goes on from; null in the last. */
  readonly to: string | null;
  /** The taps that were asked for and lie in these layers; `to` may be one of them. */
  readonly taps: readonly string[];
}

/** Compiles the part of the model that the taps need; an unknown tap is an error that names near ones. */
export function compile(
  files: ModelFiles,
  taps: readonly string[],
  edits: readonly GraphEdit[] = [],
): Program {
  return compileGroups(files, taps, edits)[0]!;
}

/**
 * The same in groups of layers, one after another, each of which needs only its own weights; the last is the one of the
 * last tap.
 *
 * @throws PolysemeError (unsupported) where the model's graph cannot be cut
 */
export function compileGroups(
  files: ModelFiles,
  taps: readonly string[],
  edits: readonly GraphEdit[],
  layersAtOnce = ALL,
  options: Pick<GraphOptions, 'castWhole' | 'plainOperators'> = {},
): LayerGroup[] {
  const graph = new GraphBuilder({ ...files.architecture.graph, ...options });
  const sites = emit(files, edits, undefined, graph);
  for (const tap of taps) {
    if (sites.has(tap)) continue;
    const examples = exampleSites(sites, files.model).join(', ');
    throw new PolysemeError(
      `the model has no site ${tap}; ${files.model.layers} layers, e.g. ${examples}`,
      'not-found',
    );
  }
  // Sites are marked in the order of the computation: those after the stream before a layer need that layer.
  const order = new Map([...sites.keys()].map((site, i) => [site, i]));
  const place = (site: string): number => order.get(site)!;
  const end = Math.max(...taps.map(place));
  const cuts = cutsOf(files, sites, layersAtOnce).filter((site) => place(site) < end);
  return [...cuts, null].map((to, group) => {
    const before = cuts[group - 1];
    const [after, until] = [before === undefined ? -1 : place(before), to === null ? end : place(to)];
    const own = taps.filter((tap) => place(tap) > after && place(tap) <= until);
    const outputs = [...new Set(to === null ? own : [...own, to])].map(
      (tap) => [tap, sites.get(tap)!] as const,
    );
    const stream = before === undefined ? null : sites.get(before)!;
    const { bytes, inputs, weights } = graph.encode(
      outputs.map(([, { wire }]) => wire),
      stream === null ? [] : [{ name: stream.wire, type: 'float', shape: [null, null, stream.width] }],
    );
    return {
      bytes,
      inputs,
      weights,
      outputs: Object.fromEntries(outputs.map(([tap, { wire }]) => [tap, wire])),
      widths: Object.fromEntries(outputs.map(([tap, { width }]) => [tap, width])),
      layers: firstAndLast(group, layersAtOnce, files.model.layers),
      from: stream === null ? null : stream.wire,
      to,
      taps: own,
    };
  });
}

/** The sites at which a model is cut: the residual stream before each group of layers but the first. */
function cutsOf(files: ModelFiles, sites: Sites, layersAtOnce: number): string[] {
  const { layers, architecture } = files.model;
  if (!(layersAtOnce >= 1 && (Number.isInteger(layersAtOnce) || layersAtOnce === ALL))) {
    throw new PolysemeError(
      `option weightsAtOnce is ${layersAtOnce}: it is a number of layers, 1 or more`,
      'bad-input',
    );
  }
  const cuts: string[] = [];
  for (let layer = layersAtOnce; layer < layers; layer += layersAtOnce) {
    cuts.push(`blocks.${layer}.hook_resid_pre`);
  }
  if (cuts.length === 0 || (files.graph === undefined && cuts.every((site) => sites.has(site)))) return cuts;
  const what = files.graph ?? `a model of the architecture ${architecture}`;
  throw new PolysemeError(
    `${what} cannot be cut into groups of layers: leave out option weightsAtOnce`,
    'unsupported',
  );
}

function firstAndLast(group: number, layersAtOnce: number, layers: number): LayerGroup['layers'] {
  if (group === 0) return { first: 0, last: Math.min(layersAtOnce, layers) - 1 };
  return { first: group * layersAtOnce, last: Math.min((group + 1) * layersAtOnce, layers) - 1 };
}

/** What a build said of the checkpoint's tensors. */
interface Found {
  readonly used: Set<string>;
  readonly passedOver: string[];
  readonly notes: string[];
}

type Sites = Map<string, { wire: Wire; width: number }>;

function emit(
  { dir, architecture, model: config, named }: ModelFiles,
  edits: readonly GraphEdit[],
  found: Found = { used: new Set(), passedOver: [], notes: [] },
  graph = new GraphBuilder(architecture.graph),
): Sites {
  const weights: Weights = {
    has: (name) => named.has(name),
    ref(name, shape) {
      const ref = named.get(name);
      if (ref === undefined) {
        throw new PolysemeError(
          `${dir}: the checkpoint has no tensor ${name}, which a ${config.architecture} model of ${config.layers} layers needs${prefixed(name, named)}`,
          'not-found',
        );
      }
      if (ref.shape.length !== shape.length || ref.shape.some((size, i) => size !== shape[i])) {
        throw new PolysemeError(
          `${dir}: tensor ${name} has shape [${ref.shape.join(', ')}], but config.json asks for [${shape.join(', ')}]`,
        );
      }
      found.used.add(name);
      return ref;
    },
    ignore: (name) => found.passedOver.push(name),
    note: (line) => found.notes.push(`${dir}: ${line}`),
  };
  const sites: Sites = new Map();
  const edited = new Set<string>();
  architecture.build(graph, weights, (site, wire, width) => {
    let current = wire;
    for (const edit of edits) {
      if (edit.site !== site) continue;
      edited.add(site);
      const { taps = {}, replacement } = edit.apply(graph, current, width);
      for (const [name, tap] of Object.entries(taps)) sites.set(name, tap);
      current = replacement ?? current;
    }
    sites.set(site, { wire: current, width });
    return current;
  });
  const missing = edits.find(({ site }) => !edited.has(site));
  if (missing !== undefined) {
    throw new PolysemeError(
      `the model has no site ${missing.site}; ${config.layers} layers, e.g. ${exampleSites(sites, config).join(', ')}`,
      'not-found',
    );
  }
  return sites;
}

function bareName(name: string, { prefixes, renamed = {} }: Architecture): string {
  const prefix = prefixes.find((prefix) => name.startsWith(prefix)) ?? '';
  // Early BERTs call the weights of a norm so.
  const bare = name
    .slice(prefix.length)
    .replace(/\bLayerNorm\.gamma$/, 'LayerNorm.weight')
    .replace(/\bLayerNorm\.beta$/, 'LayerNorm.bias');
  return renamed[bare] ?? bare;
}

/** A tensor of this name under a prefix that is not known. */
function prefixed(name: string, named: ReadonlyMap<string, TensorRef>): string {
  const found = [...named.keys()].find((other) => other.endsWith(`.${name}`));
  if (found === undefined) return '';
  return `; it has ${found}: save the weights without the prefix ${found.slice(0, -name.length)}`;
}

function withoutPrefixes({ dir, tensors }: Checkpoint, architecture: Architecture): Map<string, TensorRef> {
  const named = new Map<string, TensorRef>();
  for (const [name, ref] of tensors) {
    const bare = bareName(name, architecture);
    if (named.has(bare)) {
      throw new PolysemeError(`${dir}: tensor ${bare} is there twice, with and without a prefix`, 'damaged');
    }
    named.set(bare, ref);
  }
  return named;
}

function ignoredNotes(where: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const some = names.slice(0, 3).join(', ') + (names.length > 3 ? `, … (${names.length} in all)` : '');
  return [
    `${where} says that there are no biases where the weights have some: ${some} take no part, as in transformers`,
  ];
}

/** Some of the sites that a model has, to be named where another was asked for. */
function exampleSites(sites: ReadonlyMap<string, unknown>, { layers }: ModelConfig): string[] {
  const last = `blocks.${layers - 1}`;
  return ['blocks.0.mlp.hook_post', `${last}.mlp.hook_in`, `${last}.hook_resid_post`, 'logits'].filter(
    (name) => sites.has(name),
  );
}
