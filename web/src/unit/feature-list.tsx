import { useDeferredValue, useMemo, useState } from 'react';
import { useColoured } from '../explain/token-importance.tsx';
import type { Unit } from '../source/answers.ts';
import { counted } from '../ui/metric-info.ts';
import { Empty } from '../ui/states.tsx';
import type { TokenColour } from '../ui/url-state.ts';
import { documentNames } from './document-names.ts';
import { FeatureSection } from './feature.tsx';
import { TokenTips } from './token-tip.tsx';
import type { UnitCut } from './unit-cut.ts';
import { useCentralEmbeddings } from './use-central-embeddings.ts';

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
  const [unfolded, setUnfolded] = useState<Unit | null>(null);
  // While the threshold is dragged, the tree goes first.
  const { features, featureOf, stray } = useDeferredValue(unitCut.cut);
  const { examples, scale } = useColoured(unit, unitCut.examples, colour);
  const documentName = useMemo(() => documentNames(unitCut.examples), [unitCut.examples]);
  const pictures = useCentralEmbeddings(unit, features);
  if (unit.examples === 0) {
    return (
      <Empty title="This unit never responds">
        <p>
          Over all that the study read, no activation of {unit.bank}/{unit.index} was an example. A dead unit
          has no features and no distances.
        </p>
      </Empty>
    );
  }
  const wanted = openExample === undefined ? selected : featureOf[openExample];
  // Single examples say little of a unit that has more than those: they are folded.
  const single = features.filter(({ size }) => size === 1).length;
  const folded = single > 1 && single < features.length ? single : 0;
  const shown = features.filter(
    ({ id, size }) =>
      id === wanted || (folded > 0 && size === 1 ? unfolded === unit : all === unit || id < FIRST),
  );
  const rest = features.length - shown.length - (unfolded === unit ? 0 : folded);
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
          pictures={pictures}
          selected={selected === feature.id}
          isBeside={beside.includes(feature.id)}
          onBeside={features.length > 1 ? onBeside : undefined}
          openExample={
            openExample !== undefined && featureOf[openExample] === feature.id ? openExample : undefined
          }
          documentName={documentName}
          onSelect={onSelect}
          onToggle={onToggle}
        />
      ))}
      {rest <= 0 ? null : (
        <button type="button" className="button" onClick={() => setAll(unit)}>
          Show {counted(rest, 'more feature')}
        </button>
      )}
      {folded === 0 ? null : (
        <button
          type="button"
          className="button quiet"
          aria-expanded={unfolded === unit}
          onClick={() => setUnfolded(unfolded === unit ? null : unit)}
        >
          {unfolded === unit ? '−' : '+'} {counted(folded, 'single example')}
        </button>
      )}
    </TokenTips>
  );
}
