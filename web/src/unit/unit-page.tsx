import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useEffect } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { featureTitle } from '../../../src/features/feature-title.ts';
import { BlindTest } from '../explain/blind-test.tsx';
import { EffectsPanel } from '../explain/effects-panel.tsx';
import { NearestElsewhere } from '../explain/nearest-elsewhere.tsx';
import { Note } from '../explain/note.tsx';
import { PageModelPanel, useModelReady } from '../explain/page-model.tsx';
import { ColourSwitch, useColoured } from '../explain/token-importance.tsx';
import { UnitProbeBox } from '../explain/unit-probe.tsx';
import { ClassEffects } from '../images/class-effects.tsx';
import { UnitFigures } from '../images/unit-figures.tsx';
import type { Unit } from '../source/answers.ts';
import { source } from '../source/chosen.ts';
import { ApiError } from '../source/http.ts';
import { queryClient, studyQuery, unitQuery } from '../source/query-options.ts';
import { counted } from '../ui/metric-info.ts';
import { useRecent } from '../ui/recent.ts';
import { useShortcuts } from '../ui/shortcuts.ts';
import { Failure, Loading } from '../ui/states.tsx';
import { useUndo } from '../ui/undo.ts';
import { ofNextUnit, type TokenColour } from '../ui/url-state.ts';
import { useImages } from '../ui/use-images.ts';
import { useRandom } from '../ui/use-random.ts';
import { VERDICT_NAMES } from '../ui/verdict-names.ts';
import { besideOf } from './beside.ts';
import { ownMembers } from './feature-cut.ts';
import { FeatureList } from './feature-list.tsx';
import { FeaturesBeside } from './features-beside.tsx';
import { LeftOut } from './left-out.tsx';
import { saveFeatures } from './save-features.ts';
import { TreePanel } from './tree-panel.tsx';
import { UnitContents } from './unit-contents.tsx';
import { useUnitCut } from './unit-cut.ts';
import { UnitHead } from './unit-head.tsx';
import { useFeatureAt, useUnitSearch } from './use-unit-search.ts';
import { ViewsPanel } from './views-panel.tsx';

/** One unit: its features with examples, beside the tree that they are cut from. */
export function UnitPage() {
  const { bank, index } = useParams({ from: '/unit/$bank/$index' });
  const isIndex = Number.isInteger(index);
  const { data, error, isPlaceholderData, refetch } = useQuery({
    ...unitQuery(bank, index),
    enabled: isIndex,
  });
  const failure = isIndex
    ? error
    : new ApiError(404, 'A unit’s number is a whole number, as in /unit/mlp.2/137.');
  return (
    <main id="main" className="page unit" aria-busy={isPlaceholderData}>
      <title>{`${visible(bank)}/${isIndex ? index : '?'} · Polyseme`}</title>
      {failure !== null ? (
        <>
          <h1 className="wrap">
            {bank}/{isIndex ? index : '?'}
          </h1>
          <Failure error={failure} onRetry={() => void refetch()} />
        </>
      ) : data === undefined ? (
        <>
          <h1>
            <span className="muted">{bank}/</span>
            {index}
          </h1>
          <Loading what="the unit" />
        </>
      ) : (
        <UnitView unit={data} />
      )}
    </main>
  );
}

function UnitView({ unit }: { unit: Unit }) {
  const { search, change, onSelect, onExample, onToggle, onAlone, onCut, setBeside, onBeside } =
    useUnitSearch();
  const navigate = useNavigate();
  const random = useRandom();
  const unitCut = useUnitCut(unit, search);
  const images = useImages();
  const { bank, neighbours } = unit;

  useUndo(`${unit.bank}/${unit.index}`);
  useVisited(unit);
  useFeatureAt(unitCut, search.at, change);
  const at = useParams({ from: '/unit/$bank/$index' });
  const step = (by: -1 | 1) => {
    const index = neighbour(unit, at, by);
    if (index === null) return;
    void navigate({
      to: '/unit/$bank/$index',
      params: { bank: at.bank, index },
      search: ofNextUnit,
    });
  };
  const previous = () => step(-1);
  const next = () => step(1);
  useShortcuts({ ArrowLeft: previous, ArrowRight: next });
  useEffect(() => {
    for (const index of [neighbours.next, neighbours.previous]) {
      if (index !== null) void queryClient.prefetchQuery(unitQuery(bank, index));
    }
  }, [bank, neighbours]);

  const beside = besideOf(search.beside, unitCut.cut.features.length);
  // Importance needs the model, and text.
  const isReady = useModelReady();
  const colour = images !== null || !isReady ? 'activation' : (search.colour ?? 'activation');
  const features = unitCut.cut.features.length;
  const selected = search.feature !== undefined && search.feature < features ? search.feature : undefined;
  return (
    <>
      <UnitHead unit={unit} unitCut={unitCut} onRandom={random}>
        <Note
          key={`note ${unit.bank}/${unit.index}`}
          unit={unit}
          about={`${unit.bank}/${unit.index}`}
          examples={null}
        />
      </UnitHead>
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
      <div className="unit-grid">
        <div className="unit-side">
          <TreePanel unit={unit} unitCut={unitCut} selected={selected} onCut={onCut} onExample={onExample} />
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
                <ClassEffects unit={unit} />
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
        </div>
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
            selected={selected}
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
      </div>
    </>
  );
}

/** Remembers the unit as one looked at, by what its largest features are. */
function useVisited({ bank, index, features }: Unit): void {
  const { visit } = useRecent();
  const title = features.slice(0, 3).map(featureTitle).join(' | ');
  useEffect(() => visit({ bank, index, title }), [visit, bank, index, title]);
}

/** Side by side, with the tokens coloured as in the list. */
function BesidePanel({
  unit,
  colour,
  ...panel
}: { colour: TokenColour } & Omit<Parameters<typeof FeaturesBeside>[0], 'examples' | 'scale'>) {
  const { examples, scale } = useColoured(unit, panel.unitCut.examples, colour);
  return <FeaturesBeside unit={unit} {...panel} examples={examples} scale={scale} />;
}

/** The unit before or after the one in the URL, which may still be on its way while another is on screen. */
function neighbour(shown: Unit, at: { bank: string; index: number }, by: -1 | 1): number | null {
  const isShown = shown.bank === at.bank && shown.index === at.index;
  const unit = isShown ? shown : queryClient.getQueryData(unitQuery(at.bank, at.index).queryKey);
  if (unit !== undefined) return by < 0 ? unit.neighbours.previous : unit.neighbours.next;
  const bank = queryClient.getQueryData(studyQuery.queryKey)?.banks.find(({ name }) => name === at.bank);
  const index = at.index + by;
  return index >= 0 && index < (bank?.units ?? 0) ? index : null;
}
