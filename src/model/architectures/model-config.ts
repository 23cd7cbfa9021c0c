import { PolysemeError } from '../../errors.ts';
import type { Architecture } from './architecture.ts';
import { bert, roberta } from './bert.ts';
import { clip, clipVision } from './clip.ts';
import { dinov2, dinov2WithRegisters } from './dinov2.ts';
import { distilbert } from './distilbert.ts';
import { mixtral, qwen2Moe, qwen3Moe } from './expert-mixtures.ts';
import { falcon } from './falcon.ts';
import { gemma, gemma2, gemma3, gemma3Text } from './gemma.ts';
import { gptBigcode } from './gpt-bigcode.ts';
import { gptNeo } from './gpt-neo.ts';
import { gptNeox } from './gpt-neox.ts';
import { gpt2 } from './gpt2.ts';
import { gptj } from './gptj.ts';
import type { KnownType } from './known.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { mlp } from './mlp.ts';
import { modernbert } from './modernbert.ts';
import { mpnet } from './mpnet.ts';
import { olmo2 } from './olmo2.ts';
import { opt } from './opt.ts';
import { phi } from './phi.ts';
import { phi3 } from './phi3.ts';
import { qwen2, qwen3 } from './qwen.ts';
import { RawConfig } from './raw-config.ts';
import { smollm3 } from './smollm3.ts';
import { stablelm } from './stablelm.ts';
import { deit, vit } from './vit.ts';

/** Reads config.json of one `model_type`; a key that changes the computation and is not supported is an error. */
export type Family = (raw: RawConfig) => Architecture;

/** The architectures that can be run, by config.json's `model_type`. */
export const FAMILIES: Readonly<Record<KnownType, Family>> = {
  bert,
  camembert: roberta,
  distilbert,
  falcon,
  gpt2,
  mixtral,
  qwen2_moe: qwen2Moe,
  qwen3_moe: qwen3Moe,
  gemma,
  gemma2,
  gemma3,
  gemma3_text: gemma3Text,
  gpt_bigcode: gptBigcode,
  gpt_neo: gptNeo,
  gpt_neox: gptNeox,
  gptj,
  llama,
  modernbert,
  mpnet,
  opt,
  phi,
  roberta,
  mistral,
  olmo2,
  phi3,
  qwen2,
  qwen3,
  smollm3,
  stablelm,
  'xlm-roberta': roberta,
  clip,
  clip_vision_model: clipVision,
  deit,
  dinov2,
  dinov2_with_registers: dinov2WithRegisters,
  mlp,
  vit,
};

/** Finds the architecture that config.json names, and reads the config with it. */
export function readArchitecture(values: Readonly<Record<string, unknown>>, where: string): Architecture {
  const type = values['model_type'] ?? (isMechMnistic(values) ? 'mlp' : undefined);
  const family =
    typeof type === 'string' && Object.hasOwn(FAMILIES, type) ? FAMILIES[type as KnownType] : undefined;
  if (family === undefined) {
    throw new PolysemeError(
      `${where}: model_type ${JSON.stringify(type)} is not an architecture that can be run (known: ${Object.keys(FAMILIES).sort().join(', ')})`,
      'unsupported',
    );
  }
  return family(new RawConfig(values, where));
}

/** Whether it is a config of mechMNISTic's networks, which name no type: `{ "layers": 1, "neurons": 64 }`. */
function isMechMnistic(values: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(values).sort().join() === 'layers,neurons';
}
