import { useMemo, useState } from 'react';
import type { Feature } from '../../../src/features/describe.ts';
import { useColoured } from '../explain/token-importance.tsx';
import type { Unit } from '../source/answers.ts';
import { counted } from '../ui/metric-info.ts';
import { Empty } from '../ui/states.tsx';
import type { TokenColour } from '../ui/url-state.ts';
import { Alone } from './alone.tsx';
import { documentNames } from './document-names.ts';
import { FeatureSection } from './feature.tsx';
import { strayByFeature } from './feature-cut.ts';
import { FeatureExamples } from './feature-examples.tsx';
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
  alone,
  onAlone,
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
  /** Whether single and stray examples are unfolded. */
  alone: boolean;
  onAlone: (shown: boolean) => void;
  onSelect: (feature: number | undefined) => void;
  onToggle: (example: number, open: boolean) => void;
}) {
  const [all, setAll] = useState<Unit | null>(null);
  const { features, featureOf, stray } = unitCut.cut;
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
  const count = features.filter(({ size }) => size === 1).length;
  const singles = count > 1 && count < features.length ? count : 0;
  const isSingle = ({ size }: Feature): boolean => singles > 0 && size === 1;
  const shown = features.filter((feature) =>
    isSingle(feature)
      ? !alone && feature.id === wanted
      : all === unit || feature.id < FIRST || feature.id === wanted,
  );
  const rest = features.length - singles - shown.filter((feature) => !isSingle(feature)).length;
  // A stray example that is opened where strays are listed is not opened at its feature too.
  const isOpenAlone = alone && openExample !== undefined && stray.has(openExample);
  const draw = (feature: Feature) => (
    <FeatureSection
      // By what it holds: while the threshold is dragged, sections move and grow instead of being made anew.
      key={feature.members[0]}
      unit={unit}
      feature={feature}
      total={unit.examples}
      isOnly={features.length === 1}
      examples={examples}
      stray={stray}
      isStored={unitCut.stored}
      scale={scale}
      pictures={pictures}
      selected={selected === feature.id}
      isBeside={beside.includes(feature.id)}
      onBeside={features.length > 1 ? onBeside : undefined}
      openExample={
        openExample !== undefined && !isOpenAlone && featureOf[openExample] === feature.id
          ? openExample
          : undefined
      }
      documentName={documentName}
      onSelect={onSelect}
      onToggle={onToggle}
    />
  );
  return (
    <TokenTips examples={examples}>
      {shown.map(draw)}
      {rest <= 0 ? null : (
        <button type="button" className="button" onClick={() => setAll(unit)}>
          Show {counted(rest, 'more feature')}
        </button>
      )}
      <Alone
        singles={singles}
        strays={strayByFeature(features, stray)}
        features={features.length}
        isShown={alone}
        isLookedAt={selected === undefined && openExample === undefined}
        onShow={onAlone}
        draw={(ids) => (
          <FeatureExamples
            unit={unit}
            pictures={pictures === null ? null : { ...pictures, embeddings: null }}
            examples={ids.map((id) => examples[id]!)}
            central={null}
            stray={stray}
            scale={scale}
            openExample={isOpenAlone && ids.includes(openExample) ? openExample : undefined}
            documentName={documentName}
            onToggle={onToggle}
          />
        )}
      >
        {alone ? features.filter(isSingle).map(draw) : null}
      </Alone>
    </TokenTips>
  );
}
