import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Bank } from '../bank/bank.ts';
import { BANK_NAME, isBankName } from '../bank/bank-name.ts';
import { embeddingOf, weightRows } from '../bank/given.ts';
import { readJsonObject } from '../base/json-file.ts';
import { sharedBytes } from '../base/shared-bytes.ts';
import { type GateActivation, gateActivations } from '../embed/gate-activation.ts';
import type { GatedMode } from '../embed/gated.ts';
import { PolysemeError } from '../errors.ts';
import { readSafetensorsHeader, readTensor, type SafetensorsHeader } from '../tensors/safetensors.ts';
import { type GivenPart, readPart, shapeText, tensorRef } from './given-part.ts';

// Files are hostile until parsed: these are more than anybody has.
/** Bytes of bank.json. */
const MAX_JSON = 1 << 20;
/** Units of one bank; the largest SAE released for one layer has 2^20. */
const MAX_UNITS = 2 ** 20;
/** Dimension of the inputs. */
const MAX_WIDTH = 2 ** 18;
/** Files of activations. */
const MAX_PARTS = 100_000;
/** Contexts of a whole folder. */
const MAX_CONTEXTS = 2 ** 31 - 1;
/** Bytes that a scanner's memory may take: WebAssembly ends at 4 GiB. */
const MAX_SCAN = 3.5e9;
/** Bytes of a scanner's memory per unit, and per unit and position of the longest context. */
const SCAN_UNIT = 2100;
const SCAN_POSITION = 6;

/** A folder of activations that somebody else computed, as `docs/own-activations.md` describes it; checked. */
export interface GivenFolder {
  readonly dir: string;
  readonly bank: Bank;
  /** Folder of the tokenizer, or null where bank.json names none. */
  readonly tokenizer: string | null;
  /** Token ids that bank.json names as special. */
  readonly specialIds: readonly number[];
  readonly parts: readonly GivenPart[];
  readonly contexts: number;
  /** Positions of the longest context. */
  readonly longest: number;
}

/** Names of the bank's two taps. */
export const GIVEN_INPUTS = 'inputs';
export const GIVEN_ACTIVATIONS = 'activations';

/**
 * Opens a folder of one's own activations: `bank.json`, `weights.safetensors` and `part-*.safetensors`. Everything but
 * the activations themselves is read and checked.
 *
 * @throws PolysemeError that names the file and tensor: missing, of another shape or element type, or not finite
 */
export async function openGivenFolder(dir: string): Promise<GivenFolder> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'there is no such folder' : error.message;
    throw new PolysemeError(`activations ${dir}: ${why}`, 'not-found');
  });
  for (const needed of ['bank.json', 'weights.safetensors']) {
    if (!names.includes(needed))
      throw new PolysemeError(`${dir} has no ${needed}: it is no folder of activations`, 'not-found');
  }
  const path = join(dir, 'bank.json');
  const described = describe(await readJsonObject(path, MAX_JSON), path);
  const { sizes, bank } = await openBank(join(dir, 'weights.safetensors'), described, path);
  const partNames = names.filter((name) => /^part-.*\.safetensors$/.test(name)).sort();
  if (partNames.length === 0)
    throw new PolysemeError(`${dir} has no part-*.safetensors: there are no activations`, 'not-found');
  if (partNames.length > MAX_PARTS)
    throw new PolysemeError(`${dir} has ${partNames.length} parts (limit ${MAX_PARTS})`);
  const parts: GivenPart[] = [];
  let contexts = 0;
  for (const name of partNames) {
    const part = await readPart(join(dir, name), name, sizes, contexts);
    parts.push(part);
    contexts += part.contexts;
  }
  if (contexts === 0 || contexts > MAX_CONTEXTS) {
    throw new PolysemeError(
      `${dir} has ${contexts} contexts in its parts; from 1 to ${MAX_CONTEXTS} are possible`,
    );
  }
  const longest = parts.reduce((most, part) => Math.max(most, part.longest), 0);
  const bytes = bank.units * (SCAN_UNIT + SCAN_POSITION * longest);
  if (bytes > MAX_SCAN) {
    throw new PolysemeError(
      `${dir}: ${bank.units} units over contexts of ${longest} positions need ${(bytes / 1e9).toFixed(1)} GB: write shorter contexts, or fewer units in one folder`,
      'unsupported',
    );
  }
  return {
    dir,
    bank,
    tokenizer: await tokenizerFolder(dir, described.tokenizer),
    specialIds: described.specialIds,
    parts,
    contexts,
    longest,
  };
}

interface Described {
  readonly name: string;
  readonly site: string;
  readonly tokenizer: string | null;
  readonly specialIds: readonly number[];
  readonly activation: GateActivation | null;
  readonly mode: GatedMode;
}

