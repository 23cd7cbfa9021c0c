import { PolysemeError } from '../../errors.ts';
import { type Architecture, type ModelConfig, RawConfig } from './architecture.ts';
import { gpt2 } from './gpt2.ts';
import { llama } from './llama.ts';

/** The architectures that can be run, by config.json's `model_type`. */
const ARCHITECTURES: Record<string, Architecture> = { gpt2, llama };

/** Finds the architecture that config.json names, and reads the config with it. */
export function readModelConfig(
  values: Readonly<Record<string, unknown>>,
  where: string,
): { architecture: Architecture; config: ModelConfig } {
  const type = values['model_type'];
  const architecture =
    typeof type === 'string' && Object.hasOwn(ARCHITECTURES, type) ? ARCHITECTURES[type] : undefined;
  if (architecture === undefined) {
    throw new PolysemeError(
      `${where}: model_type ${JSON.stringify(type)} is not an architecture that can be run (known: ${Object.keys(ARCHITECTURES).join(', ')})`,
      'unsupported',
    );
  }
  return { architecture, config: architecture.readConfig(new RawConfig(values, where)) };
}
