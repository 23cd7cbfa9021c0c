import * as z from 'zod';
import { textOptions, whole } from '../model/text-options.ts';

/** How often examples are drawn, in `sae eval` and `compare --redraw`. */
export const seedsOption = whole(5)
  .default(5)
  .meta({ description: 'draws of each unit’s examples, each from a part of the text of its own' });

/** The options of evaluating an SAE, with their defaults. The text of each is in its `.meta()`. */
export const evaluateOptions = z.strictObject({
  tokens: whole(1).default(100_000).meta({
    description: 'about so many text tokens, in whole contexts spread over the documents by --seed',
  }),
  column: textOptions.column,
  context: textOptions.context,
  bos: textOptions.bos,
  centerWriting: z.enum(['auto', 'yes', 'no']).default('auto').meta({
    description:
      'give the SAE x − mean(x) at a residual, attn_out or mlp_out site; auto: if its config asks for it',
    value: 'WHEN',
  }),
  polysemy: z.boolean().default(true).meta({
    description: 'leave out the comparison of its latents with the MLP neurons of its layer',
  }),
  examples: whole(2).default(32).meta({
    description: 'examples per unit and draw, at most, for that comparison',
  }),
  seeds: seedsOption,
  seed: textOptions.seed,
  device: textOptions.device,
  threads: textOptions.threads,
});
