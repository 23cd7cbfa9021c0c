import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BufferState } from '../activations/buffer.ts';
import { digestFiles } from '../base/file-digest.ts';
import { makeWhole, removeLeftovers, writeWhole } from '../base/files.ts';
import { readWhole } from '../base/read-file.ts';
import { sealedJson, unsealedJson } from '../base/sealed.ts';
import { PolysemeError } from '../errors.ts';
import type { SaeTrainerState } from '../sae/trainer/state.ts';
import { openFile } from '../tensors/random-file.ts';
import { readSafetensorsHeader, type TensorRef } from '../tensors/safetensors.ts';
import { type TensorData, writeSafetensors } from '../tensors/write-safetensors.ts';

/** Where training stands: all that it needs to go on to the bit. */
export interface TrainingState {
  readonly step: number;
  readonly buffer: BufferState;
  /** A state a trainer, in the order of the sweep; called one at a time, so that one copy is held at once. */
  readonly trainers: readonly (() => SaeTrainerState)[];
}

interface Meta {
  readonly version: 2;
  readonly step: number;
  readonly batches: number;
  readonly cursor: BufferState['cursor'];
  readonly trainers: readonly Pick<SaeTrainerState, 'version' | 'settings' | 'counters'>[];
  /** SHA-256 of each file beside this one, by name. */
  readonly files: Readonly<Record<string, string>>;
}

const STATE = 'state.json';
/** Bytes of a state.json: some 2 KB a trainer. */
const MAX_STATE = 16 << 20;
const BUFFER = 'buffer.safetensors';
const trainerFile = (i: number): string => `trainer-${i}.safetensors`;

const NAME = /^checkpoint-(\d+)$/;

/** Writes checkpoint `step` into `dir`, a folder of its own. Older ones are removed once it is on the disk. */
export async function writeCheckpoint(dir: string, { step, buffer, trainers }: TrainingState): Promise<void> {
  const name = `checkpoint-${step}`;
  await mkdir(dir, { recursive: true });
  await removeLeftovers(dir);
  await rm(join(dir, name), { recursive: true, force: true });
  await makeWhole(join(dir, name), async (partial) => {
    await mkdir(partial);
    const { vectors, batches, cursor } = buffer;
    await writeSafetensors(join(partial, BUFFER), {
      vectors: { data: vectors, shape: [vectors.length] },
    });
    const about: Meta['trainers'][number][] = [];
    for (const [i, state] of trainers.entries()) {
      const { arrays, ...rest } = state();
      about.push(rest);
      const tensors: Record<string, TensorData> = {};
      for (const [key, data] of Object.entries(arrays)) tensors[key] = { data, shape: [data.length] };
      await writeSafetensors(join(partial, trainerFile(i)), tensors);
    }
    const names = [BUFFER, ...trainers.map((_, i) => trainerFile(i))];
    const digests = await digestFiles(names.map((name) => join(partial, name)));
    const files = Object.fromEntries(digests.map(({ name, sha256 }) => [name, sha256]));
    const meta: Meta = { version: 2, step, batches, cursor, trainers: about, files };
    await writeWhole(join(partial, STATE), [sealedJson(meta)]);
  });
  for (const other of await readdir(dir)) {
    if (other !== name && other.startsWith('checkpoint-')) {
      await rm(join(dir, other), { recursive: true, force: true });
    }
  }
}

/** The newest checkpoint in `dir`; null where there is none. @throws PolysemeError where it is damaged */
export async function readCheckpoint(
  dir: string,
): Promise<{ step: number; buffer: BufferState; trainer: (i: number) => Promise<SaeTrainerState> } | null> {
  const names = await readdir(dir).catch(() => [] as string[]);
  const steps = names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number);
  if (steps.length === 0) return null;
  const path = join(dir, `checkpoint-${Math.max(...steps)}`);
  const damaged = (error: unknown): never => {
    const why = error instanceof Error ? error.message : String(error);
    throw new PolysemeError(`${path} is damaged (${why}): delete it to start again`, 'damaged');
  };
  try {
    const meta = unsealedJson(`${await readWhole(join(path, STATE), MAX_STATE)}`) as unknown as Meta;
    if (meta.version !== 2) throw new Error(`version ${String(meta.version)}, not 2`);
    const read = async (name: string) => {
      const [digest] = await digestFiles([join(path, name)]);
      if (digest!.sha256 !== meta.files[name])
        throw new Error(`${name} is not what was saved: its SHA-256 differs`);
      return readArrays(join(path, name));
    };
    const { vectors } = await read(BUFFER);
    return {
      step: meta.step,
      buffer: { vectors: vectors as Float32Array, batches: meta.batches, cursor: meta.cursor },
      async trainer(i) {
        const arrays = await read(trainerFile(i)).catch(damaged);
        return { ...meta.trainers[i]!, arrays } as SaeTrainerState;
      },
    };
  } catch (error) {
    return damaged(error);
  }
}

const TYPES = { F32: Float32Array, F64: Float64Array, U32: Uint32Array } as const;

/** Every tensor of a file, in its own type. */
async function readArrays(path: string): Promise<Record<string, Float32Array | Float64Array | Uint32Array>> {
  const { tensors } = await readSafetensorsHeader(path);
  const file = await openFile(path);
  try {
    const arrays: Record<string, Float32Array | Float64Array | Uint32Array> = {};
    for (const [name, { dtype, length, offset }] of tensors as Map<string, TensorRef>) {
      const Type = TYPES[dtype as keyof typeof TYPES];
      if (Type === undefined) throw new PolysemeError(`${path}: tensor ${name} is ${dtype}`);
      const bytes = new Uint8Array(length);
      await file.readInto(bytes, offset);
      arrays[name] = new Type(bytes.buffer);
    }
    return arrays;
  } finally {
    await file.close();
  }
}
