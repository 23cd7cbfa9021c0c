import type { MlpBankOptions } from '../bank/mlp-taps.ts';
import type { StudyInfo } from '../study/study.ts';
import { parseRunOptions, type RunOptions } from './run-options.ts';

/** How the neurons of a study's banks were read, from its options. */
export function bankOptions(options: StudyInfo['options']): MlpBankOptions {
  const { layernorm, gated } = parseRunOptions(
    Object.fromEntries(
      ['layernorm', 'gated'].flatMap((name) => (options[name] == null ? [] : [[name, options[name]]])),
    ) as RunOptions,
  );
  return { layernorm, gated };
}
