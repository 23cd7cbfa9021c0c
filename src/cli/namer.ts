import * as z from 'zod';
import { type Ask, chat, type Endpoint } from '../explain/chat.ts';

/** The options that say which language model is asked, of every command that may ask one. */
export const namerShape = {
  namer: z.string().min(1).meta({
    description:
      'the address of a server that speaks OpenAI’s protocol, e.g. http://localhost:11434/v1; a key is taken from POLYSEME_NAMER_KEY',
    value: 'URL',
  }),
  namerModel: z.string().min(1).meta({ description: 'the language model to ask there', value: 'M' }),
};

export interface NamerOptions {
  readonly namer: string;
  readonly namerModel: string;
}

/** The language model that the options name. */
export function namerOf(
  { namer, namerModel }: NamerOptions,
  signal: AbortSignal,
): Pick<Endpoint, 'url' | 'model'> & { readonly ask: Ask } {
  const key = process.env['POLYSEME_NAMER_KEY'];
  const endpoint = { url: namer, model: namerModel, ...(key ? { key } : {}) };
  return { url: namer, model: namerModel, ask: chat(endpoint, { signal }) };
}
