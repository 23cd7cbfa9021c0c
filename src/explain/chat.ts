import { checkAborted } from '../base/progress.ts';
import { PolysemeError } from '../errors.ts';

/** A language model behind an endpoint that speaks OpenAI's protocol: llama.cpp, Ollama, vLLM, or a service. */
export interface Endpoint {
  /** Its base: http://localhost:11434/v1 */
  readonly url: string;
  readonly model: string;
  /** Sent as a bearer token, where there is one. */
  readonly key?: string;
}

export interface ChatOptions {
  /** What sends requests; default the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** Milliseconds that an answer may take; default two minutes. */
  readonly timeout?: number;
  /** Milliseconds before the first repetition; doubled for each further one. */
  readonly pause?: number;
  readonly signal?: AbortSignal;
}

/** Asks the model; gives its answer as text. */
export type Ask = (prompt: string, mostTokens: number) => Promise<string>;

/** Times that a request is sent, where the endpoint is busy, slow or gone. */
const ATTEMPTS = 3;
const TIMEOUT = 120_000;
const PAUSE = 1000;
/** The longest that an endpoint may ask to wait, in milliseconds. */
const LONGEST_PAUSE = 20_000;
/** Bytes of an answer. */
const MAX_BYTES = 1 << 20;
const LONGEST_ERROR = 200;

/**
 * A way to ask a language model behind an endpoint. A request that fails for a reason that may pass (no connection, no answer in
 * time, status 429 or 5xx) is sent three times at most. Answers are not streamed, at temperature 0.
 *
 * @throws PolysemeError where the URL is none; and of code `unreachable`, when it is asked, in one line
 * @example
 * const ask = chat({ url: 'http://localhost:11434/v1', model: 'llama3.2' });
 * console.log(await ask('Say yes.', 5));
 */
export function chat(endpoint: Endpoint, options: ChatOptions = {}): Ask {
  const address = chatAddress(endpoint.url);
  const { pause = PAUSE, signal } = options;
  return async (prompt, mostTokens) => {
    for (let attempt = 1; ; attempt++) {
      checkAborted(signal);
      const found = await send(address, endpoint, prompt, mostTokens, options);
      if ('text' in found) return found.text;
      if (!found.mayPass || attempt === ATTEMPTS) {
        const times = attempt > 1 ? ` (asked ${attempt} times)` : '';
        throw new PolysemeError(
          `the language model ${endpoint.model} at ${endpoint.url} gives no answer${times}: ${found.why}`,
          'unreachable',
        );
      }
      await wait(Math.min(LONGEST_PAUSE, found.after ?? pause * 2 ** (attempt - 1)), signal);
    }
  };
}

/** Where an endpoint takes conversations. */
export function chatAddress(url: string): string {
  const address = URL.canParse(url) ? new URL(url) : null;
  if (address === null || !/^https?:$/.test(address.protocol) || address.username !== '') {
    throw new PolysemeError(
      `the namer ${JSON.stringify(url)} is no address: give one such as http://localhost:11434/v1 (option namer)`,
    );
  }
  const path = address.pathname.replace(/\/+$/, '');
  address.pathname = path.endsWith('/chat/completions')
    ? path
    : `${path === '' ? '/v1' : path}/chat/completions`;
  return address.href;
}

type Sent =
  | { readonly text: string }
  | { readonly why: string; readonly mayPass: boolean; readonly after?: number };

async function send(
  address: string,
  { model, key }: Endpoint,
  prompt: string,
  mostTokens: number,
  { fetch: request = fetch, timeout = TIMEOUT, signal }: ChatOptions,
): Promise<Sent> {
  const timer = AbortSignal.timeout(timeout);
  try {
    const response = await request(address, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({
        model,
        messages: [{ role: 'user', content: prompt }],
        temperature: 0,
        max_tokens: mostTokens,
        stream: false,
      }),
      signal: signal === undefined ? timer : AbortSignal.any([signal, timer]),
      redirect: 'error',
    });
    const body = await bodyText(response);
    if (response.status === 200) {
      const text = answerText(body);
      return text === null
        ? { why: `it answers ${shortened(body)}, which is no conversation`, mayPass: false }
        : { text };
    }
    const why = `status ${response.status}, ${shortened(body)}`;
    const isBusy = response.status === 429 || response.status >= 500;
    const after = Number(response.headers.get('retry-after'));
    return { why, mayPass: isBusy, ...(after > 0 ? { after: 1000 * after } : {}) };
  } catch (error) {
    checkAborted(signal);
    if (error instanceof PolysemeError) return { why: error.message, mayPass: false };
    if (timer.aborted) return { why: `none within ${timeout / 1000} s`, mayPass: true };
    const { cause, message } = error as Error;
    return { why: cause instanceof Error ? cause.message : message, mayPass: true };
  }
}

/** The body of an answer, which may not be longer than a limit. */
async function bodyText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += part.length;
    if (bytes > MAX_BYTES) throw new PolysemeError(`an answer of more than ${MAX_BYTES} bytes`);
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
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

function shortened(body: string): string {
  const line = body.replaceAll(/\s+/g, ' ').trim();
  if (line === '') return 'nothing';
  return line.length > LONGEST_ERROR ? `${line.slice(0, LONGEST_ERROR)}…` : line;
}

function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener('abort', done, { once: true });
  });
}
