import type { FeatureEffect } from '../source/effect-queries.ts';
import { explained } from '../ui/tips.tsx';
import { TokenChips } from './token-chips.tsx';

/** Tokens that are shown as expected less. */
const SHOWN = 4;

/** What the model predicts without a feature, in a few lines: for features side by side. */
export function FeatureEffectLines({ effect }: { effect: FeatureEffect }) {
  const { kl, klInterval, lossChange, lowered } = effect;
  if (kl === null) {
    return <p className="muted small">Its effect is not known: it fires in none of the measured contexts.</p>;
  }
  const interval = klInterval === null ? '' : ` [${klInterval.map((end) => end.toPrecision(2)).join(', ')}]`;
  return (
    <p className="small">
      <span {...explained('KL of the predicted token without the feature, in nats, with its 95 % interval')}>
        without it: KL{' '}
        <b className="num">
          {kl.toPrecision(2)}
          {interval}
        </b>
      </span>
      {lossChange === null ? null : (
        <>
          , <span {...explained('How much the mean loss changes without the feature, in nats')}>loss</span>{' '}
          <b className="num">{signed(lossChange)}</b>
        </>
      )}
      {lowered.length === 0 ? null : (
        <>
          ; expected less: <LoweredTokens lowered={lowered} />
        </>
      )}
    </p>
  );
}

/** The tokens that are expected less without something. */
export function LoweredTokens({ lowered }: Pick<FeatureEffect, 'lowered'>) {
  return (
    <TokenChips
      tokens={lowered.slice(0, SHOWN).map(({ id, text, change, logChange }) => ({
        id,
        text,
        title: `probability ${(100 * change).toPrecision(2)} points, log-probability ${logChange.toPrecision(2)}`,
      }))}
    />
  );
}

/** +0.012, −0.34 */
export function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toPrecision(2)}`;
}
