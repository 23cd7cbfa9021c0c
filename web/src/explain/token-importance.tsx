import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Example, Unit } from '../source/answers.ts';
import { type Importance, importanceQuery } from '../source/effect-queries.ts';
import { Segments } from '../ui/controls.tsx';
import type { TokenColour } from '../ui/url-state.ts';

/** Chooses what colours the tokens of all passages of a unit. */
export function ColourSwitch({
  unit,
  value,
  onChange,
}: {
  unit: Unit;
  value: TokenColour;
  onChange: (value: TokenColour) => void;
}) {
  const { error, isFetching } = useQuery({ ...importanceQuery(unit), enabled: value === 'importance' });
  return (
    <>
      <span className="muted small" role="status">
        {value === 'activation' ? '' : isFetching ? 'Masking tokens …' : (error?.message ?? '')}
      </span>
      <Segments
        label="Tokens coloured by"
        options={[
          ['activation', 'Activation'],
          ['importance', 'Importance'],
        ]}
        value={value}
        onChange={onChange}
      />
    </>
  );
}

/** A unit's examples as they are coloured, and the value of the deepest colour. */
export function useColoured(
  unit: Unit,
  examples: readonly Example[],
  colour: TokenColour,
): { readonly examples: readonly Example[]; readonly scale: number } {
  const { data } = useQuery({ ...importanceQuery(unit), enabled: colour === 'importance' });
  return useMemo(() => {
    if (colour === 'importance' && data !== undefined) {
      return { examples: examples.map((one) => withImportance(one, data.get(one.id))), scale: 1 };
    }
    return { examples, scale: Math.max(...unit.leaves.activation.map(Math.abs), 1e-9) };
  }, [unit, examples, colour, data]);
}

/**
 * The example with the importance of each token in the place of its activation. Where there is none, the drops themselves
 * are shown, as shares of the activation.
 */
function withImportance(example: Example, found: Importance | undefined): Example {
  if (found === undefined) return { ...example, activations: [] };
  const { importance, drops, activation } = found;
  const shares = importance ?? drops.map((drop) => (drop === null ? null : drop / Math.abs(activation)));
  return { ...example, activations: shares };
}
