import { PolysemeError } from '../errors.ts';
import type { Predicted } from './edits.ts';
import type { Model } from './load-model.ts';

/**
 * Which token the model's logits at a position are of.
 * @throws PolysemeError where it has none
 */
export function predictedBy({
  source,
  config,
  sites,
}: Pick<Model, 'source' | 'config' | 'sites'>): Predicted {
  if (sites.has('logits')) return config.bidirectional ? 'own' : 'next';
  throw new PolysemeError(
    `${source} predicts nothing (its file has no masked-language head), so that effects on its predictions cannot be ` +
      'measured: give a checkpoint with that head, such as BertForMaskedLM saves',
    'unsupported',
  );
}
