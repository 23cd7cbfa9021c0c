import { PolysemeError } from '../errors.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { ModelConfig } from './architectures/architecture.ts';
import type { TapData } from './session.ts';

/** What is needed of a model to have the loss on a text. */
interface RunningModel {
  readonly tokenizer: Pick<Tokenizer, 'bosId' | 'addsBos' | 'encode'>;
  readonly config: Pick<ModelConfig, 'contextLength'>;
  run(request: { tokens: number[][]; taps: string[] }): Promise<Record<string, TapData>>;
}

/** Tokens that the loss is over. */
const TOKENS = 64;

/** For a text where there is none at hand; any prose serves. */
const PROSE =
  'It was late in the evening when the two friends came back to the house by the river. The door was open, and ' +
  'there was a light in the kitchen. "Who is there?" asked the older one, but nobody answered. They waited for a ' +
  'while, and then they went in together. On the table they found a letter, a glass of water and three small keys.';

/** Mean loss (nats) of the next token over the first 64 tokens of a text. */
export async function textLoss(model: RunningModel, text: string): Promise<number> {
  const { bosId, addsBos } = model.tokenizer;
  const bos = addsBos && bosId !== null ? [bosId] : [];
  const most = Math.min(TOKENS, model.config.contextLength);
  const tokens = [...bos, ...model.tokenizer.encode(text)].slice(0, most);
  if (tokens.length < 2) throw new PolysemeError('a text of less than two tokens has no loss');
  const { logits } = await model.run({ tokens: [tokens], taps: ['logits'] });
  const { data, shape } = logits!;
  const width = shape[2]!;
  let sum = 0;
  for (let t = 0; t + 1 < tokens.length; t++) {
    const row = data.subarray(t * width, (t + 1) * width);
    const top = row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const total = row.reduce((sum, value) => sum + Math.exp(value - top), 0);
    sum += top + Math.log(total) - row[tokens[t + 1]!]!;
  }
  return sum / (tokens.length - 1);
}

/** The text to compare by: the given one where it is long enough, else a piece of prose. */
export async function sampleText(given: (() => Promise<string>) | undefined): Promise<string> {
  const text = (await given?.()) ?? '';
  return text.trim().length >= 4 * TOKENS ? text : PROSE;
}
