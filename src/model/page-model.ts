import { nextTurn } from '../base/turn.ts';
import { createFitting } from '../tokenizer/fit-vocabulary.ts';
import type { TokenizerFiles } from '../tokenizer/tokenizer.ts';
import type { Backend } from './backend.ts';
import type { Checkpoint } from './checkpoint.ts';
import { compile, readModel, sitesOf } from './compile.ts';
import type { Model } from './load-model.ts';
import { Session } from './session.ts';
import { SessionPool } from './session-pool.ts';
import { streamTaps, type TapRun } from './taps.ts';

/** A model of text that runs in the thread that opened it, from weights that are at hand: as in a page's worker. */
export type PageModel = Pick<
  Model,
  'source' | 'config' | 'tokenizer' | 'images' | 'sites' | 'files' | 'openTaps' | 'close'
>;

/**
 * Opens a checkpoint whose weights a backend has.
 *
 * @param source what the model is called
 * @throws PolysemeError as `loadModel`, where the files do not fit together
 */
export function openPageModel(
  source: string,
  checkpoint: Checkpoint,
  tokenizerFiles: TokenizerFiles,
  backend: Backend,
): PageModel {
  const files = readModel(checkpoint);
  const tokenizer = createFitting(
    { ...tokenizerFiles, isEncoder: files.model.bidirectional },
    { vocabulary: files.model.vocabulary },
  );
  const sessions = new SessionPool();
  let opened = 0;
  let last: Promise<unknown> = Promise.resolve();
  return {
    source,
    config: files.model,
    tokenizer,
    images: null,
    sites: sitesOf(files),
    files,
    openTaps(taps, edits) {
      const program = compile(files, taps, edits);
      const key = `taps ${opened++}`;
      /** One run at a time; before each, what this thread was sent meanwhile (to stop, say) has its turn. */
      const run: TapRun = (tokens, batch, length, _, inputs) => {
        const turn = last.then(nextTurn).then(async () => {
          const session = await sessions.get(key, () => Session.open(backend, program, 1));
          return session.run(tokens, batch, length, inputs);
        });
        last = turn.catch(() => {});
        return turn;
      };
      return {
        widths: program.widths,
        stream: (contexts, options) => streamTaps(contexts, run, options),
        close: () => sessions.release(key),
      };
    },
    close: () => sessions.close(),
  };
}
