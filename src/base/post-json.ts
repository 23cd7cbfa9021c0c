import { PolysemeError } from '../errors.ts';
import { checkAborted } from './progress.ts';

export interface PostOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** What sends requests; default the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** Milliseconds that an answer may take; default two minutes. */
  readonly timeout?: number;
  /** Milliseconds before the first repetition; doubled for each further one. */
  readonly pause?: number;
  /** Times that a request is sent, at most; default 3. Once, where the other side must not get it twice. */
  readonly attempts?: number;
  readonly signal?: AbortSignal;
}

/** What came of a request: an answer of any status, or why there is none. */
export type Posted =
  | { readonly status: number; readonly body: string; readonly attempts: number }
  | { readonly status: null; readonly why: string; readonly attempts: number };

const ATTEMPTS = 3;
const TIMEOUT = 120_000;
const PAUSE = 1000;
/** The longest that the other side may ask to wait, in milliseconds. */
const LONGEST_PAUSE = 20_000;
/** Bytes of an answer. */
const MAX_BYTES = 1 << 20;
const LONGEST_ERROR = 200;

/**
 * Sends JSON by POST, or asks by GET where there is none to send. What fails for a reason that may pass (no connection, no
 * answer in time, status 429 or 5xx) is sent again; a redirection is no answer.
 *
 * @throws PolysemeError (aborted) where `signal` is
 */
export async function postJson(address: string, value: unknown, options: PostOptions = {}): Promise<Posted> {
  const { pause = PAUSE, attempts = ATTEMPTS, signal } = options;
  for (let attempt = 1; ; attempt++) {
    checkAborted(signal);
    const { after, mayPass, ...sent } = await send(address, value, options);
    if (!mayPass || attempt === attempts) return { ...sent, attempts: attempt } as Posted;
    await wait(Math.min(LONGEST_PAUSE, after ?? pause * 2 ** (attempt - 1)), signal);
  }
}

/** A foreign answer in a line of an error. */
export function shortened(body: string): string {
  const line = body.replaceAll(/\s+/g, ' ').trim();
  if (line === '') return 'nothing';
  return line.length > LONGEST_ERROR ? `${line.slice(0, LONGEST_ERROR)}…` : line;
}

interface Sent {
  readonly status: number | null;
  readonly body?: string;
  readonly why?: string;
  readonly mayPass: boolean;
  readonly after?: number;
}

async function send(
  address: string,
  value: unknown,
  { headers, fetch: request = fetch, timeout = TIMEOUT, signal }: PostOptions,
): Promise<Sent> {
  const timer = AbortSignal.timeout(timeout);
  try {
    const response = await request(address, {
      ...(value === undefined ? {} : { method: 'POST', body: JSON.stringify(value) }),
      headers: { ...(value === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      signal: signal === undefined ? timer : AbortSignal.any([signal, timer]),
      redirect: 'error',
    });
    const { status } = response;
    const body = await bodyText(response);
    const after = Number(response.headers.get('retry-after'));
    const mayPass = status === 429 || status >= 500;
    return { status, body, mayPass, ...(after > 0 ? { after: 1000 * after } : {}) };
  } catch (error) {
    checkAborted(signal);
    if (error instanceof PolysemeError) return { status: null, why: error.message, mayPass: false };
    if (timer.aborted) return { status: null, why: `none within ${timeout / 1000} s`, mayPass: true };
    const { cause, message } = error as Error;
    return { status: null, why: cause instanceof Error ? cause.message : message, mayPass: true };
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
