import { type Posted, type PostOptions, postJson, shortened } from '../base/post-json.ts';
import { PolysemeError, UsageError } from '../errors.ts';

/** A language model behind an endpoint that speaks OpenAI's protocol: llama.cpp, Ollama, vLLM, or a service. */
export interface Endpoint {
  /** Its base: http://localhost:11434/v1 */
  readonly url: string;
  readonly model: string;
  /** Sent as a bearer token, where there is one. */
  readonly key?: string;
}

/** Asks the model; gives its answer as text. */
export type Ask = (prompt: string, mostTokens: number) => Promise<string>;

/**
 * A way to ask a language model behind an endpoint. A request that fails for a reason that may pass (no connection, no answer in
 * time, status 429 or 5xx) is sent three times at most. Answers are not streamed, at temperature 0.
 *
 * @throws PolysemeError where the URL is none; and of code `unreachable`, when it is asked, in one line
 * @example
 * const ask = chat({ url: 'http://localhost:11434/v1', model: 'llama3.2' });
 * console.log(await ask('Say yes.', 5));
 */
export function chat(endpoint: Endpoint, options: Omit<PostOptions, 'headers'> = {}): Ask {
  const { url, model, key } = endpoint;
  const address = chatAddress(url);
  const headers: PostOptions['headers'] = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return async (prompt, mostTokens) => {
    const messages = [{ role: 'user', content: prompt }];
    const question = { model, messages, temperature: 0, max_tokens: mostTokens, stream: false };
    const posted = await postJson(address, question, { ...options, headers });
    const text = posted.status === 200 ? answerText(posted.body) : null;
    if (text !== null) return text;
    const times = posted.attempts > 1 ? ` (asked ${posted.attempts} times)` : '';
    throw new PolysemeError(
      `the language model ${model} at ${url} gives no answer${times}: ${whyNone(posted)}`,
      'unreachable',
    );
  };
}

function whyNone(posted: Posted): string {
  if (posted.status === null) return posted.why;
  const answer = shortened(posted.body);
  return posted.status === 200
    ? `it answers ${answer}, which is no conversation`
    : `status ${posted.status}, ${answer}`;
}

/** Where an endpoint takes conversations. */
export function chatAddress(url: string): string {
  const address = URL.canParse(url) ? new URL(url) : null;
  if (address === null || !/^https?:$/.test(address.protocol) || address.username !== '') {
    throw new UsageError(
      `the namer ${JSON.stringify(url)} is no address: give one such as http://localhost:11434/v1 (option namer)`,
    );
  }
  const path = address.pathname.replace(/\/+$/, '');
  address.pathname = path.endsWith('/chat/completions')
    ? path
    : `${path === '' ? '/v1' : path}/chat/completions`;
  return address.href;
}

/** The text of an answer, without what a reasoning model thinks aloud; null where it is no answer. */
function answerText(body: string): string | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return null;
  }
  const at = (value: unknown, key: string | number): unknown =>
    typeof value === 'object' && value !== null
      ? (value as Record<string | number, unknown>)[key]
      : undefined;
  const choice = at(at(parsed, 'choices'), 0);
  const content = at(at(choice, 'message'), 'content') ?? at(choice, 'text');
  const text = Array.isArray(content) ? content.map((part) => at(part, 'text') ?? '').join('') : content;
  return typeof text === 'string' ? text.replace(/<think>[\s\S]*?(?:<\/think>|$)/g, '').trim() : null;
}
