import { visible } from '../../../src/base/visible.ts';
import { featureTitle } from '../../../src/features/feature-title.ts';
import type { Unit } from '../source/answers.ts';
import type { Ablation, FeatureEffect } from '../source/effect-queries.ts';
import { featureColour } from '../ui/feature-colours.ts';
import { explained } from '../ui/tips.tsx';
import { LoweredTokens, signed } from './feature-effect.tsx';

/** What the model predicts without the unit, and without each of its features, beside other units. */
export function MeasuredEffects({ unit, found }: { unit: Unit; found: Ablation }) {
  const { contexts, whole, features, ratio, controls } = found;
  const most = Math.max(
    ...[whole, ...features].map(({ kl, klInterval }) => klInterval?.[1] ?? kl ?? 0),
    1e-12,
  );
  return (
    <>
      <p className="muted small">
        Without it in {contexts} contexts in which it fires. KL of the predicted token, in nats, with its 95 %
        interval; the change of the loss; and the tokens that are expected less.
      </p>
      <table className="effects-table num small">
        <thead>
          <tr>
            <th scope="col">without</th>
            <th scope="col">KL</th>
            <th scope="col">loss</th>
            <th scope="col">expected less</th>
          </tr>
        </thead>
        <tbody>
          {features.map((feature) => (
            <EffectRow
              key={feature.feature}
              name={`feature ${feature.feature}`}
              title={featureTitle(unit.features[feature.feature] ?? { name: null, words: [] })}
              colour={featureColour(
                unit.features[feature.feature] ?? { id: feature.feature, size: 2 },
                unit.features.length,
              )}
              effect={feature}
              most={most}
              lowered={feature.lowered}
            />
          ))}
          <EffectRow
            name="whole unit"
            title=""
            colour="var(--muted)"
            effect={whole}
            most={most}
            lowered={[]}
          />
          {controls === null ? null : <ControlRow controls={controls} most={most} />}
        </tbody>
      </table>
      <p className="small">
        {ratio === null ? null : `All features together: ${Math.round(100 * ratio)} % of the unit’s effect. `}
        <Difference found={found} />
      </p>
    </>
  );
}

/** The units of equal density that the unit is compared with. */
function ControlRow({
  controls: { units, below },
  most,
}: {
  controls: NonNullable<Ablation['controls']>;
  most: number;
}) {
  const kls = units.map(({ kl }) => kl).sort((a, b) => a - b);
  const [low, high] = [kls[0]!, kls.at(-1)!];
  const share = (value: number): string => `${Math.min(100, (100 * value) / most)}%`;
  return (
    <tr className="muted">
      <th scope="row">
        <i className="swatch" aria-hidden="true" />
        <span
          {...explained(
            'Other units of the bank with about the same density, each in contexts of its own: median, least and largest',
          )}
        >
          {units.length} other units
        </span>
      </th>
      <td>
        <span {...explained(`from ${low.toPrecision(2)} to ${high.toPrecision(2)}`)}>
          {kls[Math.floor(kls.length / 2)]!.toPrecision(2)}
        </span>
        <i className="interval" aria-hidden="true">
          <i
            style={{
              left: share(low),
              width: `calc(${share(high)} - ${share(low)})`,
              background: 'var(--muted)',
            }}
          />
        </i>
      </td>
      <td />
      <td>{Math.round(100 * below)} % of them have a smaller effect</td>
    </tr>
  );
}

/** Whether the features do different things, beside what other units would do in the unit's place. */
function Difference({ found: { featureShare, controls, differs } }: { found: Ablation }) {
  if (featureShare === null) return 'Too few firings of two features to compare what they do.';
  const shares = (controls?.units ?? []).flatMap((unit) => unit.featureShare ?? []).sort((a, b) => a - b);
  if (shares.length === 0 || differs === null || controls === null)
    return 'Too few other units to compare with.';
  const percent = (share: number): string => `${Math.round(100 * Math.max(0, share))} %`;
  return (
    <>
      {differs
        ? 'The features do different things, more so than their contexts make any unit do: '
        : 'That the features do different things, beyond what their contexts make any unit do, is not shown: '}
      which feature it is tells {percent(featureShare)} of what the unit does to the predictions, and of what
      the other units would do in its place {percent(shares[Math.floor(shares.length / 2)]!)} (
      {percent(shares[0]!)} to {percent(shares.at(-1)!)}; p {controls.p?.toFixed(2)}).
    </>
  );
}

function EffectRow({
  name,
  title,
  colour,
  effect: { kl, klInterval, lossChange },
  most,
  lowered,
}: {
  name: string;
  /** What the feature is. */
  title: string;
  colour: string;
  effect: Pick<FeatureEffect, 'kl' | 'klInterval' | 'lossChange'>;
  most: number;
  lowered: FeatureEffect['lowered'];
}) {
  const share = (value: number): string => `${(100 * value) / most}%`;
  const [low, high] = klInterval ?? [kl ?? 0, kl ?? 0];
  return (
    <tr>
      <th scope="row">
        <i className="swatch" style={{ background: colour }} aria-hidden="true" />
        {name}
        {title === '' ? null : <bdi className="effect-title">{visible(title)}</bdi>}
      </th>
      <td>
        {kl === null ? '–' : kl.toPrecision(2)}
        <i className="interval" aria-hidden="true">
          <i style={{ left: share(low), width: share(high - low), background: colour }} />
        </i>
      </td>
      <td>{lossChange === null ? '–' : signed(lossChange)}</td>
      <td>
        <LoweredTokens lowered={lowered} />
      </td>
    </tr>
  );
}
