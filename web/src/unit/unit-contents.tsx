import { useMemo } from 'react';
import { Meanings } from '../ui/meanings.tsx';
import { Strip } from '../ui/strip.tsx';
import { useImages } from '../ui/use-images.ts';
import { ownMembers } from './feature-cut.ts';
import type { UnitCut } from './unit-cut.ts';

/** Features named under the strip. */
const NAMED = 6;

/** The table of contents of a unit: its features by share, and what the largest are; a piece scrolls to its feature. */
export function UnitContents({
  unitCut: { cut, examples },
  selected,
  onPick,
}: {
  unitCut: UnitCut;
  selected: number | undefined;
  /** Without a feature: the examples that stand alone. */
  onPick: (feature: number | null, beside: boolean) => void;
}) {
  const shares = useMemo(
    () => ({ sizes: ownMembers(cut).map(({ length }) => length), stray: cut.stray.size }),
    [cut],
  );
  const images = useImages();
  const { features } = cut;
  if (features.length === 0) return null;
  const named = features.slice(0, NAMED).map((feature) => ({
    ...feature,
    image: images === null ? undefined : examples[feature.central]?.context,
  }));
  return (
    <nav className="unit-contents" aria-label="Features">
      <Strip shares={shares} onPick={onPick} lit={selected === undefined ? undefined : new Set([selected])} />
      <p className="small">
        <Meanings unit={{ ...shares, features: named }} />
      </p>
    </nav>
  );
}
