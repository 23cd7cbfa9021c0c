import { unpack } from '../../../src/base/pack.ts';
import type { Params } from './source.ts';

/** What the server says when it cannot answer (RFC 9457), or why it could not be reached. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

/** GETs a JSON document of the study's server. */
export async function get<T>(path: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  return (await (await ask(path, params, 'application/json', signal)).json()) as T;
}

/** GETs arrays of the study's server. */
export async function getArrays<T>(path: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  const response = await ask(path, params, 'application/octet-stream', signal);
  return unpack(new Uint8Array(await response.arrayBuffer()), path) as T;
}

/** POSTs a JSON document, for what is costly or writes. */
export async function post<T>(path: string, body: object, signal?: AbortSignal): Promise<T> {
  const headers = { accept: 'application/json', 'content-type': 'application/json' };
  return (await (
    await answerOf(path, { method: 'POST', body: JSON.stringify(body), headers, signal })
  ).json()) as T;
}

function ask(path: string, params: Params, accept: string, signal?: AbortSignal): Promise<Response> {
  return answerOf(address(path, params), { signal, headers: { accept } });
}

async function answerOf(url: string, init: RequestInit): Promise<Response> {
  const { signal } = init;
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'The server does not answer. Is `polyseme serve` still running?');
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => null)) as { detail?: string; title?: string } | null;
  throw new ApiError(
    response.status,
    problem?.detail ?? problem?.title ?? `The server answered ${response.status}.`,
  );
}

/** A path with its query; what is undefined is left out. */
export function address(path: string, params: Params): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) if (value !== undefined) query.set(key, String(value));
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Path of a unit in the API. */
export function unitPath(bank: string, index: number): string {
  return `/api/units/${encodeURIComponent(bank)}/${index}`;
}
