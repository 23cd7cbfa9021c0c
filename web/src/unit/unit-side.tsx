import { memo } from 'react';
import { BlindTest } from '../explain/blind-test.tsx';
import { EffectsPanel } from '../explain/effects-panel.tsx';
import { NearestElsewhere } from '../explain/nearest-elsewhere.tsx';
import { PageModelPanel, useModelReady } from '../explain/page-model.tsx';
import { UnitProbeBox } from '../explain/unit-probe.tsx';
import { ClassEffects } from '../images/class-effects.tsx';
import type { Unit } from '../source/answers.ts';
import { source } from '../source/chosen.ts';
import { useImages } from '../ui/use-images.ts';
import { ownMembers } from './feature-cut.ts';
import { LeftOut } from './left-out.tsx';
import type { UnitCut } from './unit-cut.ts';
import { selectedOf, type UnitWays } from './use-unit-search.ts';
import { ViewsPanel } from './views-panel.tsx';

/** What stands under the tree: the unit seen in other ways, its effects, a test, what is like it, and a text to try. */
export const UnitSide = memo(function UnitSide({
  unit,
  unitCut,
  ways: { search, change, onExample },
}: {
  unit: Unit;
  unitCut: UnitCut;
  ways: UnitWays;
}) {
  const images = useImages();
  const isReady = useModelReady();
  const selected = selectedOf(search, unitCut);
  return (
    <>
      <ViewsPanel
        unit={unit}
        unitCut={unitCut}
        view={search.view ?? 'map'}
        layout={search.layout ?? 'pca'}
        selected={selected}
        onView={(view) => change({ view: view === 'map' ? undefined : view })}
        onLayout={(layout) => change({ layout: layout === 'pca' ? undefined : layout })}
        onExample={onExample}
      />
      {source().isSite ? (
        <>
          <PageModelPanel />
          {isReady ? (
            <>
              <EffectsPanel key={`effects ${unit.bank}/${unit.index}`} unit={unit} />
              <UnitProbeBox key={`${unit.bank}/${unit.index}`} unit={unit} />
            </>
          ) : null}
          <LeftOut unit={unit} />
        </>
      ) : (
        <>
          {images === null ? (
            <EffectsPanel key={`effects ${unit.bank}/${unit.index}`} unit={unit} />
          ) : images.classes === null ? null : (
            <ClassEffects key={`effects ${unit.bank}/${unit.index}`} unit={unit} />
          )}
          <BlindTest
            key={`blind ${unit.bank}/${unit.index}`}
            unit={unit}
            examples={unitCut.examples}
            features={ownMembers(unitCut.cut)}
          />
          <NearestElsewhere unit={unit} selected={selected} />
          {images === null ? <UnitProbeBox key={`${unit.bank}/${unit.index}`} unit={unit} /> : null}
        </>
      )}
    </>
  );
});
