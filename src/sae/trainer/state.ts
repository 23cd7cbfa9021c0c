import { PolysemeError } from '../../errors.ts';
import { type Layout, STATE_ARRAYS, type StateArray } from './layout.ts';
import type { SaeTrainerSettings } from './trainer-options.ts';

/** Numbers that a trainer carries from step to step. */
export interface SaeTrainerCounters {
  step: number;
  /** Factor on inputs, once known. */
  inputScale: number;
  /** Threshold at inference (batchtopk, matryoshka). */
  threshold: number;
  /** The first step's squared error over the inputs' own, against which divergence is judged. */
  firstError: number;
}

/**
 * All that training needs to go on to the bit. Random draws depend on the seed and the step alone, so there is no
 * generator to keep. `arrays` are as the trainer lays them out: a row a latent, padded to a multiple of 8.
 */
export interface SaeTrainerState {
  version: 1;
  settings: SaeTrainerSettings;
  counters: SaeTrainerCounters;
  arrays: Record<StateArray, Float32Array | Float64Array | Uint32Array>;
}

export function readState(
  layout: Layout,
  settings: SaeTrainerSettings,
  counters: SaeTrainerCounters,
): SaeTrainerState {
  const arrays = {} as SaeTrainerState['arrays'];
  for (const name of STATE_ARRAYS) {
    const view = layout.state(name);
    // A copy in memory that is not shared.
    const Type = view.constructor as new (values: typeof view) => typeof view;
    arrays[name] = new Type(view);
  }
  return { version: 1, settings: structuredClone(settings), counters: { ...counters }, arrays };
}

/** Settings that older states don't know, with what they did. */
const OLDER: Partial<SaeTrainerSettings> = {
  residualWeight: 0,
  measureResidual: false,
  device: 'cpu',
};

/** Writes a state back; returns its counters. @throws PolysemeError where it does not fit the settings */
export function writeState(
  layout: Layout,
  settings: SaeTrainerSettings,
  state: SaeTrainerState,
): SaeTrainerCounters {
  if (state.version !== 1) {
    throw new PolysemeError(`SAE training: a state of version ${String(state.version)}; this is version 1`);
  }
  for (const name of Object.keys(settings) as (keyof SaeTrainerSettings)[]) {
    const [own, saved] = [settings[name], state.settings[name] ?? OLDER[name]].map((value) =>
      JSON.stringify(value),
    );
    if (own !== saved) {
      throw new PolysemeError(
        `SAE training: the state is of a trainer with ${name} ${saved}; this one has ${own}: use the same options, or start anew`,
      );
    }
  }
  for (const name of STATE_ARRAYS) {
    const { length } = layout.areas[name];
    if (state.arrays[name]?.length !== length) {
      throw new PolysemeError(
        `SAE training: the state's ${name} has ${state.arrays[name]?.length ?? 'no'} values, not ${length}`,
      );
    }
  }
  for (const name of STATE_ARRAYS) layout.state(name).set(state.arrays[name]);
  return { ...state.counters };
}
