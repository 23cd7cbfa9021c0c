import * as z from 'zod';
import type { Explained } from '../explain/explained.ts';
import type { DeviceOption } from '../model/device.ts';
import type { RopeLayoutOption } from '../model/gguf/rope-layout.ts';
import { textOptions } from '../model/text-options.ts';
import { START_AGAIN, untilInterrupted } from './interrupt.ts';
import { jsonOption } from './options.ts';
import { printNote } from './terminal.ts';

/** The options that say where the model behind a study lies, of every command that may need it. */
export const modelShape = {
  model: z.string().min(1).optional().meta({
    description: 'the model that the study was made with, where it lies elsewhere now',
    value: 'M',
    fallback: 'the study’s',
  }),
  ropeLayout: textOptions.ropeLayout
    .unwrap()
    .optional()
    .meta({ ...textOptions.ropeLayout.meta(), fallback: 'the study’s' }),
  sae: z.array(z.string().min(1)).optional().meta({
    description: 'where the SAE of a bank sae/NAME lies; may be given several times',
    value: 'NAME=PATH',
  }),
  device: textOptions.device,
  threads: textOptions.threads,
};

export interface ModelOptions {
  readonly model?: string;
  readonly ropeLayout?: RopeLayoutOption;
  readonly sae?: readonly string[];
  readonly device?: DeviceOption;
  readonly threads?: number;
}

/** The options of every command that explains a study. */
export const explainShape = { ...modelShape, json: jsonOption };

export interface ExplainOptions extends ModelOptions {
  readonly json: boolean;
}

/** Opens a study with its model (loaded once it is needed) for one job, which Ctrl-C stops. */
export async function withExplained<T>(
  path: string,
  options: ModelOptions,
  job: (explained: Explained, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const [{ openStudy }, { openExplained }] = await Promise.all([
    import('../study/open-study.ts'),
    import('../server/explain/open-explained.ts'),
  ]);
  const study = openStudy(path);
  try {
    const explained = openExplained(study, { ...options, onNote: printNote });
    try {
      return await untilInterrupted(START_AGAIN, (signal) => job(explained, signal));
    } finally {
      await explained.close();
    }
  } finally {
    study.close();
  }
}
