import { useCallback, useSyncExternalStore } from 'react';
import { source } from '../source/chosen.ts';
import type { ModelState, PageModel } from '../source/source.ts';
import { formatTime } from '../ui/time.ts';

const OPEN: ModelState = { name: 'open', working: null };
const NONE: ModelState = { name: 'closed' };

/** Whether there is a model to ask: a server has one, and a site that was exported with it. */
export function hasModel(): boolean {
  return !source().isSite || source().pageModel !== null;
}

function useModelState(): ModelState {
  const { isSite, pageModel } = source();
  const subscribe = useCallback(
    (listener: () => void) => pageModel?.subscribe(listener) ?? (() => {}),
    [pageModel],
  );
  return useSyncExternalStore(subscribe, () => pageModel?.state ?? (isSite ? NONE : OPEN));
}

/** Whether the model can be asked now: of a site once it is loaded. */
export function useModelReady(): boolean {
  return useModelState().name === 'open';
}

/** The model of a site: what it is and weighs, how its loading goes, and how far it is from the study. Nothing elsewhere. */
export function PageModelPanel() {
  const { pageModel } = source();
  const state = useModelState();
  if (pageModel === null) return null;
  return (
    <section className="panel page-model" aria-labelledby="page-model-title">
      <div className="panel-head">
        <h2 id="page-model-title">The model in this page</h2>
      </div>
      <div className="panel-body small">
        <State model={pageModel} state={state} />
      </div>
    </section>
  );
}

function State({ model, state }: { model: PageModel; state: ModelState }) {
  const { bytes, parameters } = model.summary;
  switch (state.name) {
    case 'closed':
      return (
        <>
          <p className="muted">
            Trying a text, the importance of tokens and measured effects need the model, of{' '}
            <span className="num">{(parameters / 1e6).toFixed(1)}</span> million weights. It runs here, in
            this page: nothing you type leaves it.
          </p>
          <button type="button" className="button" onClick={() => model.open()}>
            Load the model ({megabytes(bytes)} MB)
          </button>
        </>
      );
    case 'loading':
      return (
        <>
          <progress aria-label="Loading the model" value={state.bytes} max={state.of} />
          <p className="muted num" role="status">
            {state.bytes >= state.of
              ? 'Starting the model …'
              : `${megabytes(state.bytes)} of ${megabytes(state.of)} MB${state.secondsLeft === null ? '' : `, ${formatTime(state.secondsLeft)} left`}`}
          </p>
        </>
      );
    case 'failed':
      return (
        <>
          <p className="bad" role="alert">
            {state.why}
          </p>
          <button type="button" className="button" onClick={() => model.open()}>
            Try again
          </button>
        </>
      );
    case 'open':
      return (
        <>
          <p className="muted">{differences(model)}</p>
          {state.working === null ? null : (
            <p className="muted num" role="status">
              {state.working.stage}: {state.working.done} of {state.working.total} {state.working.unit}
            </p>
          )}
        </>
      );
  }
}

function differences({ summary: { differences: found } }: PageModel): string {
  const { examples, median, largest } = found;
  return `It runs in half precision. At the peaks of ${examples} examples its activations differ from the study’s by ${percent(median)} (median) and ${percent(largest)} (largest).`;
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
