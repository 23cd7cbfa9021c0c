import { useMemo } from 'react';
import { Meanings } from '../ui/meanings.tsx';
import { Strip } from '../ui/strip.tsx';
import { type Cut, ownMembers } from './feature-cut.ts';

/** Features named under the strip. */
const NAMED = 6;

/** The table of contents of a unit: its features by share, and what the largest are; a piece scrolls to its feature. */
export function UnitContents({
  cut,
  selected,
  onPick,
}: {
  cut: Cut;
  selected: number | undefined;
  onPick: (feature: number, beside: boolean) => void;
}) {
  const shares = useMemo(
    () => ({ sizes: ownMembers(cut).map(({ length }) => length), stray: cut.stray.size }),
    [cut],
  );
  const { features } = cut;
  if (features.length === 0) return null;
  const named = features.slice(0, NAMED);
  return (
    <nav className="unit-contents" aria-label="Features">
      <Strip shares={shares} onPick={onPick} lit={selected === undefined ? undefined : new Set([selected])} />
      <p className="small">
        <Meanings unit={{ ...shares, features: named }} />
      </p>
    </nav>
  );
}
