import type { Command } from 'commander';
import { visible } from '../base/visible.ts';
import type { ModelDescription } from '../model/inspect.ts';
import type { OnnxSummary } from '../model/onnx/summary.ts';
import { addOptions, jsonOption } from './options.ts';
import { colors, number, print, printJson } from './terminal.ts';

export function define(command: Command): void {
  command
    .description(
      'What a model holds: architecture, layers, width, units and the sites that can be tapped, or why it can’t be run.',
    )
    .argument(
      '<M>',
      'the model: a folder, a .gguf or .onnx file, a hub id (openai-community/gpt2) or builtin:folio-5m',
    );
  addOptions(command, { json: jsonOption });
  command
    .addHelpText('after', '\nExample:\n  polyseme models inspect builtin:folio-5m')
    .action(async (source: string, { json }: { json?: boolean }) => {
      const { inspectModel } = await import('../model/inspect.ts');
      const found = await inspectModel(source);
      if (json) printJson(found);
      else for (const [name, value] of lines(found)) print(`${colors.dim(name.padEnd(12))}${visible(value)}`);
    });
}

function lines({
  source,
  modelType,
  family,
  runs,
  reason,
  weights,
  model,
  sites,
  onnx,
  notes,
}: ModelDescription) {
  const types = Object.entries(weights.types).map(([type, count]) => `${number(count)} ${type}`);
  const shown: [name: string, value: string][] = [
    ['model', source],
    ['kind', onnx === null ? `${family ?? 'not known'} (model_type ${modelType ?? 'none'})` : onnxLine(onnx)],
    ['runs', runs ? 'yes' : `no: ${reason}`],
  ];
  if (model !== null) {
    const { layers, width, heads, kvHeads, mlpWidth, units, activation, gated } = model;
    const attention = heads === null ? '' : `${number(heads)} heads, ${number(kvHeads!)} key-value heads, `;
    shown.push(
      ['layers', `${number(layers)}, of width ${number(width)}`],
      ...(heads === null && onnx === null
        ? []
        : [
            ['attention', attention + (model.bidirectional ? 'bidirectional' : 'causal')] as [string, string],
          ]),
      [
        'units',
        `${number(units)}: ${number(mlpWidth)} neurons a layer, ${activation}${gated ? ', gated' : ''}`,
      ],
      ...(model.images ? [] : [['vocabulary', number(model.vocabulary)] as [string, string]]),
      ['context', `${number(model.contextLength)} ${model.contextLength === 1 ? 'position' : 'positions'}`],
    );
  }
  shown.push([
    'weights',
    `${number(weights.tensors)} tensors (${types.join(', ')}), ${number(weights.bytes)} bytes`,
  ]);
  siteLines(sites).forEach((line, i) => {
    shown.push([i === 0 ? 'sites' : '', line]);
  });
  onnx?.mlps.forEach(({ bank, node, width, units, activation, gated }, i) => {
    const size = `${number(width)} → ${number(units)}, ${activation}${gated ? ', gated' : ''}`;
    shown.push([i === 0 ? 'banks' : '', `${bank}  ${size}, from node ${node}`]);
  });
  for (const note of notes) shown.push(['note', note]);
  return shown;
}

/** What kind of file it is, and what its inputs are filled with. */
function onnxLine({ producer, opset, nodes, inputs }: OnnxSummary): string {
  const filled = Object.entries(inputs).map(([name, value]) => `${name}: ${value}`);
  return `ONNX file by ${producer || 'nobody named'}, operator set ${opset}, ${number(nodes)} nodes; ${filled.join(', ')}`;
}

/** Sites that differ by layer alone on one line: `blocks.0-11.hook_resid_pre  768`. */
function siteLines(sites: Readonly<Record<string, number>>): string[] {
  const byName = new Map<string, { layers: number[]; width: number }>();
  for (const [site, width] of Object.entries(sites)) {
    const match = /^blocks\.(\d+)\.(.+)$/.exec(site);
    const name = match === null ? site : `blocks.#.${match[2]}`;
    const known = byName.get(`${name} ${width}`) ?? { layers: [], width };
    if (match !== null) known.layers.push(Number(match[1]));
    byName.set(`${name} ${width}`, known);
  }
  return [...byName].map(([key, { layers, width }]) => {
    const name = key.slice(0, key.lastIndexOf(' '));
    return `${name.replace('#', ranges(layers))}  ${number(width)}`;
  });
}

/** 0-2,5 for [0, 1, 2, 5]. */
function ranges(layers: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const layer of layers) {
    const last = parts.at(-1);
    if (last !== undefined && last[1] === layer - 1) last[1] = layer;
    else parts.push([layer, layer]);
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}
