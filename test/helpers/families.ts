import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Values } from '../../src/model/backend.ts';
import type { Checkpoint } from '../../src/model/checkpoint.ts';
import { compileGroups, type ModelFiles, readModel, sitesOf } from '../../src/model/compile.ts';
import { type Device, graphFor } from '../../src/model/device.ts';
import { streamGroups } from '../../src/model/layer-groups.ts';
import { openBackend } from '../../src/model/open-backend.ts';
import { Session } from '../../src/model/session.ts';
import { streamTaps, type TapInput, type TapRun } from '../../src/model/taps.ts';
import type { GraphBuilder, Wire } from '../../src/onnx/graph.ts';
import type { Attribute } from '../../src/onnx/proto.ts';
import { readTensors } from './tiny-checkpoint.ts';

/** The folder of the tiny models; `make.py` beside it writes them. */
export const FAMILIES = new URL('../fixtures/families/models/', import.meta.url).pathname;

/** Keys of config.json laid over a fixture's; null takes a key away. */
export type Patch = Readonly<Record<string, unknown>>;

/** A tiny model that transformers wrote, and what it computes there in float64. */
export interface Fixture {
  readonly name: string;
  readonly dir: string;
  readonly family: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly transformers: string;
  readonly rows: readonly TapInput[];
  /** By row: each site's values [position, width]. */
  readonly expected: readonly ReadonlyMap<string, Float64Array>[];
  /** Where transformers has the sites of the first block: `output of transformer.h.0.ln_2`. */
  readonly modules: Readonly<Record<string, string>>;
  /** Patches that describe another model. */
  readonly wrong: readonly Patch[];
  /** Patches that say the same in other words. */
  readonly same: readonly Patch[];
  /** Patches that are refused, by the name of their first key. */
  readonly refused: readonly Patch[];
}

export function fixtureNames(): string[] {
  return readdirSync(FAMILIES).sort();
}

export function readFixture(name: string): Fixture {
  const dir = join(FAMILIES, name);
  const written = JSON.parse(readFileSync(join(dir, 'fixture.json'), 'utf8')) as Omit<Fixture, 'rows'> & {
    tokens: (number[] | null)[];
  };
  const expected = written.tokens.map(() => new Map<string, Float64Array>());
  const pixels: Values[] = [];
  for (const [key, { data, shape }] of Object.entries(readTensors(join(dir, 'expected.safetensors')))) {
    const [, row, site] = /^(\d+)\/(.+)$/.exec(key)!;
    if (site === 'input/pixel_values') pixels[Number(row)] = { data: Float32Array.from(data), shape };
    else expected[Number(row)]!.set(site!, data);
  }
  const rows = written.tokens.map((tokens, row) =>
    pixels[row] === undefined
      ? { tokens: Int32Array.from(tokens!) }
      : { tokens: new Int32Array(positionsOf(dir, expected[row]!)), pixels: pixels[row] },
  );
  const config = JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8')) as Fixture['config'];
  return { ...written, name, dir, config, rows, expected };
}

/** Positions that a model makes of an image. */
function positionsOf(dir: string, sites: ReadonlyMap<string, Float64Array>): number {
  const config = JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8'));
  const { hidden_size: width } = config.vision_config ?? config;
  return sites.get('blocks.0.hook_resid_pre')!.length / width;
}

/** A checkpoint's model with a changed config. */
export function readPatched(checkpoint: Checkpoint, patch: Patch): ModelFiles {
  const config = Object.fromEntries(
    Object.entries({ ...checkpoint.config, ...patch }).filter(([, value]) => value !== null),
  );
  return readModel({ ...checkpoint, config });
}

/** What makes another choice of a node of a model's graph; null where the node has none. */
export type Tamper = (op: string, attributes: Attributes) => Attributes | null;
type Attributes = Record<string, Attribute>;

/** The model with changed nodes; null where no node was changed. */
export function tampered(files: ModelFiles, tamper: Tamper): ModelFiles | null {
  let changes = 0;
  const changed = (op: string, attributes: Attributes = {}): Attributes => {
    const other = tamper(op, attributes);
    if (other !== null) changes += 1;
    return other ?? attributes;
  };
  const wrap = (graph: GraphBuilder): GraphBuilder =>
    new Proxy(graph, {
      get(target, name) {
        if (name === 'op') {
          return (op: string, inputs: Wire[], attributes?: Attributes, domain?: string) =>
            target.op(op, inputs, changed(op, attributes), domain);
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  const { architecture } = files;
  const other: ModelFiles = {
    ...files,
    architecture: {
      ...architecture,
      build: (graph, weights, site) => architecture.build(wrap(graph), weights, site),
    },
  };
  sitesOf(other);
  return changes === 0 ? null : other;
}

/** By row: taps of all rows, run together in this thread, padding cut off. */
export async function runRows(
  files: ModelFiles,
  rows: readonly TapInput[],
  taps: readonly string[],
  {
    device,
    layersAtOnce,
    graph = graphFor(device ?? 'cpu'),
  }: { device?: Device; layersAtOnce?: number; graph?: ReturnType<typeof graphFor> } = {},
): Promise<Map<string, Float32Array>[]> {
  const sites = sitesOf(files);
  const groups = compileGroups(files, taps, [], layersAtOnce, graph);
  const sessions: Session[] = [];
  for (const group of groups) sessions.push(await Session.open(await openBackend(device), group, 1));
  const running = groups.map((group, g) => {
    const run: TapRun = (tokens, batch, length, _, inputs) => sessions[g]!.run(tokens, batch, length, inputs);
    return { group, run, release: async () => {} };
  });
  const options = { rows: rows.length };
  try {
    const blocks =
      running.length === 1
        ? streamTaps(rows, running[0]!.run, options)
        : streamGroups(rows, running, options);
    for await (const { contexts, length, taps } of blocks) {
      return contexts.map(
        ({ tokens }, row) =>
          new Map(
            Object.entries(taps).map(([tap, { data }]) => {
              const from = row * length * sites.get(tap)!;
              return [tap, data.subarray(from, from + tokens.length * sites.get(tap)!)];
            }),
          ),
      );
    }
    return [];
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

/** The site that is farthest from what is expected, by |difference| / max(1, |expected|). */
export function farthest(
  found: readonly ReadonlyMap<string, Float32Array>[],
  expected: readonly ReadonlyMap<string, Float64Array>[],
): { difference: number; site: string } {
  let worst = { difference: 0, site: '' };
  found.forEach((sites, row) => {
    for (const [site, values] of sites) {
      const reference = expected[row]!.get(site);
      if (reference === undefined) continue;
      let difference = values.length === reference.length ? 0 : Number.POSITIVE_INFINITY;
      values.forEach((value, i) => {
        const own = Math.abs(value - reference[i]!) / Math.max(1, Math.abs(reference[i]!));
        if (!(own <= difference)) difference = Number.isNaN(own) ? Number.POSITIVE_INFINITY : own;
      });
      if (difference > worst.difference) worst = { difference, site: `${site} of row ${row}` };
    }
  });
  return worst;
}
