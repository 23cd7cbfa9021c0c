import type { MlpBankOptions } from '../bank/mlp-taps.ts';
import type { Study } from '../study/study.ts';
import { ofFile, parseRunOptions, type RunOptions } from './run-options.ts';

/** How the neurons of a study's banks were read, from its options. */
export function bankOptions(study: Study): MlpBankOptions {
  const { options } = study.info();
  const kept = Object.fromEntries(
    ['layernorm', 'gated'].flatMap((name) => (options[name] == null ? [] : [[name, options[name]]])),
  ) as RunOptions;
  const { layernorm, gated } = ofFile(study.path, () => parseRunOptions(kept));
  return { layernorm, gated };
}
