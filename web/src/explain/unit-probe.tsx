import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Unit } from '../source/answers.ts';
import { type UnitProbe, unitProbeQuery } from '../source/probe-queries.ts';
import { featureColour } from '../ui/feature-colours.ts';
import { useDelayed } from '../ui/filters.tsx';
import { counted, formatActivation } from '../ui/metric-info.ts';
import { spelledText } from '../ui/shown-token.ts';
import { FeatureOfFiring, ProbeFailure } from './probe-page.tsx';
import { ProbedTokens } from './probed-tokens.tsx';

/** A box in which a text is tried on one unit. */
export function UnitProbeBox({ unit }: { unit: Unit }) {
  const [text, setText] = useState('');
  const [typed, setTyped] = useDelayed(text, setText);
  const { data, error, isFetching } = useQuery(unitProbeQuery(unit.bank, unit.index, text));
  return (
    <section className="panel" aria-labelledby="unit-probe-title">
      <div className="panel-head">
        <h2 id="unit-probe-title">Try a text</h2>
        <span className="grow" />
        <span className="muted small" role="status">
          {isFetching ? 'Running the model …' : ''}
        </span>
      </div>
      <div className="panel-body unit-probe">
        <textarea
          aria-label="Text to try on this unit"
          placeholder="A sentence of your own"
          rows={2}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        {error === null ? null : <ProbeFailure error={error} />}
        {data === undefined || text === '' ? null : <Answer key={text} unit={unit} probe={data} />}
      </div>
    </section>
  );
}

function Answer({ unit, probe }: { unit: Unit; probe: UnitProbe }) {
  const { tokens, windows, activations, firings } = probe;
  const [chosen, setChosen] = useState<number>();
  const strongest = firings.reduce<(typeof firings)[number] | undefined>(
    (best, firing) => ((firing.relative ?? 0) > (best?.relative ?? 0) ? firing : best),
    undefined,
  );
  const at = chosen ?? strongest?.position;
  const strengths = new Array<number>(tokens.length).fill(0);
  const marks = new Map<number, string>();
  for (const { position, activation, relative, feature } of firings) {
    strengths[position] = (relative ?? 0) * ((activation ?? 0) < 0 ? -1 : 1);
    if (feature !== null)
      marks.set(
        position,
        featureColour(unit.features[feature] ?? { id: feature, size: 2 }, unit.features.length),
      );
  }
  const firing = firings.find(({ position }) => position === at);
  return (
    <>
      <ProbedTokens
        tokens={tokens}
        windows={windows}
        strengths={strengths}
        marks={marks}
        chosen={at}
        onChoose={setChosen}
      />
      {windows.length > 1 ? (
        <p className="muted small">
          Read in {windows.length} windows of up to {counted(probe.windowLength, 'token')}, each by itself.
        </p>
      ) : null}
      <p className="small" role="status">
        {at === undefined ? (
          <span className="muted">The unit does not fire on this text.</span>
        ) : (
          <>
            <bdi className="mono">{spelledText(tokens[at]!)}</bdi>{' '}
            <span className="num muted">{formatActivation(activations[at] ?? 0)}</span>{' '}
            {firing === undefined ? (
              <span className="muted">the unit does not fire here</span>
            ) : (
              <FeatureOfFiring {...firing} />
            )}
          </>
        )}
      </p>
    </>
  );
}
