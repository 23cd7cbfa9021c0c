import { memo } from 'react';
import { useModelReady } from '../explain/page-model.tsx';
import { ColourSwitch, useColoured } from '../explain/token-importance.tsx';
import type { Unit } from '../source/answers.ts';
import { counted } from '../ui/metric-info.ts';
import type { TokenColour } from '../ui/url-state.ts';
import { useImages } from '../ui/use-images.ts';
import { VERDICT_NAMES } from '../ui/verdict-names.ts';
import { besideOf } from './beside.ts';
import { FeatureList } from './feature-list.tsx';
import { FeaturesBeside } from './features-beside.tsx';
import { saveFeatures } from './save-features.ts';
import type { UnitCut } from './unit-cut.ts';
import { selectedOf, type UnitWays } from './use-unit-search.ts';

/** The unit's features: how many, those that are laid side by side, and all of them with their examples. */
export const UnitFeatures = memo(function UnitFeatures({
  unit,
  unitCut,
  ways: { search, change, onSelect, onToggle, onAlone, onCut, setBeside, onBeside },
}: {
  unit: Unit;
  unitCut: UnitCut;
  ways: UnitWays;
}) {
  const images = useImages();
  const isReady = useModelReady();
  // Importance needs the model, and text.
  const colour = images !== null || !isReady ? 'activation' : (search.colour ?? 'activation');
  const features = unitCut.cut.features.length;
  const beside = besideOf(search.beside, features);
  return (
    <section className="features" aria-labelledby="features-title">
      <div className="features-head">
        <h2 id="features-title" className="num">
          {counted(features, 'feature')}{' '}
          <span className="muted">
            in {counted(unit.examples, 'example')}
            {unitCut.stored && unit.verdict !== null ? `: ${VERDICT_NAMES[unit.verdict]}` : ''}
          </span>
        </h2>
        <span className="grow" />
        {images !== null || !isReady ? null : (
          <ColourSwitch
            unit={unit}
            value={colour}
            onChange={(next) => change({ colour: next === 'activation' ? undefined : next })}
          />
        )}
        <button
          type="button"
          className="button quiet"
          aria-label="Save the examples as CSV"
          onClick={() => saveFeatures(unit, unitCut)}
        >
          CSV
        </button>
      </div>
      {beside.length < 2 ? null : (
        <BesidePanel
          unit={unit}
          unitCut={unitCut}
          colour={colour}
          ids={beside}
          onCut={(threshold) => onCut({ threshold, features: undefined })}
          onDrop={(id) => setBeside(id === undefined ? [] : beside.filter((other) => other !== id))}
        />
      )}
      <FeatureList
        key={`features ${unit.bank}/${unit.index}`}
        unit={unit}
        unitCut={unitCut}
        colour={colour}
        selected={selectedOf(search, unitCut)}
        openExample={
          search.example !== undefined && search.example < unit.examples ? search.example : undefined
        }
        beside={beside}
        onBeside={onBeside}
        alone={search.alone === 'shown'}
        onAlone={onAlone}
        onSelect={onSelect}
        onToggle={onToggle}
      />
    </section>
  );
});

/** Side by side, with the tokens coloured as in the list. */
function BesidePanel({
  unit,
  colour,
  ...panel
}: { colour: TokenColour } & Omit<Parameters<typeof FeaturesBeside>[0], 'examples' | 'scale'>) {
  const { examples, scale } = useColoured(unit, panel.unitCut.examples, colour);
  return <FeaturesBeside unit={unit} {...panel} examples={examples} scale={scale} />;
}
