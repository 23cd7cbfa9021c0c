import { PolysemeError } from '../errors.ts';
import { GraphBuilder, type Wire } from '../onnx/graph.ts';
import type { TensorRef } from '../tensors/safetensors.ts';
import type { Architecture, ModelConfig, Weights } from './architectures/architecture.ts';
import { readModelConfig } from './architectures/model-config.ts';
import type { Checkpoint } from './checkpoint.ts';

/** A checkpoint whose config was understood and whose tensors are all accounted for. */
export interface ModelFiles extends Checkpoint {
  readonly architecture: Architecture;
  readonly model: ModelConfig;
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
export function readModel(files: Checkpoint): ModelFiles {
  const where = `${files.dir}/config.json`;
  const { architecture, config } = readModelConfig(files.config, where);
  const used = new Set<string>();
  const emitted = emit(files, architecture, config, [], used);
  if (emitted.size === 0) throw new PolysemeError(`${where}: the model has no sites`, 'not-found');
  const strip = stripper(architecture);
  for (const name of files.tensors.keys()) {
    const bare = strip(name);
    if (used.has(bare) || architecture.ignored.test(bare) || (config.tied && bare === 'lm_head.weight'))
      continue;
    throw new PolysemeError(
      `${files.dir}: tensor ${name} takes no part in a ${config.architecture} model as config.json describes it: ` +
        'the checkpoint is of another architecture or variant',
    );
  }
  return { ...files, architecture, model: config };
}

/** The sites of a model, with the width of each. */
export function sitesOf(files: ModelFiles): ReadonlyMap<string, number> {
  const sites = emit(files, files.architecture, files.model, [], new Set());
  return new Map([...sites].map(([site, { width }]) => [site, width]));
}

/** Compiles the part of the model that the taps need; an unknown tap is an error that names near ones. */
export function compile(
  files: ModelFiles,
  taps: readonly string[],
  edits: readonly GraphEdit[] = [],
): Program {
  const graph = new GraphBuilder();
  const sites = emit(files, files.architecture, files.model, edits, new Set(), graph);
  const outputs: Record<string, string> = {};
  const widths: Record<string, number> = {};
  for (const tap of taps) {
    const found = sites.get(tap);
    if (found === undefined) {
      throw new PolysemeError(
        `the model has no site ${tap}; ${files.model.layers} layers, e.g. ${exampleSites(files.model).join(', ')}`,
        'not-found',
      );
    }
    outputs[tap] = found.wire;
    widths[tap] = found.width;
  }
  const { bytes, inputs, weights } = graph.encode(Object.values(outputs));
  return { bytes, inputs, outputs, widths, weights };
}

type Sites = Map<string, { wire: Wire; width: number }>;

function emit(
  files: Checkpoint,
  architecture: Architecture,
  config: ModelConfig,
  edits: readonly GraphEdit[],
  used: Set<string>,
  graph = new GraphBuilder(),
): Sites {
  const strip = stripper(architecture);
  const byName = new Map([...files.tensors].map(([name, ref]) => [strip(name), ref]));
  const weights: Weights = {
    has: (name) => byName.has(name),
    ref(name, shape) {
      const ref = byName.get(name);
      if (ref === undefined) {
        throw new PolysemeError(
          `${files.dir}: the checkpoint has no tensor ${name}, which a ${config.architecture} model of ${config.layers} layers needs`,
          'not-found',
        );
      }
      if (ref.shape.length !== shape.length || ref.shape.some((size, i) => size !== shape[i])) {
        throw new PolysemeError(
          `${files.dir}: tensor ${name} has shape [${ref.shape.join(', ')}], but config.json asks for [${shape.join(', ')}]`,
        );
      }
      used.add(name);
      return ref;
    },
  };
  const sites: Sites = new Map();
  const edited = new Set<string>();
  architecture.build(graph, config, weights, (site, wire, width) => {
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
      `the model has no site ${missing.site}; ${config.layers} layers, e.g. ${exampleSites(config).join(', ')}`,
      'not-found',
    );
  }
  return sites;
}

function stripper(architecture: Architecture): (name: string) => string {
  return (name) => (name.startsWith(architecture.prefix) ? name.slice(architecture.prefix.length) : name);
}

function exampleSites(config: ModelConfig): string[] {
  const last = config.layers - 1;
  return [`blocks.0.mlp.hook_post`, `blocks.${last}.mlp.hook_in`, `blocks.${last}.hook_resid_post`, 'logits'];
}
