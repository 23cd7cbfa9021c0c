import { useDeferredValue, useState } from 'react';
import { useColoured } from '../explain/token-importance.tsx';
import type { Unit } from '../source/answers.ts';
import { counted } from '../ui/metric-info.ts';
import { Empty } from '../ui/states.tsx';
import type { TokenColour } from '../ui/url-state.ts';
import { FeatureSection } from './feature.tsx';
import { TokenTips } from './token-tip.tsx';
import type { UnitCut } from './unit-cut.ts';

/** Features drawn before the reader asks for the rest. */
const FIRST = 40;

/** All features of a unit, largest first. */
export function FeatureList({
  unit,
  unitCut,
  colour,
  selected,
  openExample,
  beside,
  onBeside,
  onSelect,
  onToggle,
}: {
  unit: Unit;
  unitCut: UnitCut;
  colour: TokenColour;
  selected: number | undefined;
  openExample: number | undefined;
  /** Features that stand side by side. */
  beside: readonly number[];
  onBeside: (feature: number) => void;
  onSelect: (feature: number | undefined) => void;
  onToggle: (example: number, open: boolean) => void;
}) {
  const [all, setAll] = useState<Unit | null>(null);
  // While the threshold is dragged, the tree goes first.
  const { features, featureOf, stray } = useDeferredValue(unitCut.cut);
  const { examples, scale } = useColoured(unit, unitCut.examples, colour);
  if (unit.examples === 0) {
    return (
      <Empty title="This unit never responds">
        <p>
          Over all text that the study read, no activation of {unit.bank}/{unit.index} was an example. A dead
          unit has no features and no distances.
        </p>
      </Empty>
    );
  }
  const wanted = openExample === undefined ? selected : featureOf[openExample];
  const shown = features.filter(({ id }) => all === unit || id < FIRST || id === wanted);
  return (
    <TokenTips examples={examples}>
      {shown.map((feature) => (
        <FeatureSection
          key={feature.id}
          unit={unit}
          feature={feature}
          total={unit.examples}
          features={features.length}
          examples={examples}
          stray={stray}
          isStored={unitCut.stored}
          scale={scale}
          selected={selected === feature.id}
          isBeside={beside.includes(feature.id)}
          onBeside={features.length > 1 ? onBeside : undefined}
          openExample={
            openExample !== undefined && featureOf[openExample] === feature.id ? openExample : undefined
          }
          onSelect={onSelect}
          onToggle={onToggle}
        />
      ))}
      {shown.length === features.length ? null : (
        <button type="button" className="button" onClick={() => setAll(unit)}>
          Show {counted(features.length - shown.length, 'more feature')}
        </button>
      )}
    </TokenTips>
  );
}
