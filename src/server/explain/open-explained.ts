import { keptResults } from '../../answers/kept-results.ts';
import { mlpNamed } from '../../bank/mlp-taps.ts';
import { saeBank } from '../../bank/sae-bank.ts';
import { digestFiles } from '../../base/file-digest.ts';
import { PolysemeError } from '../../errors.ts';
import { type Explained, explain, type ModelBank, type OpenedModel } from '../../explain/explained.ts';
import { checkpointPaths } from '../../model/checkpoint.ts';
import type { DeviceOption } from '../../model/device.ts';
import { ROPE_LAYOUTS, type RopeLayoutOption } from '../../model/gguf/rope-layout.ts';
import type { Model } from '../../model/load-model.ts';
import { toModel } from '../../model/to-model.ts';
import { bankOptions } from '../../run/bank-options.ts';
import { describeSae, loadSaes, nameSaes, type RunSae } from '../../run/sae-banks.ts';
import type { Study } from '../../study/study.ts';
import { readTensor } from '../../tensors/safetensors.ts';

export interface ExplainedOptions {
  /** The model; default the one that the study was made with. */
  readonly model?: string;
  /** How rotary positions lie in a GGUF file of it; default as in the study. */
  readonly ropeLayout?: RopeLayoutOption;
  /** Where the SAEs of banks `sae/NAME` lie: `NAME=PATH`. */
  readonly sae?: readonly string[];
  /** Where the model runs, see `LoadOptions`; default the processor. */
  readonly device?: DeviceOption;
  /** Threads of the forward pass; default all cores. */
  readonly threads?: number;
  /** Gets what the user should know of the model and the SAEs once they are loaded, one line each. */
  readonly onNote?: (line: string) => void;
}

/**
 * A study with its model on this machine, loaded when it is first needed.
 *
 * @example
 * const study = openStudy('study.db');
 * const explained = openExplained(study);
 * console.log((await explained.model()).source);
 * await explained.close();
 * study.close();
 */
export function openExplained(study: Study, options: ExplainedOptions = {}): Explained {
  return explain(study, () => openModel(study, options), keptResults(study));
}

async function openModel(
  study: Study,
  { model: source, ropeLayout, sae, device, threads, onNote = () => {} }: ExplainedOptions,
): Promise<OpenedModel> {
  const info = study.info();
  const name = source ?? String(info.model['source']);
  const layout = ropeLayout ?? (name.endsWith('.gguf') ? layoutOf(info.model['ropeLayout']) : undefined);
  const { model } = await toModel(name, { device, threads, ropeLayout: layout, note: onNote });
  try {
    const files = await digestFiles(checkpointPaths(model.files), study.madeFrom()?.files);
    const options = bankOptions(study);
    const saes: RunSae[] = [];
    for (const named of nameSaes(sae ?? [])) {
      const then = describedSae(study, named.name);
      const [one] = await loadSaes([named], model, then.includes(', centred, ') ? 'yes' : 'no', onNote);
      checkSae(study, then, describeSae(one!));
      saes.push(one!);
    }
    const banks = info.banks.flatMap(({ name }): ModelBank[] => {
      const tapped = mlpNamed(model.files, name, options);
      if (tapped !== null) {
        return [{ ...tapped.bank, sae: null, classWeights: classWeights(model, tapped.layer) }];
      }
      const found = saes.find((one) => name === `sae/${one.name}`);
      if (found === undefined) return [];
      const { sae: data, attachment } = found;
      return [{ ...saeBank(found.name, data, attachment), sae: { data, attachment } }];
    });
    return { model, files, banks, close: () => model.close() };
  } catch (error) {
    await model.close();
    throw error;
  }
}

/** What the study says of a model in GGUF. */
function layoutOf(value: unknown): RopeLayoutOption {
  return ROPE_LAYOUTS.find((layout) => layout === value) ?? 'auto';
}

/** Of a plain MLP's last hidden layer, the matrix that makes logits of it. */
function classWeights({ files, config }: Model, layer: number): (() => Promise<Float32Array>) | null {
  if (config.architecture !== 'mlp' || layer !== config.layers - 1) return null;
  return () => readTensor({ tensors: files.named }, `layers.${config.layers}.weight`);
}

/** What the study says of the SAE of a bank. */
function describedSae(study: Study, name: string): string {
  const { sae } = study.info().options as { sae?: readonly string[] | null };
  const then = (sae ?? []).find((text) => text.startsWith(`${name} at `));
  if (then !== undefined) return then;
  throw new PolysemeError(`${study.path} has no bank sae/${name}: leave out option sae ${name}`, 'not-found');
}

/** Refuses an SAE that is not the one of the study's bank. */
function checkSae(study: Study, then: string, now: string): void {
  if (then === now) return;
  throw new PolysemeError(
    `an SAE is not the one that ${study.path} was made with: ${now}; the study has ${then}`,
  );
}
