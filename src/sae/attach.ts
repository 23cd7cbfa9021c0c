import { PolysemeError } from '../errors.ts';
import type { ModelFiles } from '../model/compile.ts';
import { sitesOf } from '../model/compile.ts';
import { sameModelName } from '../model/names.ts';
import { isWritingSite, siteNamed } from '../model/sites.ts';
import type { GraphBuilder, Wire } from '../onnx/graph.ts';
import type { Sae } from './sae.ts';

/** Whether sites that write to the residual stream are centred: as asked, or `auto`, as the SAE's config asks. */
export type CenterWriting = 'auto' | 'yes' | 'no';

/** Where an SAE sits in a model. */
export interface SaeAttachment {
  /** The site that it reads. */
  readonly site: string;
  /** The site that its output stands for: `site`, but for transcoders. */
  readonly output: string;
  /** First dimension and number of dimensions of the site that it reads; all of them but for SAEs of one head. */
  readonly slice: { readonly start: number; readonly width: number } | null;
  /** It reads x − mean(x). */
  readonly centred: boolean;
  /** What the user should know: assumptions, doubts. One line each. */
  readonly notes: readonly string[];
}

/**
 * Finds the site that an SAE reads in a model.
 * @param source the model's name as the user gave it
 * @throws PolysemeError where the site is unknown, or its width is not the SAE's
 */
export function attachSae(
  { files, source }: { readonly files: ModelFiles; readonly source: string },
  sae: Sae,
  centerWriting: CenterWriting = 'auto',
): SaeAttachment {
  const { config, label } = sae;
  const sites = sitesOf(files);
  const notes = [...sae.notes];
  const { site, output } = sitesOfSae(sae, sites, files);
  const slice = headSlice(sae, files, site);
  const checkWidth = (tap: string, width: number, verb: string): void => {
    const siteWidth = slice === null ? sites.get(tap)! : slice.width;
    if (siteWidth === width) return;
    throw new PolysemeError(
      `${label} ${verb} width ${width}, but ${tap} of ${source} has ${siteWidth}: it is another model's or another site's SAE`,
    );
  };
  checkWidth(site, config.dIn, 'reads');
  if (output !== site) checkWidth(output, config.dOut, 'writes');
  const writing = isWritingSite(site);
  const layernorm = files.model.norm.kind === 'layernorm';
  const assumed = centerWriting === 'auto' && config.centerWritingWeights === true && writing && layernorm;
  if (assumed) {
    notes.push(
      `${label} was made with center_writing_weights: it is given x − mean(x) at ${site} (option centerWriting no to give x)`,
    );
  }
  const configName = files.config['_name_or_path'];
  const names = [source, ...(typeof configName === 'string' && configName !== '' ? [configName] : [])];
  if (config.modelName !== null && !names.some((name) => sameModelName(name, config.modelName!))) {
    notes.push(`${label} was made for the model ${config.modelName}, and is used with ${source}`);
  }
  return { site, output, slice, centred: writing && (centerWriting === 'yes' || assumed), notes };
}

/** Adds the nodes that take an SAE's input from its site: [..., site's width] → [..., dIn]. */
export function readNodes(
  graph: GraphBuilder,
  { slice, centred }: SaeAttachment,
  wire: Wire,
  width: number,
): Wire {
  let input = wire;
  if (slice !== null) input = sliceNodes(graph, input, width, slice)[1]!;
  if (!centred) return input;
  return graph.op('Sub', [input, graph.op('ReduceMean', [input, graph.integers(-1)])]);
}

/** Puts `value` where the SAE reads (all of the site but for SAEs of one head). */
export function writeNodes(
  graph: GraphBuilder,
  { slice }: SaeAttachment,
  wire: Wire,
  width: number,
  value: Wire,
): Wire {
  if (slice === null) return value;
  const [before, , after] = sliceNodes(graph, wire, width, slice);
  const parts = [before, value, after].filter((part) => part !== null);
  return graph.op('Concat', parts, { axis: -1 });
}

/** The last axis before, in and after a slice; null where there is nothing. */
function sliceNodes(
  graph: GraphBuilder,
  wire: Wire,
  width: number,
  { start, width: count }: NonNullable<SaeAttachment['slice']>,
): [Wire | null, Wire, Wire | null] {
  const part = (from: number, to: number): Wire =>
    graph.op('Slice', [wire, graph.integers(from), graph.integers(to), graph.integers(-1)]);
  const end = start + count;
  return [start === 0 ? null : part(0, start), part(start, end), end === width ? null : part(end, width)];
}

function sitesOfSae(sae: Sae, sites: ReadonlyMap<string, number>, { model }: ModelFiles) {
  const { config, label } = sae;
  const { hookName, hookNameOut, transcoder, metadata } = config;
  if (hookName === null) {
    throw new PolysemeError(
      `${label} does not say which site it reads: write it into a copy (polyseme sae convert, option site blocks.3.hook_resid_post)`,
    );
  }
  const layer = metadata['hook_layer'] ?? metadata['hook_point_layer'];
  const find = (name: string): string => {
    const full = typeof layer === 'number' ? name.replace(/\{layer\}/, String(layer)) : name;
    const site = siteNamed(full, sites, model.rotary);
    if (site !== null) return site;
    throw new PolysemeError(
      `${label} reads ${full}, which is no site of this model of ${model.layers} layers, e.g. ` +
        `blocks.0.hook_resid_post; if it means another, write that into a copy (polyseme sae convert, option site)`,
      'unsupported',
    );
  };
  const site = find(hookName);
  if (!transcoder) return { site, output: site };
  if (hookNameOut !== null) return { site, output: find(hookNameOut) };
  // A transcoder of one module, as sparsify names it, reads the module's input.
  if (/\bmlp$/.test(hookName) && site.endsWith('.hook_mlp_out')) {
    return { site: site.replace('hook_mlp_out', 'mlp.hook_in'), output: site };
  }
  return { site, output: site };
}

function headSlice({ config, label }: Sae, { model }: ModelFiles, site: string): SaeAttachment['slice'] {
  const { hookHeadIndex: head } = config;
  if (head === null) return null;
  if (!site.endsWith('attn.hook_z')) {
    throw new PolysemeError(`${label} reads head ${head} of ${site}; only attn.hook_z is split into heads`);
  }
  if (head >= model.heads) {
    throw new PolysemeError(
      `${label} reads head ${head} of ${site}, but the heads are 0 to ${model.heads - 1}`,
    );
  }
  return { start: head * model.headDim, width: model.headDim };
}
