import { memo } from 'react';
import { UnitFigures } from '../images/unit-figures.tsx';
import type { Unit } from '../source/answers.ts';
import { useImages } from '../ui/use-images.ts';
import { UnitContents } from './unit-contents.tsx';
import type { UnitCut } from './unit-cut.ts';
import { UnitHead } from './unit-head.tsx';
import { selectedOf, type UnitWays } from './use-unit-search.ts';

/** What stands above the columns: the unit's name and numbers, its features as a strip, and of images its figures. */
export const UnitTop = memo(function UnitTop({
  unit,
  unitCut,
  ways: { search, onAlone, onBeside, onSelect },
}: {
  unit: Unit;
  unitCut: UnitCut;
  ways: UnitWays;
}) {
  const images = useImages();
  const selected = selectedOf(search, unitCut);
  return (
    <>
      <UnitHead unit={unit} unitCut={unitCut} />
      <UnitContents
        unitCut={unitCut}
        selected={selected}
        onPick={(feature, add) => {
          if (feature === null) onAlone(search.alone === undefined);
          else if (add) onBeside(feature);
          else onSelect(feature === selected ? undefined : feature);
        }}
      />
      {images === null ? null : (
        <UnitFigures
          unit={unit}
          grid={images}
          feature={selected ?? 0}
          central={unitCut.examples[unitCut.cut.features[selected ?? 0]?.central ?? -1]}
        />
      )}
    </>
  );
});
