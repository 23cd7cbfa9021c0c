import { PolysemeError } from '../errors.ts';
import type { DeviceOption } from '../model/device.ts';
import { proveGpuTraining } from '../sae/trainer/trainer.ts';
import type { SaeTrainerOptions, TrainerDevice } from '../sae/trainer/trainer-options.ts';

/**
 * Where the steps of a training run, by the option that says where its model does: on the GPU with `webgpu`, or with an
 * error that says why not; with `auto` if the GPU can; else on the processor.
 */
export async function stepDevice(
  option: DeviceOption,
  settings: readonly SaeTrainerOptions[],
  note: (line: string) => void = () => {},
): Promise<TrainerDevice> {
  if (option === 'cpu') return 'cpu';
  if (option === 'cuda') {
    note('the steps of the SAE run on the processor: CUDA runs the model alone');
    return 'cpu';
  }
  try {
    for (const own of settings) await proveGpuTraining(own);
    return 'webgpu';
  } catch (error) {
    if (option === 'webgpu' || !(error instanceof PolysemeError)) throw error;
    note(`the steps of the SAE run on the processor: ${error.message}`);
    return 'cpu';
  }
}