function describe(json: Record<string, unknown>, path: string): Described {
  const { name, site = '', tokenizer = null, specialIds = [], activation = null, mode = 'gradient' } = json;
  const refuse = (field: string, value: unknown, rule: string): never => {
    const shown = JSON.stringify(value) ?? 'missing';
    throw new PolysemeError(`${path}: ${field} is ${shown.slice(0, 80)}; it must be ${rule}`);
  };
  if (!isBankName(name)) refuse('name', name, BANK_NAME);
  if (typeof site !== 'string' || site.length > 200) refuse('site', site, 'a text of at most 200 characters');
  if (tokenizer !== null && typeof tokenizer !== 'string') {
    refuse('tokenizer', tokenizer, 'the path of a folder with tokenizer.json');
  }
  const ids = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
  if (!Array.isArray(specialIds) || specialIds.length > 100_000 || !specialIds.every(ids)) {
    refuse('specialIds', specialIds, 'a list of token ids');
  }
  const known = Object.keys(gateActivations);
  if (activation !== null && !known.includes(activation as string)) {
    refuse('activation', activation, known.join(', '));
  }
  if (!['gradient', 'gate', 'up'].includes(mode as string)) refuse('mode', mode, 'gradient, gate or up');
  return { name, site, tokenizer, specialIds, activation, mode } as Described;
}

/** The bank that `weights.safetensors` makes: `weights`, or `gate` and `up`. */
async function openBank(path: string, described: Described, json: string) {
  const header = await readSafetensorsHeader(path);
  const gated = header.tensors.has('gate') || header.tensors.has('up');
  const [units, width] = matrixShape(header, path, gated ? 'gate' : 'weights');
  if (gated) {
    const [rows, columns] = matrixShape(header, path, 'up');
    if (rows !== units || columns !== width) {
      throw new PolysemeError(
        `${path}: gate is [${units}, ${width}] and up [${rows}, ${columns}]; they must be equal`,
      );
    }
    if (described.activation === null) {
      throw new PolysemeError(
        `${json} names no activation, which gated weights need: ${Object.keys(gateActivations).join(', ')}`,
      );
    }
  }
  const { name, site, activation, mode } = described;
  const embedding = gated ? embeddingOf({ activation: activation!, mode }) : embeddingOf(new Float32Array(0));
  const bank: Bank = {
    name,
    kind: 'given',
    norms: null,
    site,
    inputs: GIVEN_INPUTS,
    activations: GIVEN_ACTIVATIONS,
    units,
    width,
    embedding,
    edits: [],
    async weights() {
      const rows = new Float32Array(sharedBytes(4 * units * (gated ? 2 * width + 2 : width)));
      const read = async (tensor: string) => readTensor(header, tensor);
      const bias = async (tensor: string) => (header.tensors.has(tensor) ? read(tensor) : undefined);
      try {
        if (!gated) return weightRows(await read('weights'), units, width, rows);
        const [gate, up, gateBias, upBias] = [
          await read('gate'),
          await read('up'),
          await bias('gate_bias'),
          await bias('up_bias'),
        ];
        return weightRows({ gate, up, gateBias, upBias, activation: activation!, mode }, units, width, rows);
      } catch (error) {
        if (error instanceof PolysemeError) throw new PolysemeError(`${path}: ${error.message}`, error.code);
        throw error;
      }
    },
  };
  return { sizes: { units, width }, bank };
}

function matrixShape(header: SafetensorsHeader, path: string, name: string): readonly [number, number] {
  const { shape } = tensorRef(header, path, name, 'floats');
  const [units, width] = shape as [number, number];
  if (shape.length !== 2 || units < 1 || width < 1) {
    throw new PolysemeError(`${path}: ${name} has the shape ${shapeText(shape)}; it must be [units, d]`);
  }
  if (units > MAX_UNITS)
    throw new PolysemeError(`${path}: ${name} has ${units} units (limit ${MAX_UNITS})`, 'unsupported');
  if (width > MAX_WIDTH)
    throw new PolysemeError(`${path}: ${name} has inputs of ${width} (limit ${MAX_WIDTH})`, 'unsupported');
  return [units, width];
}

/** The tokenizer's folder, from the folder of activations; one that is not there is an error. */
async function tokenizerFolder(dir: string, named: string | null): Promise<string | null> {
  if (named === null) return null;
  const folder = resolve(dir, named);
  const there = await stat(join(folder, 'tokenizer.json')).catch(() => null);
  if (there?.isFile()) return folder;
  throw new PolysemeError(
    `${join(dir, 'bank.json')}: tokenizer ${JSON.stringify(named)} is no folder with tokenizer.json: write it there (Python: tokenizer.save_pretrained), or leave tokenizer out to see token ids`,
    'not-found',
  );
}
