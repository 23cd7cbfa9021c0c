import * as z from 'zod';
import { ablationResult, directEffectResult, exampleImportance } from '../explain/results.ts';
import { count } from './schemas.ts';

/** What the HTTP API gives that needs the model behind the study. */

export const modelAnswer = z
  .object({
    model: z
      .string()
      .nullable()
      .meta({ description: 'the source that it was loaded from; null where it is missing' }),
    missing: z.string().nullable().meta({ description: 'why there is no model, in one line' }),
  })
  .meta({ id: 'Model' });

const { activation, drops, importance, minimal } = exampleImportance.shape;

export const importanceAnswer = z
  .object({
    bank: z.string(),
    index: count,
    mask: z
      .object({ id: count, text: z.string() })
      .meta({ description: 'the token that masked ones are replaced by' }),
    examples: z.array(
      z
        .object({
          example: count.meta({ description: 'its rank' }),
          feature: count,
          position: count.meta({ description: 'of the peak: the last of the tokens' }),
          tokens: z.array(z.string()).meta({ description: 'up to the peak' }),
          activation: activation.meta({ description: 'at the peak' }),
          drops: drops.meta({
            description:
              'by how much the activation falls, in the direction of its sign, where each token is masked; null at special tokens',
          }),
          importance: importance.meta({
            description:
              'the drops divided by that of the peak, from 0 to 1; null where masking the peak takes away less than 5 % of the activation',
          }),
          minimal: minimal.meta({
            description: 'tokens of the shortest passage ending at the peak that gives 0.8 of the activation',
          }),
        })
        .meta({ id: 'ExampleImportance' }),
    ),
  })
  .meta({ id: 'Importance' });

export const directEffectAnswer = directEffectResult.meta({
  id: 'DirectEffect',
  description:
    'the tokens whose logits a unit raises and lowers by itself, past all later layers: its output weights through the final norm and the unembedding, for each 1 of activation; null where its output does not reach the logits directly',
});

export const ablationAnswer = ablationResult.meta({
  id: 'Ablation',
  description:
    'what the model predicts changes where the activation of a unit, or of one of its features, is changed',
});

export type DirectEffectAnswer = z.output<typeof directEffectAnswer>;
export type AblationAnswer = z.output<typeof ablationAnswer>;
export type ImportanceAnswer = z.output<typeof importanceAnswer>;
export type ModelAnswer = z.output<typeof modelAnswer>;
