import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { MAX_TEXT } from '../../../src/explain/limits.ts';
import { featureTitle } from '../../../src/features/feature-title.ts';
import { ApiError } from '../source/http.ts';
import { type Firing, type Probe, probeQuery } from '../source/probe-queries.ts';
import { studyQuery } from '../source/query-options.ts';
import { featureColour } from '../ui/feature-colours.ts';
import { useDelayed } from '../ui/filters.tsx';
import { counted, formatActivation } from '../ui/metric-info.ts';
import { spelledText } from '../ui/shown-token.ts';
import { explained } from '../ui/tips.tsx';
import type { ProbeSearch } from '../ui/url-state.ts';
import { PageModelPanel, useModelReady } from './page-model.tsx';
import { ProbedTokens } from './probed-tokens.tsx';

/** A text of the reader's own: the units that fire at each token, and with which of their features. */
export function ProbePage() {
  const { text = '', bank } = useSearch({ from: '/probe' });
  const navigate = useNavigate({ from: '/probe' });
  const change = (changes: Partial<ProbeSearch>) =>
    void navigate({ search: (before) => ({ ...before, ...changes }), replace: true, resetScroll: false });
  const [typed, setTyped] = useDelayed(text, (next) => change({ text: next === '' ? undefined : next }));
  const banks = useQuery(studyQuery).data?.banks ?? [];
  const isReady = useModelReady();
  const { data, error, isFetching } = useQuery({
    ...probeQuery(text, bank),
    enabled: isReady && text !== '',
  });
  const shown = text === '' ? undefined : data;
  return (
    <main id="main" className="page narrow probe-page">
      <title>Probe · Polyseme</title>
      <h1>Probe</h1>
      <p className="muted">
        Type a text: at each token stand the units that fire most, relative to their own maximum, with the
        feature that the firing belongs to.
      </p>
      <PageModelPanel />
      <textarea
        aria-label="Text to probe"
        placeholder="A sentence of your own"
        rows={3}
        maxLength={MAX_TEXT}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      <div className="controls">
        <label>
          Bank
          <select value={bank ?? ''} onChange={(event) => change({ bank: event.target.value || undefined })}>
            <option value="">all</option>
            {banks.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <span className="muted small" role="status">
          {isFetching ? 'Running the model …' : shown === undefined ? '' : summary(shown)}
        </span>
      </div>
      {error === null ? null : <ProbeFailure error={error} />}
      {shown === undefined || error !== null ? null : <Answer key={text} probe={shown} />}
    </main>
  );
}

/** Why a text could not be probed, in the server's words. */
export function ProbeFailure({ error }: { error: Error }) {
  const busy = error instanceof ApiError && error.status === 429;
  return (
    <p className="bad" role="alert">
      {busy ? 'The model has too much to do: try again in a moment.' : error.message}
    </p>
  );
}

function summary({ tokens, windows, windowLength }: Probe): string {
  const read = counted(tokens.length, 'token');
  if (windows.length === 1) return read;
  return `${read}, read in ${windows.length} windows of up to ${windowLength}, each by itself`;
}

function Answer({ probe }: { probe: Probe }) {
  const { tokens, windows, firings, missing } = probe;
  const strengths = new Array<number>(tokens.length).fill(0);
  for (const { position, relative } of firings) {
    strengths[position] = Math.max(strengths[position]!, relative ?? 0);
  }
  const strongest = strengths.indexOf(Math.max(...strengths));
  const [chosen, setChosen] = useState<number>();
  const at = chosen ?? strongest;
  return (
    <>
      <ProbedTokens
        tokens={tokens}
        windows={windows}
        strengths={strengths}
        chosen={at}
        onChoose={setChosen}
      />
      {missing.map(({ bank, reason }) => (
        <p key={bank} className="muted small wrap">
          {reason}
        </p>
      ))}
      <section className="panel" aria-label="Units at the token">
        <div className="panel-head">
          <h2>
            Units at <bdi className="mono">{spelledText(tokens[at] ?? '')}</bdi>
          </h2>
        </div>
        <div className="panel-body">
          <FiringList firings={firings.filter(({ position }) => position === at)} />
        </div>
      </section>
    </>
  );
}

function FiringList({ firings }: { firings: readonly Firing[] }) {
  if (firings.length === 0) return <p className="muted">No unit fires here.</p>;
  return (
    <ol className="firings">
      {firings.map(({ bank, index, activation, relative, ...firing }) => (
        <li key={`${bank}/${index}`}>
          <Link
            className="num"
            to="/unit/$bank/$index"
            params={{ bank, index }}
            search={firing.feature === null ? {} : { feature: firing.feature }}
          >
            {bank}/{index}
          </Link>
          <span className="num muted" {...explained(`activation ${formatActivation(activation ?? 0)}`)}>
            {Math.round(100 * (relative ?? 0))} % of its maximum
          </span>
          <FeatureOfFiring {...firing} />
        </li>
      ))}
    </ol>
  );
}

/** The feature that a firing belongs to, with its name or words and its distance; or that it belongs to none. */
export function FeatureOfFiring({
  feature,
  distances,
  ...described
}: Pick<Firing, 'feature' | 'distances' | 'name' | 'words'>) {
  if (feature === null) {
    const least = Math.min(...distances.map((distance) => distance ?? Number.POSITIVE_INFINITY));
    return (
      <span className="muted" {...explained(`The nearest is at a mean distance of ${least.toFixed(2)}`)}>
        none of its features
      </span>
    );
  }
  const colour = featureColour({ id: feature, size: 2 }, distances.length);
  return (
    <span className="firing-feature">
      <i className="dot" style={{ background: colour }} aria-hidden="true" />
      <span className="num">feature {feature}</span> <bdi>{visible(featureTitle(described))}</bdi>{' '}
      <span className="muted num" {...explained('Mean cosine distance to the feature’s examples')}>
        {(distances[feature] ?? 0).toFixed(2)}
      </span>
    </span>
  );
}
