import type { SiteHead } from '../../../../../src/contract/site.ts';
import { ApiError } from '../../http.ts';
import type { ModelQuestions, ModelState, PageModel } from '../../source.ts';
import type { FromWorker, Loaded, ToWorker } from './messages.ts';

const CLOSED: ModelState = { name: 'closed' };
/** Seconds after which the rate of loading is known. */
const LEAST_SECONDS = 1;

/** The model of a site in a thread of its own, once it is wanted. @param base address of the folder of the site's data */
export function pageModel(base: string, head: SiteHead): PageModel {
  let worker: Worker | null = null;
  let state: ModelState = CLOSED;
  let began = 0;
  let asked = 0;
  const listeners = new Set<() => void>();
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: unknown): void }>();
  const change = (next: ModelState): void => {
    state = next;
    for (const listener of listeners) listener();
  };
  const loading = ({ bytes, of }: Loaded): ModelState => {
    const seconds = (performance.now() - began) / 1000;
    const secondsLeft = seconds < LEAST_SECONDS || bytes === 0 ? null : (seconds * (of - bytes)) / bytes;
    return { name: 'loading', bytes, of, secondsLeft };
  };
  const tell = (message: ToWorker): void => worker!.postMessage(message);
  const fail = (why: string): void => {
    worker?.terminate();
    worker = null;
    for (const { reject } of waiting.values()) reject(new ApiError(500, why));
    waiting.clear();
    change({ name: 'failed', why });
  };
  const hear = (message: FromWorker): void => {
    if ('loaded' in message) change(loading(message.loaded));
    else if ('opened' in message) change({ name: 'open', working: null });
    else if ('working' in message) change({ name: 'open', working: message.working });
    else if ('failed' in message) fail(message.failed);
    else {
      const wanted = waiting.get(message.id);
      waiting.delete(message.id);
      if (waiting.size === 0) change({ name: 'open', working: null });
      if ('answer' in message) wanted?.resolve(message.answer);
      else wanted?.reject(new ApiError(message.status, message.message));
    }
  };
  const ask =
    (question: keyof ModelQuestions, count: number) =>
    (...given: readonly unknown[]): Promise<unknown> => {
      if (worker === null) return Promise.reject(new ApiError(422, 'The model is not loaded yet.'));
      const signal = given[count] as AbortSignal | undefined;
      const id = asked++;
      tell({ id, question, asked: given.slice(0, count) });
      signal?.addEventListener('abort', () => worker !== null && tell({ stop: id }), { once: true });
      return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    };
  return {
    summary: head.model!,
    get state() {
      return state;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    open() {
      if (worker !== null) return;
      worker = new Worker(new URL('./model.worker.ts', import.meta.url), { type: 'module' });
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => hear(data);
      worker.onerror = ({ message }) => fail(`The model cannot be run in this browser (${message}).`);
      began = performance.now();
      change(loading({ bytes: 0, of: head.model!.bytes }));
      tell({ base, head });
    },
    questions: {
      probe: ask('probe', 1),
      unitProbe: ask('unitProbe', 3),
      importance: ask('importance', 3),
      ablation: ask('ablation', 3),
    } as ModelQuestions,
  };
}
