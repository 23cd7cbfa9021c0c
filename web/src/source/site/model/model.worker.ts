import type { SiteHead } from '../../../../../src/contract/site.ts';
import { RUNTIME_SCRIPT } from '../../../../../src/contract/site-model.ts';
import type { WebRuntime } from '../../../../../src/model/backends/onnxruntime-web.ts';
import { ApiError } from '../../http.ts';
import type { ModelQuestions } from '../../source.ts';
import { problemOf } from '../problems.ts';
import { fetchedFiles, SiteFiles } from '../site-files.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { openModelAnswers } from './model-answers.ts';

// The thread in which a page's model runs, so that the page goes on.

let answers: Promise<ModelQuestions> | null = null;
const stops = new Map<number, AbortController>();

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if ('base' in data) {
    answers = open(data.base, data.head);
    // The page hears of a failure by message.
    answers.catch(() => {});
  } else if ('stop' in data) stops.get(data.stop)?.abort();
  else void answer(data);
});

async function open(base: string, head: SiteHead): Promise<ModelQuestions> {
  const runtime = (): Promise<WebRuntime> =>
    import(/* @vite-ignore */ new URL(RUNTIME_SCRIPT, base).href).catch(() => {
      throw new ApiError(
        500,
        `The runtime of this site cannot be loaded (${RUNTIME_SCRIPT}): was the folder copied whole?`,
      );
    });
  const opened = openModelAnswers(
    new SiteFiles(fetchedFiles(base)),
    head,
    runtime,
    (loaded) => send({ loaded }),
    (working) => send({ working }),
  );
  opened.then(
    () => send({ opened: true }),
    (error) => send({ failed: problemOf(error).message }),
  );
  return opened;
}

async function answer({ id, question, asked }: Extract<ToWorker, { id: number }>): Promise<void> {
  const stop = new AbortController();
  stops.set(id, stop);
  try {
    const found = await answers!;
    const ask = found[question] as (...asked: unknown[]) => Promise<unknown>;
    send({ id, answer: await ask(...asked, stop.signal) });
  } catch (error) {
    const { status, message } = problemOf(error);
    send({ id, status, message });
  } finally {
    stops.delete(id);
  }
}

function send(message: FromWorker): void {
  postMessage(message);
}
