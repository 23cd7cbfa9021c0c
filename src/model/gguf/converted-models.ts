import { join } from 'node:path';
import { readHubSettings } from '../../hub/hub-settings.ts';

/** The folder of the checkpoints that GGUF files were made into: one that Hugging Face's libraries keep for such things. */
export function convertedModels(): string {
  return join(readHubSettings().assetsDir, 'polyseme', 'gguf');
}
