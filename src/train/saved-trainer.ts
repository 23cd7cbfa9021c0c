import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BufferState } from '../activations/buffer.ts';
import { makeWhole, removeLeftovers, writeWhole } from '../base/files.ts';
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
  readonly version: 1;
  readonly step: number;
  readonly batches: number;
  readonly cursor: BufferState['cursor'];
  readonly trainers: readonly Pick<SaeTrainerState, 'version' | 'settings' | 'counters'>[];
}

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
    await writeSafetensors(join(partial, 'buffer.safetensors'), {
      vectors: { data: vectors, shape: [vectors.length] },
    });
    const about: Meta['trainers'][number][] = [];
    for (const [i, state] of trainers.entries()) {
      const { arrays, ...rest } = state();
      about.push(rest);
      const tensors: Record<string, TensorData> = {};
      for (const [key, data] of Object.entries(arrays)) tensors[key] = { data, shape: [data.length] };
      await writeSafetensors(join(partial, `trainer-${i}.safetensors`), tensors);
    }
    const meta: Meta = { version: 1, step, batches, cursor, trainers: about };
    await writeWhole(join(partial, 'state.json'), [JSON.stringify(meta)]);
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
    const meta = JSON.parse(await readFile(join(path, 'state.json'), 'utf8')) as Meta;
    if (meta.version !== 1) throw new Error(`version ${String(meta.version)}, not 1`);
    const { vectors } = await readArrays(join(path, 'buffer.safetensors'));
    return {
      step: meta.step,
      buffer: { vectors: vectors as Float32Array, batches: meta.batches, cursor: meta.cursor },
      async trainer(i) {
        const arrays = await readArrays(join(path, `trainer-${i}.safetensors`)).catch(damaged);
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
