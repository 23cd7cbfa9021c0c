import { useQuery } from '@tanstack/react-query';
import type { Unit } from '../source/answers.ts';
import { source } from '../source/chosen.ts';
import { ablationQuery, type DirectEffect, directEffectQuery, MEASURING } from '../source/effect-queries.ts';
import { explained } from '../ui/tips.tsx';
import { EffectsFrame } from './effects-frame.tsx';
import { MeasuredEffects } from './measured-effects.tsx';
import { TokenChips } from './token-chips.tsx';

/** What a unit does to the output: the tokens that it raises and lowers by itself, and the measured effect of each feature. */
export function EffectsPanel({ unit }: { unit: Unit }) {
  const { bank, index } = unit;
  const direct = useQuery(directEffectQuery(bank, index));
  const measured = useQuery(ablationQuery(bank, index));
  const measure = async () => {
    // Without a model the first of the two says so. A page has no output directions.
    if (source().isSite || !(await direct.refetch()).isError) await measured.refetch();
  };
  if (unit.examples === 0) return null;
  return (
    <EffectsFrame
      about={
        source().isSite
          ? 'What the model predicts without it and without each of its features.'
          : 'The tokens that it raises and lowers, and what the model predicts without it and without each of its features.'
      }
      tip={MEASURING}
      isBusy={direct.isFetching || measured.isFetching}
      errors={[direct.error, measured.error]}
      onMeasure={() => void measure()}
    >
      {direct.data === undefined ? null : <DirectEffects effect={direct.data} />}
      {measured.data === undefined ? null : <MeasuredEffects unit={unit} found={measured.data} />}
    </EffectsFrame>
  );
}

function DirectEffects({ effect: { raised, lowered } }: { effect: DirectEffect }) {
  if (raised === null || lowered === null) {
    return <p className="muted small">Its output does not reach the logits directly.</p>;
  }
  return (
    <dl className="token-effects small">
      <dt>
        <span {...explained('Tokens whose logits its output weights raise most, past all later layers')}>
          Raises
        </span>
      </dt>
      <dd>
        <TokenChips
          tokens={raised.map(({ id, text, effect }) => ({ id, text, title: `+${effect.toFixed(3)}` }))}
        />
      </dd>
      <dt>
        <span {...explained('Tokens whose logits its output weights lower most, past all later layers')}>
          Lowers
        </span>
      </dt>
      <dd>
        <TokenChips
          tokens={lowered.map(({ id, text, effect }) => ({ id, text, title: effect.toFixed(3) }))}
        />
      </dd>
    </dl>
  );
}
